import type { ServiceHandle } from '../../../binding/index.ts';
import { replyCode } from '../../../connections/redis/errors.ts';
import type { RedisClient } from '../../../connections/redis/index.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import { blockedKey, deadLetterKey, leaseFenceKey, leaseKey, publishFenceKey } from '../../../contracts/redis-keys.ts';
import { ensureGroup } from '../../../transports/redis-streams/fetch.ts';
import { type Node, visitNodes } from './nodes.ts';
import { type StrayStream, setting } from './read.ts';
import type { PasswordHashes, Step } from './steps.ts';

export interface ApplyContext {
  readonly master: RedisClient;
  readonly handle: ServiceHandle;
  readonly passwordHashes: PasswordHashes;
  /** Servers that answered the comparison; the others have been told of. */
  readonly reachable: ReadonlySet<string>;
}

/** Each may be carried out again. */
export async function carryOut(step: Step, context: ApplyContext): Promise<void> {
  const { master } = context;
  switch (step.do) {
    case 'create group':
      await ensureGroup(master, step.stream, step.group);
      return;
    case 'delete group':
      await master.xgroup('DESTROY', step.stream, step.group);
      return;
    case 'enter tenant':
      await master.sadd(step.tenant.register, step.tenant.tenant);
      return;
    case 'delete streams':
      for (const stream of step.streams) await deleteStream(master, stream);
      if (step.register !== undefined) await master.unlink(step.register);
      return;
    case 'set user': {
      const { name, username, rules } = step.user;
      const hash = context.passwordHashes.get(name);
      if (typeof hash !== 'string') throw hash;
      const password = `#${hash}`;
      await onEveryNode(context, ({ client }) => client.call('ACL', 'SETUSER', username, 'reset', 'on', password, ...rules));
      return;
    }
    case 'delete user':
      await onEveryNode(context, ({ client }) => client.call('ACL', 'DELUSER', step.username));
      return;
  }
}

/** All at once, as they share a slot: what is beside a stream would mean nothing to the next one of its name. */
async function deleteStream(master: RedisClient, { key, entries, groups, deadLettersOf }: StrayStream): Promise<void> {
  if ((await master.xlen(key)) > entries) {
    throw new MillraceError(
      'TOPOLOGY_CONFLICT',
      `${key} has more entries than when it was compared; end what publishes there, then apply again`,
    );
  }
  const names = new Set([...groups.map(({ name }) => name), ...deadLettersOf]);
  const ofGroups = [...names].flatMap((group) => [leaseKey, leaseFenceKey, deadLetterKey, blockedKey].map((keyOf) => keyOf(key, group)));
  await master.unlink(key, publishFenceKey(key), ...ofGroups);
}

async function onEveryNode({ handle, reachable }: ApplyContext, change: (node: Node) => Promise<unknown>): Promise<void> {
  const visited = await visitNodes(handle, async (node) => {
    await refused(node.address, change(node));
    if (await setting(node.client, 'aclfile')) await node.client.call('ACL', 'SAVE');
  });
  const failed = visited.find(({ address, error }) => error !== undefined && reachable.has(address));
  if (failed?.error !== undefined) throw failed.error;
}

/** What a server says against a user is in the error's text; no rule in it is a secret. */
async function refused(address: string, change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (cause) {
    if (replyCode(cause) !== 'ERR') throw cause;
    throw new MillraceError('TOPOLOGY_REFUSED', `${address} refused the user: ${(cause as Error).message}`, { cause });
  }
}
