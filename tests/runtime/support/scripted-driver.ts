import { wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService, ServiceKind } from '../../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { type Topology, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { type ApplyOptions, type ApplyOutcome, applyTopology } from '../../../runtime/src/topology/apply.ts';
import type { Change, Note, OpenDriver } from '../../../runtime/src/topology/driver.ts';

/** A server in memory: what is on it, and how it misbehaves. */
export interface ScriptedServer {
  /** Changes that are left; carrying one out removes it. */
  changes: Change[];
  notes?: readonly Note[];
  /** Names in the order in which they were carried out. */
  readonly applied: string[];
  closed: number;
  open?: () => Promise<void>;
  /** Instead of carrying the change out. */
  apply?: (change: Change, server: ScriptedServer) => Promise<void>;
  compare?: (server: ScriptedServer) => Promise<void>;
  prepare?: (changes: readonly Change[]) => Promise<void>;
}

export function server(...changes: Change[]): ScriptedServer {
  return { changes, applied: [], closed: 0 };
}

export const create = (name: string): Change => ({ name, action: 'create', differences: [{ property: 'partitions', declared: '3' }] });
export const update = (name: string): Change => ({
  ...{ name, action: 'update' },
  differences: [{ property: 'retention.ms', live: '1', declared: '2' }],
});
export const dangerous = (name: string): Change => ({
  ...{ name, action: 'replace', danger: { sentence: 'deletes the queue and 12 messages', messages: 12 } },
  differences: [{ property: 'type', live: 'classic', declared: 'quorum' }],
});
export const undeclared = (name: string): Change => ({ name, action: 'delete', differences: [], undeclared: true });
export const conflict = (name: string): Change => ({
  ...{ name, action: 'conflict' },
  differences: [{ property: 'deleteDays', live: '30', declared: '365' }],
});

const endpoint = (kind: ServiceKind): BoundService => ({
  ...{ kind, role: kind === 'kafka' ? 'log' : kind === 'rabbitmq' ? 'tasks' : 'search' },
  endpoints: [{ purpose: kind === 'kafka' ? 'bootstrap' : kind === 'rabbitmq' ? 'management' : 'primary', host: '127.0.0.1', port: 1 }],
  auth: { mode: 'none' },
});

/** A binding of the services `log`, `tasks` and `search`, a topology with an object on each, and drivers that lead to `servers`. */
export function scripted(servers: Readonly<Record<string, ScriptedServer>>, unmanaged: readonly string[] = []) {
  const binding = wrap({ log: endpoint('kafka'), tasks: endpoint('rabbitmq'), search: endpoint('opensearch') });
  const topology: Topology = topologySchema.parse({
    topics: { orders: { transports: [{ kind: 'kafka', service: 'log' }] } },
    queues: { emails: { service: 'tasks' } },
    indices: { logs: { service: 'search' } },
    unmanaged,
  });
  const openDriver: OpenDriver = async ({ service }) => {
    const it = servers[service.name] ?? server();
    await it.open?.();
    return {
      compare: async () => {
        await it.compare?.(it);
        return { changes: [...it.changes], notes: it.notes ?? [] };
      },
      ...(it.prepare && { prepare: it.prepare }),
      apply: async (change) => {
        if (it.apply) await it.apply(change, it);
        else carriedOut(change, it);
      },
      [Symbol.asyncDispose]: async () => {
        it.closed++;
      },
    };
  };
  return { binding, topology, openDriver };
}

export function carriedOut(change: Change, it: ScriptedServer): void {
  it.applied.push(change.name);
  it.changes = it.changes.filter(({ name }) => name !== change.name);
}

type Options = Omit<Partial<ApplyOptions>, 'binding' | 'topology' | 'openDriver'>;

/** `applyTopology` on scripted servers. */
export const run = (servers: Record<string, ScriptedServer>, options: Options = {}, unmanaged: readonly string[] = []) =>
  applyTopology({ ...scripted(servers, unmanaged), ...options });

export const unreachable = async () => {
  throw new MillraceError('CONNECTION_FAILED', 'could not connect to kafka service log within 5000 ms');
};

export const statusesOf = ({ services }: ApplyOutcome) => Object.fromEntries(services.map(({ service, status }) => [service, status]));
export const statesOf = ({ services }: ApplyOutcome) =>
  Object.fromEntries(services.flatMap(({ changes }) => changes.map(({ name, state }) => [name, state])));
