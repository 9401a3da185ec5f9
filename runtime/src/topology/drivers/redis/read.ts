import type { Redis } from 'ioredis';
import type { ServiceHandle } from '../../../binding/index.ts';
import { replyCode } from '../../../connections/redis/errors.ts';
import type { RedisClient } from '../../../connections/redis/index.ts';
import type { DeclaredTenant } from '../../../contracts/declared-objects.ts';
import { deadLetterKey } from '../../../contracts/redis-keys.ts';
import type { DeclaredRedis } from './declared.ts';
import { type Visited, visitNodes } from './nodes.ts';
import { plainPattern, type Rights, type ServerCommand, type UserRights } from './rules.ts';
import { type FoundStream, findStreams } from './scan.ts';

export interface LiveGroup {
  readonly name: string;
  /** Delivered and not acknowledged. */
  readonly pending: number;
  /** Not delivered yet; undefined where the server does not know. */
  readonly lag: number | undefined;
}

/** What lies under the key of a stream. */
export interface LiveStream {
  /** `none`, `stream`, or what stands in its way. */
  readonly type: string;
  readonly entries: number;
  readonly groups: readonly LiveGroup[];
}

/** A stream that nothing declares. */
export interface StrayStream extends FoundStream, LiveStream {
  /** Entries that its groups gave up. */
  readonly deadLetters: number;
}

/** A register of tenants that cannot be one. */
export interface WrongRegister {
  readonly topic: string;
  readonly register: string;
  readonly type: string;
}

export interface LiveUser {
  readonly username: string;
  readonly enabled: boolean;
  /** Lets in whoever says its name. */
  readonly withoutPassword: boolean;
  /** SHA-256, hexadecimal. */
  readonly passwordHashes: readonly string[];
  readonly rights: UserRights;
}

/** The users of one server, which tells nobody else of them. */
export interface LiveNode {
  readonly users: readonly LiveUser[];
  readonly commands: readonly ServerCommand[];
  /** Whether its users outlive a restart. */
  readonly keepsUsers: boolean;
  /** With which replicas come to their master. */
  readonly replicationUser: string | undefined;
}

export interface LiveRedis {
  /** Those that are declared, by their keys. */
  readonly streams: ReadonlyMap<string, LiveStream>;
  readonly strays: readonly StrayStream[];
  /** Declared tenants that are not in their registers. */
  readonly missingTenants: readonly DeclaredTenant[];
  readonly wrongRegisters: readonly WrongRegister[];
  readonly nodes: readonly Visited<LiveNode>[];
}

/** What the server has of what is declared, and the streams, groups and users that it has besides. */
export async function readRedis(master: RedisClient, handle: ServiceHandle, declared: DeclaredRedis): Promise<LiveRedis> {
  const byPlan = handle.service.administration?.usersFrom === 'plan';
  const [streams, strays, registers, nodes] = await Promise.all([
    Promise.all(declared.streams.map(async ({ key }) => [key, await readStream(master, key)] as const)),
    readStrays(master, declared),
    readRegisters(master, declared.tenants),
    byPlan ? [] : visitNodes(handle, ({ client }) => readNode(client)),
  ]);
  return { streams: new Map(streams), strays, ...registers, nodes };
}

async function readStream(master: RedisClient, key: string): Promise<LiveStream> {
  const type = await master.type(key);
  if (type !== 'stream') return { type, entries: 0, groups: [] };
  const [entries, groups] = await Promise.all([master.xlen(key), master.xinfo('GROUPS', key) as Promise<unknown[][]>]);
  return { type, entries, groups: groups.map(groupOf) };
}

/** Tenants may be thousands, and a command that waits behind all of them would be given up. */
const straysAtOnce = 250;

async function readStrays(master: RedisClient, { streams, tenantTopics }: DeclaredRedis): Promise<StrayStream[]> {
  const keys = new Set(streams.map(({ key }) => key));
  const topics = new Set(tenantTopics);
  const found = await findStreams(master);
  const strays = found.filter(({ key, topic, isolation }) => (isolation === 'tenant' ? !topics.has(topic!) : !keys.has(key)));
  const read: StrayStream[] = [];
  for (let from = 0; from < strays.length; from += straysAtOnce) {
    read.push(...(await Promise.all(strays.slice(from, from + straysAtOnce).map((stray) => readStray(master, stray)))));
  }
  return read;
}

