import type { Hosting, Place, ServiceRequest } from '../hosting.ts';
import { redisProgram } from '../redis/program.ts';
import { serviceUsers } from '../redis/users.ts';
import { type SentinelSet, setNodes, setSentinels, waitForSet } from './set.ts';

/** One master and two replicas: the least that still has a replica after a fail-over. */
const nodeCount = 3;
const sentinelCount = 3;

/** A master, two replicas and three sentinels. */
export const sentinelHosting: Hosting<'redis-sentinel'> = {
  kind: 'redis-sentinel',
  software: [redisProgram],
  plan(request) {
    const { name, role, host, settings, secret, tls } = request;
    const users = serviceUsers(request);
    const set = { ...describeSet(request), users: users.acl };
    const planned = (wave: number, places: readonly Place[], servers: ReturnType<typeof setNodes>) =>
      servers.map((server, index) => ({ place: places[index]!, wave, server }));
    return {
      servers: [...planned(0, set.nodes, setNodes(set)), ...planned(1, set.sentinels, setSentinels(set))],
      finish: (options) => waitForSet(set, options),
      binding: {
        kind: 'redis-sentinel',
        role,
        masterName: set.masterName,
        endpoints: [
          ...set.sentinels.map(({ port }) => ({ purpose: 'sentinel' as const, host, port })),
          ...set.nodes.map(({ port }) => ({ purpose: 'node' as const, host, port })),
        ],
        ...(tls && { tls: tls.binding }),
        auth: {
          mode: 'password',
          secretRef: { from: 'file', id: secret(name).ref },
          sentinelSecretRef: { from: 'file', id: secret(`${name}-sentinel`).ref },
        },
        ...users.binding,
        limits: { maxMemoryMiB: settings.memoryMiB },
      },
    };
  },
};

/** A set whose members are processes of this machine. */
type PlacedSet = SentinelSet & { readonly nodes: readonly Place[]; readonly sentinels: readonly Place[] };

function describeSet({ name, host, pathOf, settings, place, secret, tls }: ServiceRequest<'redis-sentinel'>): PlacedSet {
  const { memoryMiB, maxMemoryPolicy, downAfterMs, failoverTimeoutMs } = settings;
  const places = (count: number, prefix: string) => Array.from({ length: count }, (_, index) => place(`${prefix}-${index + 1}`));
  return {
    ...{ program: pathOf(redisProgram), host, masterName: name },
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
