import { allOf, differencesBetween, type Properties } from '../../differences.ts';
import type { Change, Danger, Note } from '../../driver.ts';
import { type DeclaredTopic, declaredSettings } from './declared.ts';
import { type LiveTopic, sizeLimit } from './read.ts';

/** What a change may cost; how much, the offsets tell. */
export type Risk =
  | { readonly kind: 'delete' }
  | { readonly kind: 'replace'; readonly reason: string }
  | { readonly kind: 'move-keys'; readonly from: number; readonly to: number }
  | { readonly kind: 'shorten'; readonly retentionMs: number };

/** A change of one topic whose messages have not been counted yet. */
export interface PlannedChange {
  readonly topic: string;
  readonly change: Change;
  readonly risks: readonly Risk[];
}

export interface DiffOptions {
  readonly service: string;
  /** MSK Serverless, which lets one choose the clean-up policy only when a topic is created. */
  readonly serverless: boolean;
}

/** Everything that is not as declared, in the order of names; what is not declared comes last. */
export function planChanges(declared: readonly DeclaredTopic[], live: readonly LiveTopic[], options: DiffOptions): PlannedChange[] {
  const found = new Map(live.map((topic) => [topic.name, topic]));
  const wanted = new Set(declared.map(({ name }) => name));
  const undeclared = live.filter(({ name }) => !wanted.has(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    ...declared.flatMap((topic) => planDeclared(topic, found.get(topic.name), options)),
    ...undeclared.map((topic) => planUndeclared(topic, options)),
  ];
}

/** The change that makes one topic as declared, or none. */
export function planDeclared(declared: DeclaredTopic, live: LiveTopic | undefined, { service, serverless }: DiffOptions): PlannedChange[] {
  const topic = declared.name;
  const name = `${service}/topic/${topic}`;
  if (live === undefined) return [{ topic, change: { name, action: 'create', differences: allOf(propertiesOf(declared)) }, risks: [] }];
  const differences = differencesBetween(propertiesOf(declared), propertiesOf(live));
  if (differences.length === 0) return [];
  const reason = reasonToReplace(declared, live, serverless);
  if (reason !== undefined) return [{ topic, change: { name, action: 'replace', differences }, risks: [{ kind: 'replace', reason }] }];
  return [{ topic, change: { name, action: 'update', differences }, risks: risksOf(declared, live) }];
}

/** Messages that a risk is about; undefined where they could not be counted. */
export type Count = number | undefined;

/** What the counted messages make of the risks; undefined when nothing would be lost. */
export function dangerOf(risks: readonly Risk[], count: (risk: Risk) => Count): Danger | undefined {
  const dangers = risks.flatMap((risk) => sentenceOf(risk, count(risk)));
  if (dangers.length === 0) return undefined;
  const lost = dangers.flatMap(({ messages }) => (messages === undefined ? [] : [messages]));
  const messages = lost.length === 0 ? undefined : lost.reduce((total, each) => total + each, 0);
  return { sentence: dangers.map(({ sentence }) => sentence).join(', and '), messages };
}

/** Topics that keep less than is declared, by a setting that is not declared. */
export function notesOf(declared: readonly DeclaredTopic[], live: readonly LiveTopic[], { service }: DiffOptions): Note[] {
  const wanted = new Set(declared.map(({ name }) => name));
  const limited = live.filter(({ name, settings }) => wanted.has(name) && Number(settings[sizeLimit] ?? -1) >= 0);
  return limited.map(({ name, settings }) => ({
    level: 'info',
    name: `${service}/topic/${name}`,
    sentence: `${sizeLimit} is ${settings[sizeLimit]}, so that messages may be deleted before their retention is over`,
  }));
}

function planUndeclared({ name, partitions }: LiveTopic, { service }: DiffOptions): PlannedChange {
  const differences = differencesBetween({}, { partitions });
  return {
    topic: name,
    change: { name: `${service}/topic/${name}`, action: 'delete', differences, undeclared: true },
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

function sentenceOf(risk: Risk, messages: Count): Danger[] {
  switch (risk.kind) {
    case 'delete':
      return [{ sentence: `deletes the topic and ${counted(messages)}`, messages }];
    case 'replace':
      return [{ sentence: `deletes the topic with ${counted(messages)} and creates it again, because ${risk.reason}`, messages }];
    case 'move-keys': {
      const what = `moves keys from ${risk.from} to ${risk.to} partitions`;
      const outcome = `events of a key may overtake those of it among the ${counted(messages)} there are, until the old partitions are read`;
      return messages === 0 ? [] : [{ sentence: `${what}: ${outcome}` }];
    }
    case 'shorten':
      return messages === 0
        ? []
        : [{ sentence: `deletes ${counted(messages)} older than ${risk.retentionMs / 3_600_000} hours`, messages }];
  }
}

function counted(messages: Count): string {
  if (messages === undefined) return 'messages that could not be counted';
  return messages === 1 ? '1 message' : `${messages} messages`;
}