async function readStray(master: RedisClient, stray: FoundStream): Promise<StrayStream> {
  const [live, deadLetters] = await Promise.all([
    readStream(master, stray.key),
    Promise.all(stray.deadLettersOf.map((group) => master.xlen(deadLetterKey(stray.key, group)))),
  ]);
  return { ...stray, ...live, deadLetters: deadLetters.reduce((sum, entries) => sum + entries, 0) };
}

async function readRegisters(
  master: RedisClient,
  tenants: readonly DeclaredTenant[],
): Promise<Pick<LiveRedis, 'missingTenants' | 'wrongRegisters'>> {
  const registers = new Map(tenants.map(({ register, topic }) => [register, topic]));
  const types = await Promise.all(
    [...registers].map(async ([register, topic]) => ({ topic, register, type: await master.type(register) })),
  );
  const wrongRegisters = types.filter(({ type }) => type !== 'set' && type !== 'none');
  const wrong = new Set(wrongRegisters.map(({ register }) => register));
  const missing = await Promise.all(
    tenants
      .filter(({ register }) => !wrong.has(register))
      .map(async (tenant) => ((await master.sismember(tenant.register, tenant.tenant)) === 1 ? [] : [tenant])),
  );
  return { missingTenants: missing.flat(), wrongRegisters };
}

function groupOf(flat: readonly unknown[]): LiveGroup {
  const { name, pending, lag } = recordOf(flat);
  return { name: String(name), pending: Number(pending), lag: lag === null || lag === undefined ? undefined : Number(lag) };
}

async function readNode(client: Redis): Promise<LiveNode> {
  const [names, commands, aclFile, replicationUser] = await Promise.all([
    client.call('ACL', 'USERS') as Promise<string[]>,
    client.call('COMMAND') as Promise<unknown[][]>,
    setting(client, 'aclfile'),
    setting(client, 'masteruser'),
  ]);
  const users = await Promise.all(names.map((name) => readUser(client, name)));
  return {
    users: users.flatMap((user) => user ?? []),
    commands: commands.map(commandOf),
    keepsUsers: Boolean(aclFile),
    replicationUser: replicationUser || undefined,
  };
}

/** Undefined where the server does not tell. */
export async function setting(client: Redis, name: string): Promise<string | undefined> {
  try {
    return ((await client.config('GET', name)) as string[])[1];
  } catch (error) {
    if (replyCode(error) === undefined) throw error;
    return undefined;
  }
}

async function readUser(client: Redis, username: string): Promise<LiveUser | undefined> {
  const reply = (await client.call('ACL', 'GETUSER', username)) as unknown[] | null;
  if (reply === null) return undefined;
  const { flags, passwords, selectors, ...main } = recordOf(reply);
  return {
    username,
    enabled: (flags as string[]).includes('on'),
    withoutPassword: (flags as string[]).includes('nopass'),
    passwordHashes: passwords as string[],
    rights: [rightsOfReply(main), ...(selectors as unknown[][]).map((flat) => rightsOfReply(recordOf(flat)))],
  };
}

function rightsOfReply({ commands, keys, channels }: Record<string, unknown>): Rights {
  return { commands: words(commands), keys: words(keys).map(plainPattern), channels: words(channels) };
}

function words(text: unknown): string[] {
  return String(text).split(' ').filter(Boolean);
}

/** Of what `COMMAND` says: the name first, the categories seventh, subcommands tenth. */
function commandOf(reply: readonly unknown[]): ServerCommand {
  return {
    name: String(reply[0]).toLowerCase(),
    categories: (reply[6] as string[]).map((category) => category.toLowerCase()),
    subcommands: ((reply[9] ?? []) as unknown[][]).map(commandOf),
  };
}

function recordOf(flat: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let i = 0; i < flat.length; i += 2) record[String(flat[i])] = flat[i + 1];
  return record;
}
