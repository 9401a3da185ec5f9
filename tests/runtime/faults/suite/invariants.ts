import type { Entry, Evidence, Owed } from './evidence.ts';

/** What did not hold, one sentence each. */
type Judgement = (evidence: Evidence) => string[];

/** Whatever happened on the way, these hold once everything is quiet. */
export const invariants = {
  'every committed event is delivered': undelivered,
  'no event that was not committed is seen': ghosts,
  'events of a key come in order': disorder,
  'effects happen exactly once': wrongEffects,
  'the log is drained': ({ waiting }) => [...waiting],
  'dead letters are the poisoned events': wrongDeadLetters,
  'a replay gives what was published': wrongReplay,
  'no tenant sees events of another': foreign,
  'duplicates are bounded': tooManyDuplicates,
  'a superseded relay publishes nothing': unfenced,
} as const satisfies Record<string, Judgement>;

export type Invariant = keyof typeof invariants;

/** The invariants that do not hold, each with what shows it. */
export function violations(evidence: Evidence): Map<Invariant, string[]> {
  const found = Object.entries(invariants).map(([name, judge]) => [name as Invariant, judge(evidence)] as const);
  return new Map(found.filter(([, sentences]) => sentences.length > 0));
}

/** Committed, whatever the database remembers of it, unless it may forget. */
function committedEvents({ ledger, committed, enqueued, mayForget }: Evidence): Entry[] {
  const known = new Set(ledger.map(({ id }) => id));
  const forgotten = mayForget ? [] : [...committed].filter((id) => !known.has(id)).map((id) => enqueued.get(id)!);
  return [...ledger, ...forgotten];
}

function isOwed({ topic, tenant }: Owed, entry: Entry): boolean {
  return entry.topic === topic && (tenant === undefined || tenant === entry.tenant);
}

const isPoisoned = ({ kind }: Entry): boolean => kind === 'throws' || kind === 'kills';

const nameOf = ({ id, topic, key, n }: Entry): string => `${topic} ${key}#${n} (${id})`;

function undelivered(evidence: Evidence): string[] {
  const events = committedEvents(evidence);
  return evidence.owed.flatMap((owed) => {
    const seen = seenBy(evidence, owed.group);
    return events.filter((entry) => isOwed(owed, entry) && !seen.has(entry.id)).map((entry) => `${owed.group}: ${nameOf(entry)}`);
  });
}

function ghosts(evidence: Evidence): string[] {
  const real = new Set([...evidence.ledger.map(({ id }) => id), ...evidence.committed]);
  const seen = new Set([...evidence.delivered, ...evidence.effects].map(({ id }) => id));
  return [...seen].filter((id) => !real.has(id)).map((id) => `${id} was enqueued and never committed`);
}

/** Both the first deliveries and the first effects of each key rise. */
function disorder(evidence: Evidence): string[] {
  const entries = new Map(evidence.ledger.map((entry) => [entry.id, entry]));
  const first = (ids: readonly string[]): Entry[] => [...new Set(ids)].flatMap((id) => entries.get(id) ?? []);
  return groupsOf(evidence).flatMap((group) => {
    const deliveries = evidence.delivered.filter((each) => each.group === group).sort((a, b) => a.atMs - b.atMs);
    const effects = evidence.effects.filter((each) => each.group === group && !evidence.repaired.has(each.id));
    return [
      ...overtakings(first(deliveries.map(({ id }) => id))).map((what) => `${group} was given ${what}`),
      ...overtakings(first(effects.map(({ id }) => id))).map((what) => `${group} applied ${what}`),
    ];
  });
}

function overtakings(events: readonly Entry[]): string[] {
  const last = new Map<string, number>();
  return events.flatMap((entry) => {
    const lane = `${entry.topic} ${entry.key}`;
    const before = last.get(lane) ?? 0;
    last.set(lane, Math.max(before, entry.n));
    return entry.n < before ? [`${nameOf(entry)} after #${before}`] : [];
  });
}

