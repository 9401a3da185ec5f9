import { behindRefused } from '../behind-refused.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import { routeOver, type Topology } from '../contracts/topology.ts';
import { send } from '../telemetry/send.ts';
import type { Fence, PublishResult, Transport } from '../transport.ts';
import type { LogRow } from './log.ts';
import { keyName } from './parked.ts';

/** What shall become of an event that cannot be published now. */
export type Fate = 'dead' | { readonly park: number | null };

export interface Refusal<Row extends LogRow = LogRow> {
  readonly row: Row;
  readonly error: Error;
}

/** Outcome of one attempt, each row in one of the lists, each list in log order. */
export interface Attempt<Row extends LogRow> {
  readonly published: readonly Row[];
  /** The broker did not take them, and may do so later. */
  readonly retriable: readonly Refusal<Row>[];
  /** These events cannot be published as things are. */
  readonly refused: readonly Refusal<Row>[];
}

/** Attempts for a topic that the topology does not know (yet): about four hours with the backoff below. */
const unknownTopicRetry = { attempts: 60, initialDelayMs: 1_000, maxDelayMs: 300_000 };

/** Publishes rows of the log through a transport, each topic in log order. */
export class Publisher {
  readonly #transport: Transport;
  readonly #topology: Topology;
  readonly #service: string;

  constructor(transport: Transport, topology: Topology, service: string) {
    this.#transport = transport;
    this.#topology = topology;
    this.#service = service;
  }

  /** Whether the topic travels through this sink. An unknown one is everybody's: better refused aloud than dropped. */
  accepts(topic: string): boolean {
    const declared = this.#topology.topics[topic];
    return declared === undefined || routeOver(declared, this.#transport.kind, this.#service) !== undefined;
  }

  /** @throws {MillraceError} RELAY_FENCED or BROKER_LOST_EVENTS, which end the life of the relay. */
  async attempt<Row extends LogRow>(rows: readonly Row[], fence: Fence, signal: AbortSignal): Promise<Attempt<Row>> {
    const { owned, unowned, behind } = this.#byOwner(rows);
    const outcome = { published: [] as Row[], retriable: behind, refused: unowned };
    await Promise.all(
      [...groupByTopic(owned)].map(async ([topic, ofTopic]) => {
        const events = ofTopic.map((row) => row.event);
        const results = await send(this.#transport, topic, events, { fence, signal });
        for (const [i, row] of ofTopic.entries()) sort(row, results[i]!, outcome);
      }),
    );
    return outcome;
  }

  /** Events of a tenant, or of topics that are no tenant's, and those that should name their tenant: writers in SQL meet no check before this one. */
  #byOwner<Row extends LogRow>(rows: readonly Row[]): { owned: readonly Row[]; unowned: Refusal<Row>[]; behind: Refusal<Row>[] } {
    const isOwned = ({ topic, event }: Row): boolean => event.tenantid !== undefined || this.#topology.topics[topic]?.tenantless !== false;
    if (rows.every(isOwned)) return { owned: rows, unowned: [], behind: [] };
    const unowned = rows.filter((row) => !isOwned(row)).map((row) => ({ row, error: tenantRequired(row) }));
    // Transports hold back what follows a refusal of theirs in its key; this one is made before them.
    const keys = new Set<string>();
    const [owned, behind]: [Row[], Refusal<Row>[]] = [[], []];
    for (const row of rows) {
      const { topic, key, event } = row;
      if (!isOwned(row)) {
        if (key !== undefined) keys.add(keyName(topic, key));
      } else if (key !== undefined && keys.has(keyName(topic, key))) behind.push({ row, error: behindRefused(event) });
      else owned.push(row);
    }
    return { owned, unowned, behind };
  }

  /** By the topic's policy, after `attempts` failed ones. */
  fateOf({ row, error }: Refusal, attempts: number): Fate {
    const topic = this.#topology.topics[row.topic];
    const { attempts: most, initialDelayMs, maxDelayMs } = topic?.retry ?? unknownTopicRetry;
    if (!isHopeless(error) && attempts < most) {
      return { park: Math.min(maxDelayMs, initialDelayMs * 2 ** (attempts - 1)) * (0.75 + Math.random() / 2) };
    }
    return topic?.onExhausted === 'skip' ? 'dead' : { park: null };
  }
}

/** The event itself is wrong: no change of the broker or the topology's routes makes it right soon. */
function isHopeless(error: Error): boolean {
  return hopelessCodes.some((code) => isMillraceError(error, code));
}

function tenantRequired({ topic, event }: LogRow): MillraceError {
  return new MillraceError(
    'TENANT_REQUIRED',
    `topic ${topic} belongs to tenants, and event ${event.id} names none: enqueue it with its tenant_id`,
  );
}

const hopelessCodes = ['EVENT_TOO_LARGE', 'TENANT_REQUIRED', 'EVENT_INVALID'] as const;

function groupByTopic<Row extends LogRow>(rows: readonly Row[]): Map<string, Row[]> {
  const topics = new Map<string, Row[]>();
  for (const row of rows) {
    const list = topics.get(row.topic);
    if (list === undefined) topics.set(row.topic, [row]);
    else list.push(row);
  }
  return topics;
}

function sort<Row extends LogRow>(
  row: Row,
  result: PublishResult,
  outcome: { published: Row[]; retriable: Refusal<Row>[]; refused: Refusal<Row>[] },
): void {
  if (result.status === 'published') {
    outcome.published.push(row);
    return;
  }
  const { error } = result;
  if (isMillraceError(error, 'RELAY_FENCED') || isMillraceError(error, 'BROKER_LOST_EVENTS')) throw error;
  const byItself = result.retriable && !isMillraceError(error, 'TOPIC_UNKNOWN');
  (byItself ? outcome.retriable : outcome.refused).push({ row, error });
}

/** Rows of keys that are held back, and the others, both in order. */
export function heldBack<Row extends LogRow>(rows: readonly Row[], keys: ReadonlySet<string>): { free: Row[]; held: Row[] } {
  if (keys.size === 0) return { free: [...rows], held: [] };
  const free: Row[] = [];
  const held: Row[] = [];
  for (const row of rows) (row.key !== undefined && keys.has(keyName(row.topic, row.key)) ? held : free).push(row);
  return { free, held };
}
