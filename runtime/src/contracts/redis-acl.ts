import { MillraceError } from './errors.ts';
import { plainTenant } from './event.ts';
import { blockedKey, consumersKey, deadLetterKey, leaseFenceKey, leaseKey, publishFenceKey } from './redis-keys.ts';
import { channelKey, streamKey, type Topic, type Topology, tenantsKey } from './topology.ts';

type AclUser = Topology['aclUsers'][string];

/** Commands together with the keys that they may touch; Redis allows a command when one grant has it with all of its keys. */
interface Grant {
  readonly keys: readonly string[];
  readonly commands: readonly string[];
}

/** What a user may do with topics. */
interface Scope {
  readonly user: AclUser;
  /** As it stands in keys: a pattern for all tenants where the user is bound to none. */
  readonly tenant: string;
  readonly topics: readonly { readonly name: string; readonly topic: Topic; readonly streams: readonly string[] }[];
}

/** Names of users: in a line of an ACL file, of a secret's file, and of a user of ElastiCache. `default` is the server's own. */
const plainUser = /^(?!default$)[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * Before its first command: the connection names itself, and looks whether its server is a master that never evicts; of a cluster where the slots are, whether
 * all is well, and, from replicas, to be served by them.
 */
const connecting = ['ping', 'info', 'client|setname', 'cluster|info', 'cluster|slots', 'readonly'];

/** Scripts declare every key, and Redis asks for the right to read and to write each. What a script calls is allowed or refused besides. */
const scripts = ['eval', 'evalsha'];

/** All in all read-only: none of them says anything of a key that is not named. */
const reading = ['xrange', 'xread', 'xlen', 'exists', 'smembers'];

/** In a group, without adding to a stream, trimming or deleting it. */
const consuming = [
  ...['xreadgroup', 'xack', 'xclaim', 'xpending', 'xinfo|groups', 'xinfo|consumers', 'xgroup|create', 'xgroup|delconsumer'],
  ...['time', 'client|id'],
];

/** Leases, the register of consumers, dead letters and blocked keys: all of the group's own. */
const keepingOwn = [...['get', 'set', 'pexpire', 'del', 'xadd', 'sadd'], ...['zadd', 'zrem', 'zremrangebyscore', 'zcard', 'zrange']];

/** How streams, groups and what was set aside fare. XINFO STREAM shows the first and the last entry besides. */
const observing = ['exists', 'xinfo|stream', 'xinfo|groups', 'xpending', 'scard', 'sscan', 'time'];

/** Whatever has to do with streams and what lies beside them, and only with keys that are named. */
const looking = ['+@stream', '+@hash', '+@set', '+@sortedset', '+@string', '-@dangerous'];
const mending = ['del', 'unlink', 'exists', 'type', 'ttl', 'pttl', 'pexpire', 'memory|usage', 'time', 'client|id', ...scripts];

/**
 * What an ACL user of the topology may do, as the rules of `ACL SETUSER`, of a line in an ACL file (`user NAME on #HASH RULES`), and of an access string of
 * ElastiCache (`on RULES`). Understood by Redis 7.0, Valkey 7.2 and later. The password is not among them.
 *
 * Rights end at keys: groups of one stream are kept apart by their leases, dead letters and blocked keys, but Redis cannot allow `XACK` for one group of a
 * stream and refuse it for another, nor `XREADGROUP` with `NOACK` or `XGROUP DELCONSUMER`, by which another group loses entries. Nor can it refuse a
 * producer `XADD key MAXLEN 0`, which trims the stream. An operator bound to a tenant gets what declared groups keep, and of other groups nothing.
 *
 * Rights do not limit work: every user with topics may run scripts, and one that runs on keeps all others waiting; once it has written, only stopping the
 * server ends it. Scripts may also write lines into the server's log. Whoever is not trusted that far needs a server of their own.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID for a user that is not declared or named like no user can be; for a tenant whose name has a meaning in patterns, such as `*`; and for a
 * topic that all tenants share, given to a user of one tenant.
 * @example
 * aclRulesOf(topology, 'emails').join(' '); // -@all resetchannels ~stream:{orders.created:0} ... +xreadgroup ... (-@all ~... +xadd)
 */
export function aclRulesOf(topology: Topology, userName: string): string[] {
  const scope = scopeOf(topology, userName);
  const [main = { keys: [], commands: [] }, ...selectors] = grantsOf(scope);
  return [
    ...['-@all', 'resetchannels'],
    ...channelRules(scope),
    ...main.keys,
    ...main.commands,
    ...allowed(connecting),
    ...selectors.map(({ keys, commands }) => `(-@all ${[...keys, ...commands].join(' ')})`),
  ];
}

function scopeOf(topology: Topology, userName: string): Scope {
  const user = Object.hasOwn(topology.aclUsers, userName) ? topology.aclUsers[userName] : undefined;
  if (user === undefined) {
    const names = Object.keys(topology.aclUsers).join(', ') || 'none';
    throw new MillraceError('ENVIRONMENT_INVALID', `topology.aclUsers has no user ${JSON.stringify(userName)}; its users are ${names}`);
  }
  const path = `topology.aclUsers.${userName}`;
  if (!plainUser.test(userName)) {
    throw new MillraceError('ENVIRONMENT_INVALID', `${path} must have a name of letters, digits and . _ -, other than default`);
  }
  if (user.tenant !== undefined && !plainTenant.test(user.tenant)) {
    throw new MillraceError(
      'ENVIRONMENT_INVALID',
      `${path}.tenant must be of letters, digits and . _ : @ + = ~ -, got ${JSON.stringify(user.tenant)}: anything else has a meaning in rules`,
    );
  }
  const topics = user.topics.flatMap((name) => {
    const topic = topology.topics[name];
    if (topic === undefined || !topic.transports.some(({ kind, service }) => kind === 'redis-streams' && service === user.service))
      return [];
    if (topic.isolation !== 'tenant' && user.tenant !== undefined) {
      throw new MillraceError(
        'ENVIRONMENT_INVALID',
        `${path} is bound to tenant ${user.tenant} and has topic ${name}, which all tenants share; give the topic the isolation tenant, or take it from the user`,
      );
    }
    return [{ name, topic, streams: streamsOf(name, topic, user.tenant ?? '*') }];
  });
  return { user, topics, tenant: user.tenant ?? '*' };
}

function streamsOf(name: string, { isolation, shards }: Topic, tenant: string): string[] {
  if (isolation === 'tenant') return [streamKey(name, 0, tenant)];
  return Array.from({ length: shards }, (_, shard) => streamKey(name, shard));
}

function grantsOf(scope: Scope): Grant[] {
  const { access, groups } = scope.user;
  if (scope.topics.length === 0) return [];
  if (access === 'admin') return [administer(scope)];
  if (access === 'observe') return [observe(scope), findOldest(scope)];
  return [
    ...(access === 'consume' ? [] : [produce(scope)]),
    ...(access === 'produce' ? [] : groups.length === 0 ? [read(scope)] : [consume(scope), keepOwn(scope)]),
  ];
}

function produce(scope: Scope): Grant {
  const keys = scope.topics.flatMap(({ streams }) => streams.flatMap((stream) => [stream, publishFenceKey(stream)]));
  const registering = registers(scope);
  return {
    keys: [...patterns(keys), ...registering.map((key) => `%W~${key}`)],
    commands: allowed([...scripts, 'xadd', 'hmget', 'hset', ...(registering.length === 0 ? [] : ['sadd'])]),
  };
}

function read(scope: Scope): Grant {
  return { keys: [...streamPatterns(scope), ...readRegisters(scope)], commands: allowed([...scripts, ...reading]) };
}

function consume(scope: Scope): Grant {
  // The reader of a tenant wakes up by itself within a second: with CLIENT UNBLOCK it could end the reads of all others.
  const waking = scope.user.tenant === undefined ? ['client|unblock'] : [];
  return {
    keys: [...streamPatterns(scope), ...ownPatterns(scope), ...readRegisters(scope)],
    commands: allowed([...scripts, ...reading, ...consuming, ...waking]),
  };
}

function keepOwn(scope: Scope): Grant {
  return { keys: ownPatterns(scope), commands: allowed(keepingOwn) };
}

/** Without a tenant of groups that nobody declared too: they hold back the trimming of a stream as others do. */
function observe(scope: Scope): Grant {
  const beside = scope.topics.flatMap(({ topic, streams }) => {
    const groups = scope.user.tenant === undefined ? ['*'] : topic.consumers.map(({ group }) => group);
    return streams.flatMap((stream) => groups.flatMap((group) => [deadLetterKey(stream, group), blockedKey(stream, group)]));
  });
  return {
    keys: [...readable([...scope.topics.flatMap(({ streams }) => streams), ...beside]), ...readRegisters(scope)],
    commands: allowed(observing),
  };
}

/** Nothing else tells how long the first entry has waited that a group has not been given, and it gives what is in the entry too; not what is in dead letters. */
function findOldest(scope: Scope): Grant {
  return { keys: readable(scope.topics.flatMap(({ streams }) => streams)), commands: allowed(['xrange']) };
}

function administer(scope: Scope): Grant {
  const beside = scope.topics.flatMap(({ name, topic, streams }) =>
    scope.user.tenant === undefined
      ? [...streams.map((stream) => `${stream}:*`), consumersKey(name, '*')]
      : // A pattern over groups would let in a tenant whose name begins or ends like this one's.
        [...streams.map(publishFenceKey), ...topic.consumers.flatMap(({ group }) => besideKeys(name, group, streams, scope.tenant))],
  );
  return {
    keys: [...streamPatterns(scope), ...patterns(beside), ...patterns(registers(scope))],
    commands: [...looking, ...allowed(mending)],
  };
}

/** What a group keeps of the streams of one tenant. */
function besideKeys(topic: string, group: string, streams: readonly string[], tenant: string): string[] {
  return [...streams.flatMap((stream) => groupKeys(stream, group)), consumersKey(topic, group, tenant)];
}

function groupKeys(stream: string, group: string): string[] {
  return [leaseKey, leaseFenceKey, deadLetterKey, blockedKey].map((keyOf) => keyOf(stream, group));
}

/** Registers of tenants; a user of one tenant does not learn of the others there, `millrace apply` enters it. */
function registers({ user, topics }: Scope): string[] {
  return user.tenant === undefined ? topics.filter(({ topic }) => topic.isolation === 'tenant').map(({ name }) => tenantsKey(name)) : [];
}

function readRegisters(scope: Scope): string[] {
  return readable(registers(scope));
}

function readable(keys: readonly string[]): string[] {
  return keys.map((key) => `%R~${key}`);
}

function streamPatterns({ topics }: Scope): string[] {
  return patterns(topics.flatMap(({ streams }) => streams));
}

function ownPatterns({ user, topics, tenant }: Scope): string[] {
  const keys = topics.flatMap(({ name, topic, streams }) =>
    user.groups.flatMap((group) => [
      ...streams.flatMap((stream) => groupKeys(stream, group)),
      ...(user.tenant === undefined ? [consumersKey(name, group)] : []),
      ...(topic.isolation === 'tenant' ? [consumersKey(name, group, tenant)] : []),
    ]),
  );
  return patterns(keys);
}

function channelRules({ user, topics, tenant }: Scope): string[] {
  const channels = topics.filter(({ topic }) => topic.isolation === 'tenant').map(({ name }) => `&${channelKey(name, tenant)}`);
  if (channels.length === 0 || user.access === 'observe') return [];
  const commands = [
    ...(user.access === 'consume' ? [] : ['publish']),
    ...(user.access === 'produce' ? [] : ['subscribe', 'psubscribe', 'unsubscribe', 'punsubscribe']),
  ];
  return [...channels, ...allowed(commands)];
}

function patterns(keys: readonly string[]): string[] {
  return keys.map((key) => `~${key}`);
}

function allowed(commands: readonly string[]): string[] {
  return commands.map((command) => `+${command}`);
}
