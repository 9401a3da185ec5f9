import type { RedisClient } from '../../connections/redis/index.ts';
import type { Remains } from './outcome.ts';
import { matches, type Sought } from './sought.ts';

/** One redaction of the streams of a service. */
export interface StreamSearch {
  readonly client: RedisClient;
  readonly service: string;
  readonly sought: Sought;
  readonly dryRun: boolean;
  /** Id from which on is looked. */
  readonly from: string;
  readonly counts: Record<string, number>;
  readonly remains: Remains[];
}

/** Attributes of an entry, and of a dead letter those of its event. */
export type Attributes = Record<string, string>;

export interface Match {
  readonly id: string;
  readonly attributes: Attributes;
}

const pageEntries = 500;

/** Page by page the entries of a stream or its dead letters; of each page those that are sought, and the attributes of the others. */
export async function* searched(
  { client, sought }: Pick<StreamSearch, 'client' | 'sought'>,
  key: string,
  topic: string,
  first: string,
): AsyncGenerator<{ readonly meant: Match[]; readonly others: Attributes[] }> {
  for (let from = first; ; ) {
    const entries = await client.xrange(key, from, '+', 'COUNT', pageEntries);
    const all = entries.map(([id, fields]) => ({ id, attributes: attributesOf(fields) }));
    const meant = all.filter(({ attributes }) => matches(sought, topic, attributes));
    yield { meant, others: all.filter((each) => !meant.includes(each)).map(({ attributes }) => attributes) };
    if (entries.length < pageEntries) return;
    from = `(${entries.at(-1)![0]}`;
  }
}

function attributesOf(fields: readonly string[]): Attributes {
  const attributes: Attributes = {};
  for (let i = 0; i < fields.length; i += 2) attributes[fields[i]!] = fields[i + 1]!;
  return attributes;
}

export function count({ counts, service }: StreamSearch, topic: string, events: number): void {
  if (events > 0) counts[`${service} ${topic}`] = (counts[`${service} ${topic}`] ?? 0) + events;
}

export function remain({ remains, service }: StreamSearch, sentence: string): void {
  remains.push({ where: service, sentence });
}

/** The key, unless it has a text in it that was sought. */
export function namedKey({ sought }: StreamSearch, key: string, topic: string): string {
  const telling = [sought.tenant, sought.actor, sought.subject, sought.key].some((text) => text !== undefined && key.includes(text));
  return telling ? `a stream of topic ${topic}` : key;
}
