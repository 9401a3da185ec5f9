import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import { backoff, Pause } from '../pause.ts';
import type { Transport } from '../transport.ts';
import { Broker } from './broker.ts';
import { type Gap, Gaps } from './gaps.ts';
import { lockHolders, requireSequenceAhead } from './ground.ts';
import type { LogReader, LogRow, Page } from './log.ts';
import { dropPublished, dueEvents, keyName, type Outcome, type ParkedRow, parkAgain, parkedKeys, settleParked } from './parked.ts';
import { Position, rewindTarget } from './progress.ts';
import { heldBack, type Publisher, type Refusal } from './publisher.ts';
import type { Session } from './session.ts';
import { flush, type Hold, restoredAbove } from './sink.ts';
import type { RelayTimes } from './times.ts';

/** Why a life ended and the relay starts over from what the database holds. */
export type LifeEnd = { readonly reason: 'closed' | 'rewound' } | { readonly reason: 'fenced'; readonly above: bigint };

export interface LifeParts {
  readonly sink: string;
  readonly hold: Hold;
  readonly reader: LogReader;
  /** For progress, parked events and locks; the reader has a connection of its own, so that reading never waits for these. */
  readonly session: Session;
  readonly publisher: Publisher;
  readonly transport: Transport;
  readonly times: RelayTimes;
  readonly pause: Pause;
  readonly closing: AbortSignal;
  /** Called when progress was written: database and lease are sound. */
  readonly settled: () => void;
  /** Called at every step of the publishing loop with the events published by it. */
  readonly stepped: (published: number) => void;
  readonly warn: (message: string, details: object) => void;
}

/** Share of the lease after which an idle relay renews it: half of it is left for a database that is slow, and 12 queries a second are not exceeded. */
const renewAfter = 0.4;

/** Parked events a turn: each may have the largest size that its topic allows. */
const parkedTurn = 100;

/**
 * One life of a relay: from the lease it was granted until it closes or loses the ground under its memory.
 *
 * Three loops share one position. `#publishing` reads pages and publishes them, the next page being read while one is published; `#keeping` writes
 * progress, renews the lease and finds out which gaps are dead; `#broker.watch` asks an idle broker whether it still is the same. Each may end the life.
 */
export class Life {
  readonly #parts: LifeParts;
  readonly #position: Position;
  readonly #broker: Broker;
  readonly #over = new AbortController();
  #version: number;
  #leaseUntil: number;
  #flushedAt: number;
  #flushing: Promise<void> | undefined;
  #blocked: Set<string> = new Set();
  #parkedEvents = 0;
  #parkedAt = 0;
  #oldest: string | undefined;

  constructor(parts: LifeParts, grantedAt: number) {
    this.#parts = parts;
    this.#position = new Position(parts.hold);
    this.#broker = new Broker({ ...parts, position: this.#position, watchMs: parts.times.watchMs });
    this.#version = parts.hold.version;
    this.#flushedAt = grantedAt;
    this.#leaseUntil = grantedAt + parts.times.leaseMs * 0.9;
  }

