import type { Environment, ServiceDeclaration } from '../../../environments/schema.ts';
import { isRedis } from '../../../environments/size.ts';
import { canHave } from '../../../runtime/src/contracts/signal-topics.ts';
import {
  cloudWatchNamespace,
  dimensionsOf,
  type Signal,
  type SignalLabel,
  type SignalName,
  signals,
} from '../../../runtime/src/contracts/signals.ts';
import { carriedBy, ownedBy, type Topic, type TransportKind } from '../../../runtime/src/contracts/topology.ts';
import type { AlarmSeries, AlarmTarget } from '../../core/alarm-target.ts';
import { readersOver } from '../../core/readers.ts';
import { usedServices } from '../worker/services.ts';

/** What an environment is asked for, to know what the probe tells of it. */
export type ProbedEnvironment = Pick<Environment, 'name' | 'services' | 'workers' | 'topology'>;

/** One thing that a signal is of: the labels beside the service. */
type Labels = Readonly<Partial<Record<SignalLabel, string>>>;

const carriers = { redis: 'redis-streams', kafka: 'kafka' } as const satisfies Partial<Record<Signal['subject'], TransportKind>>;

/** Services that the probe looks at on AWS, in their order: those of which it tells what AWS does not. */
export function probedServices({ services, topology }: ProbedEnvironment): string[] {
  return Object.entries(services).flatMap(([name, service]) => (isProbed(name, service, topology) ? [name] : []));
}

function isProbed(name: string, service: ServiceDeclaration, topology: Environment['topology']): boolean {
  if (isRedis(service)) return carriedBy(topology, 'redis-streams', name).length > 0;
  if (service.kind === 'kafka') return carriedBy(topology, 'kafka', name).length > 0;
  if (service.kind === 'rabbitmq') return ownedBy(topology.queues, name).length > 0;
  return service.kind === 'postgres';
}

/** What the probe tells of each service, for alarms: a series of each declared topic and group, queue or sink. */
export function probeTargets(environment: ProbedEnvironment): AlarmTarget[] {
  return probedServices(environment).map((service) => ({
    service,
    offering: 'probe',
    limits: {},
    series(name, statistic) {
      if (!isTold(name)) return undefined;
      const { fold }: Signal = signals[name];
      return labelsOf(name, service, environment).map((labels): AlarmSeries => {
        // Topics and groups may both have hyphens in their names, and neither a slash.
        const detail = Object.values(labels).join('/');
        return {
          metric: { namespace: cloudWatchNamespace, metricName: name, dimensions: dimensions(name, { service, ...labels }, environment) },
          statistic: statistic ?? (fold === 'min' ? 'Minimum' : 'Maximum'),
          ...(detail !== '' && { detail }),
          ...(labels.queue !== undefined && { queue: takesDeadLetters(labels.queue, environment.topology) ? 'dead-letter' : 'working' }),
        };
      });
    },
  }));
}

/** How many series of CloudWatch the probe makes, each of which is paid. */
export function probeSeriesCount(environment: ProbedEnvironment): number {
  const names = Object.keys(signals).filter(isTold);
  return probedServices(environment).reduce(
    (sum, service) => sum + names.reduce((inner, name) => inner + labelsOf(name, service, environment).length, 0),
    0,
  );
}

function isTold(name: string): name is SignalName {
  return Object.hasOwn(signals, name) && signals[name as SignalName].onAws;
}

function dimensions(name: SignalName, labels: Labels, { name: environment }: ProbedEnvironment): Record<string, string> {
  const known = Object.entries(dimensionsOf(name)).map(([label, dimension]) => [dimension, labels[label as SignalLabel] ?? '']);
  return { Environment: environment, ...Object.fromEntries(known) };
}

/** Every one that the signal has of the service; none where it is of another kind of service. */
function labelsOf(name: SignalName, service: string, environment: ProbedEnvironment): readonly Labels[] {
  const { subject, labels }: Signal = signals[name];
  const declared = environment.services[service]!;
  if (!isOf(subject, declared)) return [];
  if (labels.includes('sink')) return sinksOf(service, environment).map((sink) => ({ sink }));
  if (labels.includes('queue')) return queuesOf(name, service, environment).map((queue) => ({ queue }));
  if (!labels.includes('topic')) return [{}];
  const transport = subject === 'redis' ? carriers.redis : carriers.kafka;
  const { topology } = environment;
  const wanted = (settings: Topic) => canHave(settings, name);
  if (labels.includes('group')) return readersOver(topology, transport, service, wanted);
  return carriedBy(topology, transport, service).flatMap(([topic, settings]) => (wanted(settings) ? [{ topic }] : []));
}

function isOf(subject: Signal['subject'], service: ServiceDeclaration): boolean {
  if (subject === 'probe') return true;
  if (subject === 'outbox') return service.kind === 'postgres';
  return subject === 'redis' ? isRedis(service) : service.kind === subject;
}

/** Signals of the queues that take dead letters; the others are of all. */
const ofDeadLetters: readonly SignalName[] = ['rabbitmq.queue.dead_letters', 'rabbitmq.queue.sources_published'];

function queuesOf(name: SignalName, service: string, { topology }: ProbedEnvironment): string[] {
  const queues = ownedBy(topology.queues, service).map(([queue]) => queue);
  return ofDeadLetters.includes(name) ? queues.filter((queue) => takesDeadLetters(queue, topology)) : queues;
}

function takesDeadLetters(queue: string, { queues }: ProbedEnvironment['topology']): boolean {
  return Object.values(queues).some(({ deadLetterQueue }) => deadLetterQueue === queue);
}

/** As relays name them: the transport and where it leads to, `redis-streams@events`. Without a relay among the workers, services have theirs within, for live topics. */
function sinksOf(database: string, { services, workers, topology }: ProbedEnvironment): string[] {
  const relays = Object.values(workers).filter(({ command }) => command === 'relay');
  const ends = relays.map((relay) => usedServices(relay, services).names).filter((names) => names.includes(database));
  const led =
    relays.length > 0 ? ends.flat() : Object.keys(services).filter((name) => readersOver(topology, 'redis-streams', name).length > 0);
  return [...new Set(led)].filter((name) => isRedis(services[name]!)).map((name) => `redis-streams@${name}`);
}
