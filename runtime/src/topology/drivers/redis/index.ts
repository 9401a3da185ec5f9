import type { ServiceHandle } from '../../../binding/index.ts';
import { connectRedis } from '../../../connections/redis/index.ts';
import { nodesOf } from '../../../connections/redis/nodes.ts';
import type { SecretRef } from '../../../contracts/binding.ts';
import { isMillraceError, type MillraceError } from '../../../contracts/errors.ts';
import { sha256 } from '../../../hash.ts';
import { type Comparison, type Driver, type DriverContext, type Note, notCompared } from '../../driver.ts';
import { type ApplyContext, carryOut } from './apply.ts';
import { type DeclaredUser, declaredOn } from './declared.ts';
import { compare } from './diff.ts';
import { checkLogins } from './logins.ts';
import { readRedis } from './read.ts';
import type { PasswordHashes, Step } from './steps.ts';

/**
 * Keeps groups and ACL users of a Redis as declared: groups on the master, users on every server, because they are not replicated.
 *
 * @throws {MillraceError} as `connectRedis`; ENVIRONMENT_INVALID for users that cannot be.
 */
export async function openRedisDriver({ service: handle, topology }: DriverContext): Promise<Driver> {
  const { service } = handle;
  const byPlan = service.administration?.usersFrom === 'plan';
  const declared = declaredOn(topology, handle.name, service.users);
  const connection = await connectRedis(handle, { name: 'millrace-apply', cluster: true });
  const { client: master } = connection;
  let steps = new Map<string, Step>();
  let context: ApplyContext;

  const compareNow = async (): Promise<Comparison> => {
    const [live, passwordHashes, logins] = await Promise.all([
      readRedis(master, handle, declared),
      byPlan ? new Map<never, never>() : hashesOf(handle, declared.users),
      byPlan ? checkLogins(handle, topology, declared.users) : [],
    ]);
    const users = byPlan ? [] : declared.users;
    const { planned, notes } = compare({ ...declared, users }, live, { service: handle, passwordHashes });
    steps = new Map(planned.map(({ change, step }) => [change.name, step]));
    const reachable = new Set(live.nodes.flatMap(({ address, error }) => (error === undefined ? [address] : [])));
    context = { master, handle, passwordHashes, reachable };
    return { changes: planned.map(({ change }) => change), notes: [...notes, ...logins, ...(byPlan ? [] : withoutNodes(handle, users))] };
  };
  return {
    compare: compareNow,
    async apply({ name }) {
      const step = steps.get(name);
      if (step === undefined) throw notCompared(name);
      await carryOut(step, context);
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** Of the users whose credentials are in the binding. A secret that cannot be read stops its own user and no other. */
async function hashesOf(handle: ServiceHandle, users: readonly DeclaredUser[]): Promise<PasswordHashes> {
  const hashes = await Promise.all(
    users.map(async ({ name }) => {
      const ref = handle.service.users?.[name]?.secretRef;
      return ref === undefined ? [] : [[name, await hashOf(handle, ref)] as const];
    }),
  );
  return new Map(hashes.flat());
}

async function hashOf(handle: ServiceHandle, ref: SecretRef): Promise<string | MillraceError> {
  try {
    return sha256(await handle.secret(ref));
  } catch (error) {
    if (isMillraceError(error, 'SECRET_UNAVAILABLE')) return error;
    throw error;
  }
}

function withoutNodes(handle: ServiceHandle, users: readonly DeclaredUser[]): Note[] {
  if (users.length === 0 || nodesOf(handle).length > 0) return [];
  const sentence =
    'the binding names no servers of the set, only sentinels, so users could not be looked at; add endpoints with the purpose node';
  return [{ level: 'problem', name: `${handle.name}/user`, sentence }];
}