  get status(): { low: number; high: number; gaps: number; doubtful: number; blockedKeys: number; unpublishedSince: string | undefined } {
    const { gaps, published, high } = this.#position;
    return { low: published, high, gaps: gaps.size, doubtful: gaps.ids, blockedKeys: this.#blocked.size, unpublishedSince: this.#oldest };
  }

  /** @throws when the database, the lease or the sequence is lost; the relay starts a new life with what the database holds. */
  async live(): Promise<LifeEnd> {
    try {
      if (await this.#broker.changed()) return await this.#rewind();
      await this.#loadParked();
      await this.#untilFirstEnds([this.#publishing(), this.#keeping(), this.#broker.watch(this.#over.signal)]);
      await this.#flush();
      return { reason: 'closed' };
    } catch (error) {
      if (isMillraceError(error, 'BROKER_LOST_EVENTS')) return await this.#rewind();
      if (isMillraceError(error, 'RELAY_FENCED') && typeof error.cause === 'bigint') return { reason: 'fenced', above: error.cause };
      throw error;
    }
  }

  /** Both loops have stopped when this settles: the next life must not meet a publish of this one. */
  async #untilFirstEnds(loops: readonly Promise<void>[]): Promise<void> {
    try {
      await Promise.race(loops);
    } finally {
      this.#over.abort();
      await Promise.allSettled(loops);
    }
  }

  /** The hold as it is now, to be released. */
  get hold(): { epoch: bigint; version: number } {
    return { epoch: this.#parts.hold.epoch, version: this.#version };
  }

  async #publishing(): Promise<void> {
    const { times, pause, closing } = this.#parts;
    let reading = this.#read();
    let waitMs = times.minPollMs;
    while (!closing.aborted && !this.#over.signal.aborted) {
      const page = await reading;
      this.#parts.stepped(0);
      const found = page.late.length + page.rows.length;
      const full = page.truncated || page.full;
      if (full) reading = this.#read();
      if (found > 0 && !(await this.#publishPage(page))) return;
      if (this.#parkedEvents > 0) await this.#retryParked();
      if (full) continue;
      waitMs = found > 0 ? times.minPollMs : Math.min(waitMs * 2, times.maxPollMs);
      await pause.wait(waitMs, closing);
      reading = this.#read();
    }
  }

  /** Its failure is met where the page is awaited, which a closing relay may not do any more. */
  #read(): Promise<Page> {
    const reading = this.#readPage();
    reading.catch(() => undefined);
    return reading;
  }

  async #readPage(): Promise<Page> {
    const { gaps } = this.#position;
    const sent: readonly Gap[] = gaps.all();
    const ended = new Set(sent.filter((gap) => gap.ended));
    const page = await this.#parts.reader.read(this.#position.high, sent);
    this.#requireSameServer(page.postmasterStart);
    gaps.settle(sent, ended, { found: page.late.map((row) => row.id), xmin: page.xmin, truncated: page.truncated });
    this.#position.absorb(page);
    return page;
  }

  /** @returns false when the relay is closing and the broker has not taken the whole page. */
  async #publishPage(page: Page): Promise<boolean> {
    const { publisher, stepped } = this.#parts;
    const mine = [...page.late, ...page.rows].filter((row) => publisher.accepts(row.topic));
    this.#oldest = mine[0]?.event.time;
    let remaining = this.#holdBack(mine);
    for (let attempt = 1; remaining.length > 0; attempt++) {
      if (attempt > 1) await this.#waitForBroker(attempt);
      if (attempt > 1 && this.#parts.closing.aborted) return false;
      const outcome = await this.#attempt(remaining);
      stepped(outcome.published.length);
      for (const refusal of outcome.refused) this.#refuse(refusal);
      remaining = this.#holdBack(outcome.retriable.map((refusal) => refusal.row));
      if (attempt === 1 && remaining.length > 0) this.#warnBroker(outcome.retriable[0]!);
    }
    this.#oldest = undefined;
    this.#position.complete(page);
    return true;
  }

  async #attempt<Row extends LogRow>(rows: readonly Row[]) {
    this.#over.signal.throwIfAborted();
    if (performance.now() >= this.#leaseUntil)
      throw new MillraceError('RELAY_FENCED', `the lease of sink ${this.#parts.sink} has run out unrenewed`);
    const { producer, epoch } = this.#parts.hold;
    const outcome = await this.#parts.publisher.attempt(rows, { producer, epoch }, this.#over.signal);
    if (outcome.published.length > 0) this.#broker.saw();
    return outcome;
  }

  /** Sets the rows of blocked keys aside and returns the others. */
  #holdBack(rows: readonly LogRow[]): LogRow[] {
    const { free, held } = heldBack(rows, this.#blocked);
    for (const row of held) this.#setAside(row, 0, null, { park: 0 });
    return free;
  }

  #refuse(refusal: Refusal): void {
    const { row, error } = refusal;
    const fate = this.#parts.publisher.fateOf(refusal, 1);
    this.#setAside(row, 1, error.message, fate);
    if (fate !== 'dead' && row.key !== undefined) this.#blocked.add(keyName(row.topic, row.key));
    this.#parts.warn(fate === 'dead' ? 'event given up' : 'event parked', {
      topic: row.topic,
      eventId: row.event.id,
      error: error.message,
    });
  }

  #setAside(row: LogRow, attempts: number, error: string | null, fate: 'dead' | { park: number | null }): void {
    this.#position.setAside({ id: row.id, attempts, error, fate });
    if (fate !== 'dead') this.#parkedEvents++;
  }

  /** While the broker is away nothing is lost and nothing overtakes: the page waits, the lease is kept. */
  async #waitForBroker(attempt: number): Promise<void> {
    this.#parts.stepped(0);
    await backoff(attempt, this.#parts.times.maxRetryMs, AbortSignal.any([this.#over.signal, this.#parts.closing]));
    await this.#broker.requireSame();
  }

  #warnBroker({ row, error }: Refusal): void {
    this.#parts.warn('broker does not take events, retrying', { topic: row.topic, error: error.message });
  }

  /** Forgets what was published within the fail-over window and starts over; inboxes remove the duplicates. */
  async #rewind(): Promise<LifeEnd> {
    await this.#flushing?.catch(() => undefined);
    const { low, marks, aside } = this.#position.snapshot();
    const target = rewindTarget(marks, low, this.#parts.times.rewindMs);
    const incarnation = await this.#parts.transport.incarnation();
    const { sink, session, times } = this.#parts;
    const done = await restoredAbove(session, target);
    await parkAgain(session, sink);
    await flush(session, sink, this.hold, times.leaseMs, { low: target, done, incarnation, marks: [], aside });
    this.#version++;
    this.#parts.warn('broker may have lost events, publishing them again', { from: target + 1, to: this.#position.published });
    return { reason: 'rewound' };
  }

  async #keeping(): Promise<void> {
    const { times } = this.#parts;
    let ownersAt = 0;
    while (!this.#over.signal.aborted) {
      await new Pause().wait(times.flushMs, this.#over.signal);
      if (this.#over.signal.aborted) return;
      const now = performance.now();
      if (this.#position.changed || now - this.#flushedAt > times.leaseMs * renewAfter) await this.#flush();
      const bound = this.#position.gaps.bound();
      if (bound.length > 0 && now - ownersAt > times.ownersMs) {
        ownersAt = now;
        Gaps.noteOwners(bound, await lockHolders(this.#parts.session));
      }
    }
  }

  /** One flush at a time: its version is the next one's condition. */
  async #flush(): Promise<void> {
    await this.#flushing;
    this.#flushing = this.#write();
    await this.#flushing;
  }

  async #write(): Promise<void> {
    const { sink, session, times } = this.#parts;
    const sentAt = performance.now();
    const unbound = this.#position.gaps.unbound();
    const progress = this.#position.snapshot();
    const published = this.#position.published;
    const written = await flush(session, sink, this.hold, times.leaseMs, progress);
    this.#version = written.version;
    this.#parts.settled();
    this.#flushedAt = sentAt;
    this.#leaseUntil = sentAt + times.leaseMs * 0.9;
    Gaps.bindTo(unbound, written.xid);
    // While the broker is away no mark is set: it may have failed over at any moment since it was seen last.
    if (this.#broker.takeSight()) this.#position.mark(written.nowMs, progress.low);
    // The next turn of the publishing loop looks, and counts what there is.
    if (written.redriven) this.#parkedEvents = Math.max(1, this.#parkedEvents);
    this.#requireSameServer(written.postmasterStart);
    requireSequenceAhead(written.lastId, published);
  }

  #requireSameServer(postmasterStart: string): void {
    if (postmasterStart === this.#parts.hold.postmasterStart) return;
    throw new MillraceError('CONNECTION_FAILED', `the database server started anew at ${postmasterStart}`);
  }

  async #loadParked(): Promise<void> {
    const { keys, events } = await parkedKeys(this.#parts.session, this.#parts.sink);
    this.#blocked = keys;
    this.#parkedEvents = events;
  }

  /** Tries parked events whose delay is over; what lies behind a success of its key follows in the same or the next turn. */
  async #retryParked(): Promise<void> {
    const { session, sink, times, publisher, hold } = this.#parts;
    if (performance.now() - this.#parkedAt < times.parkedMs) return;
    this.#parkedAt = performance.now();
    await this.#flush();
    for (let turn = 0; turn < 10; turn++) {
      const due = await dueEvents(session, sink, parkedTurn);
      if (due.length === 0) break;
      const foreign = due.filter((row) => !publisher.accepts(row.topic));
      const outcome = await this.#attempt(due.filter((row) => publisher.accepts(row.topic)));
      this.#parts.stepped(outcome.published.length);
      const outcomes = [
        ...[...outcome.published, ...foreign].map((row): Outcome => ({ id: row.id, published: true })),
        ...outcome.refused.map((r) => this.#failed(r)),
      ];
      await settleParked(session, sink, hold.epoch, outcomes);
      if (outcomes.length === 0) break;
    }
    const lastMark = this.#position.marks.at(-1)?.[0];
    if (lastMark !== undefined) await dropPublished(session, sink, lastMark - times.rewindMs);
    await this.#loadParked();
  }

  #failed({ row, error }: Refusal<ParkedRow>): Outcome {
    const fate = this.#parts.publisher.fateOf({ row, error }, row.attempts + 1);
    return { id: row.id, published: false, error: error.message, fate };
  }
}
