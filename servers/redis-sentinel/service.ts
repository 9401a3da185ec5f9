import type { Hosting, Place, ServiceRequest } from '../hosting.ts';
import { redisProgram } from '../redis/program.ts';
import { serviceUsers } from '../redis/users.ts';
import { bindSentinel } from './bound.ts';
import { nodeCount, sentinelCount } from './members.ts';
import { type SentinelSet, type SetMember, setNodes, setSentinels, waitForSet } from './set.ts';

/** A master, two replicas and three sentinels. */
export const sentinelHosting: Hosting<'redis-sentinel'> = {
  kind: 'redis-sentinel',
  software: [redisProgram],
  plan(request) {
    const { name, role, settings, secret, tls } = request;
    const users = serviceUsers(request);
    const set = { ...describeSet(request), users: users.acl };
    const planned = (wave: number, places: readonly Place[], servers: ReturnType<typeof setNodes>) =>
      servers.map((server, index) => ({ place: places[index]!, wave, server }));
    return {
      servers: [...planned(0, set.nodes, setNodes(set)), ...planned(1, set.sentinels, setSentinels(set))],
      finish: (options) => waitForSet(set, options),
      binding: bindSentinel({
        ...{ role, tls: tls?.binding, ...users.binding, maxMemoryMiB: settings.memoryMiB },
        ...{ masterName: set.masterName, nodes: set.nodes, sentinels: set.sentinels },
        passwordFile: secret(name).ref,
        sentinelPasswordFile: secret(`${name}-sentinel`).ref,
      }),
    };
  },
};

/** A set whose members are processes of this machine. */
type PlacedMember = SetMember & Place;
type PlacedSet = SentinelSet & { readonly nodes: readonly PlacedMember[]; readonly sentinels: readonly PlacedMember[] };

function describeSet({ name, host, pathOf, settings, place, secret, tls }: ServiceRequest<'redis-sentinel'>): PlacedSet {
  const { memoryMiB, maxMemoryPolicy, downAfterMs, failoverTimeoutMs } = settings;
  const places = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, index) => ({ ...place(`${prefix}-${index + 1}`), host }));
  return {
    ...{ program: pathOf(redisProgram), masterName: name },
    tls: tls?.serverTls,
    password: secret(name).value,
    sentinelPassword: secret(`${name}-sentinel`).value,
    nodes: places(nodeCount, name),
    sentinels: places(sentinelCount, `${name}-sentinel`),
    // A master without any replica in touch refuses writes that only it would know of.
    node: { maxMemoryMiB: memoryMiB, maxMemoryPolicy, minReplicasToWrite: 1 },
    sentinel: { downAfterMs, failoverTimeoutMs },
  };
}
