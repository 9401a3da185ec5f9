import type { LoadedBinding, ServiceHandle } from '../binding/index.ts';
import type { ServiceKind } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';
import { type Signal, type SignalName, type SignalSubject, signals } from '../contracts/signals.ts';
import type { Topology } from '../contracts/topology.ts';
import type { Look, OpenLook } from './look.ts';

export interface OpenLooksOptions {
  /** Names of services. @default all that can be looked at */
  readonly only?: readonly string[] | undefined;
  /** Services of which none of these is known are not looked at. @default every signal */
  readonly wanted?: ReadonlySet<SignalName> | undefined;
  /** Whether groups that nobody declared are told too. @default true */
  readonly undeclared?: boolean | undefined;
}

interface Kind {
  /** What its look tells of. */
  readonly subjects: readonly SignalSubject[];
  /** Loaded for the kinds that are bound, so that a probe needs no client libraries but theirs. */
  readonly load: () => Promise<OpenLook>;
}

const redis: Kind = { subjects: ['redis'], load: async () => (await import('./redis/index.ts')).openRedisLook };

const kinds: Partial<Record<ServiceKind, Kind>> = {
  redis,
  'redis-sentinel': redis,
  postgres: { subjects: ['postgres', 'outbox'], load: async () => (await import('./postgres/index.ts')).openPostgresLook },
  kafka: { subjects: ['kafka'], load: async () => (await import('./kafka/index.ts')).openKafkaLook },
  rabbitmq: { subjects: ['rabbitmq'], load: async () => (await import('./rabbitmq/index.ts')).openRabbitLook },
  opensearch: { subjects: ['opensearch'], load: async () => (await import('./opensearch/index.ts')).openSearchLook },
};

/** User of a service that may look and nothing else, where the topology declares one. */
const user = 'probe';

/**
 * How the probe looks at the services of a binding; connects to none yet.
 *
 * Comes as the user `probe` where the binding has one, else as whoever the binding names.
 *
 * @throws {MillraceError} BINDING_NAME_UNKNOWN when `only` names a service that is not there, or one of a kind that tells of itself (Prometheus, Alertmanager).
 * @example
 * const looks = await openLooks(binding, await readTopology(binding), { only: ['events'] });
 */
export async function openLooks(
  binding: LoadedBinding,
  topology: Topology,
  { only, wanted, undeclared }: OpenLooksOptions = {},
): Promise<Look[]> {
  const handles = (only ?? binding.names).map((name) => binding.service(name));
  const chosen = handles.filter((handle) => {
    const kind = kinds[handle.service.kind];
    if (kind === undefined && only !== undefined) throw notLookedAt(handle);
    return kind !== undefined && isWanted(kind, wanted);
  });
  return Promise.all(
    chosen.map(async (handle) => {
      const open = await kinds[handle.service.kind]!.load();
      const service = Object.hasOwn(handle.service.users ?? {}, user) ? handle.as(user) : handle;
      return open({ service, topology, wanted, undeclared });
    }),
  );
}

function isWanted({ subjects }: Kind, wanted: ReadonlySet<SignalName> | undefined): boolean {
  if (wanted === undefined) return true;
  return [...wanted].some((name) => subjects.includes((signals[name] as Signal).subject));
}

function notLookedAt({ name, service: { kind } }: ServiceHandle): MillraceError {
  const looked = Object.keys(kinds).join(', ');
  return new MillraceError(
    'BINDING_NAME_UNKNOWN',
    `service ${name} is of kind ${kind}, which the probe does not look at; it does at ${looked}`,
  );
}