/** What was delivered and not given up has had one effect, of its amount; what was never delivered is another invariant's. */
function wrongEffects(evidence: Evidence): string[] {
  const { deadLetters, effects, ledger, applied, mayForget, replayed } = evidence;
  return evidence.owed.flatMap((owed) => {
    const seen = seenBy(evidence, owed.group);
    const givenUp = new Set(deadLetters.filter(({ group }) => group === owed.group).map(({ id }) => id));
    const amounts = new Map<string, number[]>();
    for (const { id, group, amount } of effects) if (group === owed.group) amounts.set(id, [...(amounts.get(id) ?? []), amount]);
    return ledger
      .filter((entry) => isOwed(owed, entry))
      .flatMap((entry) => {
        const had = amounts.get(entry.id) ?? [];
        const wanted = seen.has(entry.id) && !givenUp.has(entry.id) && !isPoisoned(entry) ? [entry.amount] : [];
        const forgotten = mayForget && owed.topic !== replayed.topic && had.length === 0 && applied.has(`${owed.group} ${entry.id}`);
        const right = forgotten || (had.length === wanted.length && had.every((amount) => amount === entry.amount));
        return right || (wanted.length === 0 && had.length === 1) ? [] : [`${owed.group}: ${nameOf(entry)} had ${had.length} effects`];
      });
  });
}

function wrongDeadLetters({ owed, ledger, enqueued, deadLetters, mayForget }: Evidence): string[] {
  const poisoned = ledger.filter(isPoisoned);
  /** Given up rightly, by a broker that remembers what the database has forgotten. */
  const forgotten = (id: string): boolean => mayForget && isPoisoned(enqueued.get(id)!);
  return [...new Set([...owed.map(({ group }) => group), ...deadLetters.map(({ group }) => group)])].flatMap((group) => {
    const due = new Map(poisoned.filter((entry) => owed.some((each) => each.group === group && isOwed(each, entry))).map((e) => [e.id, e]));
    const found = new Set(deadLetters.filter((letter) => letter.group === group).map(({ id }) => id));
    return [
      ...[...due].filter(([id]) => !found.has(id)).map(([, entry]) => `${group}: poisoned ${nameOf(entry)} was not set aside`),
      ...[...found].filter((id) => !due.has(id) && !forgotten(id)).map((id) => `${group}: ${id} was given up and is sound`),
    ];
  });
}

function wrongReplay({ replayed: { topic, ids }, published, enqueued, ledger, mayForget }: Evidence): string[] {
  const known = new Set(ledger.map(({ id }) => id));
  const ofTopic = published.filter(({ id }) => enqueued.get(id)?.topic === topic && (!mayForget || known.has(id)));
  const wanted = new Set(ofTopic.map(({ id }) => id));
  return [
    ...[...wanted].filter((id) => !ids.has(id)).map((id) => `${id} was published and not replayed`),
    ...[...ids].filter((id) => !wanted.has(id)).map((id) => `${id} was replayed and never published`),
  ];
}

function foreign({ delivered, enqueued }: Evidence): string[] {
  return delivered.flatMap(({ id, group, bound }) => {
    const tenant = enqueued.get(id)?.tenant;
    return bound === '' || bound === tenant ? [] : [`${group}, bound to ${bound}, was given ${id} of ${tenant}`];
  });
}

function tooManyDuplicates(evidence: Evidence): string[] {
  const { duplicatesAllowed } = evidence;
  return groupsOf(evidence).flatMap((group) => {
    const count = duplicatesOf(evidence, group);
    return count > duplicatesAllowed ? [`${group} was given ${count} duplicates, ${duplicatesAllowed} are explained`] : [];
  });
}

/** Deliveries to a group beyond the first of each event; one that follows a failed attempt is none, and an event that kills cannot say that it failed. */
export function duplicatesOf({ delivered, failed, enqueued }: Pick<Evidence, 'delivered' | 'failed' | 'enqueued'>, group: string): number {
  const spare = new Map<string, number>();
  for (const { id } of delivered.filter((each) => each.group === group)) spare.set(id, (spare.get(id) ?? -1) + 1);
  for (const { id } of failed.filter((each) => each.group === group)) spare.set(id, (spare.get(id) ?? 0) - 1);
  return [...spare].reduce((sum, [id, count]) => sum + (enqueued.get(id)?.kind === 'kills' ? 0 : Math.max(0, count)), 0);
}

function unfenced({ published, fencing }: Evidence): string[] {
  if (!fencing) return [];
  const firstAck = new Map<bigint, number>();
  for (const { epoch, ackedMs } of published) firstAck.set(epoch, Math.min(ackedMs, firstAck.get(epoch) ?? ackedMs));
  return published.flatMap(({ id, epoch, sentMs }) => {
    const newer = [...firstAck].find(([other, ackedMs]) => other > epoch && ackedMs < sentMs);
    return newer === undefined ? [] : [`${id} was taken from epoch ${epoch} after epoch ${newer[0]} had published`];
  });
}

function seenBy({ delivered }: Evidence, group: string): Set<string> {
  return new Set(delivered.filter((each) => each.group === group).map(({ id }) => id));
}

function groupsOf({ owed }: Evidence): string[] {
  return [...new Set(owed.map(({ group }) => group))];
}
