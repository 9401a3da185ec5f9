import { objectName } from '../../../contracts/object-names.ts';
import { allOf, differencesBetween, type Properties } from '../../differences.ts';
import { type DeclaredTopic, declaredSettings, type LiveTopic, type PlannedChange, type Risk } from './model.ts';

export interface DiffOptions {
  readonly service: string;
  /** MSK Serverless, which lets one choose the clean-up policy only when a topic is created. */
  readonly serverless: boolean;
}

/** Everything that is not as declared, in the order of names; what is not declared comes last. */
export function compare(declared: readonly DeclaredTopic[], live: readonly LiveTopic[], options: DiffOptions): PlannedChange[] {
  const found = new Map(live.map((topic) => [topic.name, topic]));
  const wanted = new Set(declared.map(({ name }) => name));
  const undeclared = live.filter(({ name }) => !wanted.has(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    ...declared.flatMap((topic) => compareTopic(topic, found.get(topic.name), options)),
    ...undeclared.map((topic) => planUndeclared(topic, options)),
  ];
}

/** The change that makes one topic as declared, or none. */
export function compareTopic(declared: DeclaredTopic, live: LiveTopic | undefined, { service, serverless }: DiffOptions): PlannedChange[] {
  const topic = declared.name;
  const name = objectName(service, 'topic', topic);
  if (live === undefined) return [{ topic, change: { name, action: 'create', differences: allOf(propertiesOf(declared)) }, risks: [] }];
  const differences = differencesBetween(propertiesOf(declared), propertiesOf(live));
  if (differences.length === 0) return [];
  const reason = reasonToReplace(declared, live, serverless);
  if (reason !== undefined) return [{ topic, change: { name, action: 'replace', differences }, risks: [{ kind: 'replace', reason }] }];
  return [{ topic, change: { name, action: 'update', differences }, risks: risksOf(declared, live) }];
}

function planUndeclared({ name, partitions }: LiveTopic, { service }: DiffOptions): PlannedChange {
  const differences = differencesBetween({}, { partitions });
  return {
    topic: name,
    change: { name: objectName(service, 'topic', name), action: 'delete', differences, undeclared: true },
    risks: [{ kind: 'delete' }],
  };
}

function propertiesOf({ partitions, settings }: Pick<LiveTopic, 'partitions' | 'settings'>): Properties {
  return { partitions, ...Object.fromEntries(declaredSettings.map((name) => [name, settings[name]])) };
}

function reasonToReplace(declared: DeclaredTopic, live: LiveTopic, serverless: boolean): string | undefined {
  if (declared.partitions < live.partitions) return 'Kafka takes no partition away';
  const policy = declared.settings['cleanup.policy'] !== live.settings['cleanup.policy'];
  return serverless && policy ? 'MSK Serverless keeps the cleanup.policy that a topic was created with' : undefined;
}

function risksOf(declared: DeclaredTopic, live: LiveTopic): Risk[] {
  const retentionMs = Number(declared.settings['retention.ms']);
  const moves = declared.ordered && declared.partitions > live.partitions;
  return [
    ...(moves ? [{ kind: 'move-keys', from: live.partitions, to: declared.partitions } as const] : []),
    ...(retentionMs < keptMs(live) ? [{ kind: 'shorten', retentionMs } as const] : []),
  ];
}

/** How long a topic keeps messages: for ever where it is only compacted, or the time is -1. */
function keptMs({ settings }: LiveTopic): number {
  const deletes = (settings['cleanup.policy'] ?? '').split(',').includes('delete');
  const retentionMs = Number(settings['retention.ms'] ?? -1);
  return deletes && retentionMs >= 0 ? retentionMs : Number.POSITIVE_INFINITY;
}
