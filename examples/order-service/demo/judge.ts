/** A committed event and its place among the committed events of its customer, as its writer noted in the same transaction. */
export interface LedgerEntry {
  readonly eventId: string;
  readonly topic: string;
  readonly customerId: string;
  readonly place: number;
}

/** Everything that a run left behind; none of it was written by Millrace. */
export interface Evidence {
  readonly ledger: readonly LedgerEntry[];
  /** Topics by group that should take effect there. */
  readonly subscriptions: Readonly<Record<string, readonly string[]>>;
  /** Event ids of the effects by group, in the order in which they were applied. */
  readonly effects: Readonly<Record<string, readonly string[]>>;
  /** How often an event was delivered, by group. */
  readonly deliveries: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Each count is of (event, group) pairs, because every group owes each event one effect. */
export interface Verdict {
  readonly delivered: number;
  /** Deliveries of an event beyond its first to a group. */
  readonly duplicates: number;
  readonly effects: number;
  /** Effects that a committed event should have had and did not. */
  readonly lost: number;
  /** Effects beyond the first. */
  readonly twice: number;
  /** Neighbours of one customer and topic whose effects came in the opposite order of their commits. */
  readonly orderViolations: number;
  /** Events that were delivered or took effect though no transaction committed them. */
  readonly ghosts: number;
}

/** Compares what should have happened with what did. */
export function judge({ ledger, subscriptions, effects, deliveries }: Evidence): Verdict {
  const entries = new Map(ledger.map((entry) => [entry.eventId, entry]));
  const counts = [...deliveries.values()].flatMap((events) => [...events.values()]);
  const delivered = counts.reduce((sum, count) => sum + count, 0);
  const verdicts = Object.entries(subscriptions).map(([group, topics]) => {
    const due = ledger.filter(({ topic }) => topics.includes(topic));
    return judgeGroup(due, effects[group] ?? [], entries);
  });
  const total = (of: (verdict: GroupVerdict) => number): number => verdicts.reduce((sum, verdict) => sum + of(verdict), 0);
  const seen = new Set([...Object.values(effects).flat(), ...[...deliveries.values()].flatMap((events) => [...events.keys()])]);
  return {
    delivered,
    duplicates: delivered - counts.length,
    effects: total((verdict) => verdict.effects),
    lost: total((verdict) => verdict.lost),
    twice: total((verdict) => verdict.twice),
    orderViolations: total((verdict) => verdict.orderViolations),
    ghosts: [...seen].filter((eventId) => !entries.has(eventId)).length,
  };
}

type GroupVerdict = Pick<Verdict, 'effects' | 'lost' | 'twice' | 'orderViolations'>;

function judgeGroup(due: readonly LedgerEntry[], effects: readonly string[], entries: ReadonlyMap<string, LedgerEntry>): GroupVerdict {
  // A set keeps the order of first effects.
  const first = new Set(effects);
  return {
    effects: effects.length,
    lost: due.filter(({ eventId }) => !first.has(eventId)).length,
    twice: effects.length - first.size,
    orderViolations: violations([...first].flatMap((eventId) => entries.get(eventId) ?? [])),
  };
}

/** Within a topic: two topics are two streams, and nothing promises an order between them. */
function violations(applied: readonly LedgerEntry[]): number {
  const places = new Map<string, number>();
  let count = 0;
  for (const { topic, customerId, place } of applied) {
    const key = `${topic} ${customerId}`;
    if (place < (places.get(key) ?? 0)) count += 1;
    places.set(key, place);
  }
  return count;
}
