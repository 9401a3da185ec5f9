import type { ConsumerSettings } from '../consuming/consumer.ts';
import { until } from '../consuming/drain.ts';
import { roomIn } from '../consuming/room.ts';
import { letGo } from '../consuming/source.ts';
import { createWorker, type Worker } from '../consuming/worker.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import type { LogRow } from '../outbox/log.ts';
import type { Session } from '../outbox/session.ts';
import { Pause } from '../pause.ts';
import { type Claim, end, failuresOf, type GivenUpEvent, keepFailures, save } from './claims.ts';
import { replayMessages } from './messages.ts';
import { createPacer } from './pacer.ts';
import { ReplayReader } from './pages.ts';
import { SettledEnd } from './settled.ts';
import { feed, feedAgain, openReplaySource, type ReplaySource } from './source.ts';

/** Share of the lease that is relied on: clocks differ, and a process does something between looking at its clock and acting. */
const sureShare = 7 / 8;
const saveMs = 1_000;
/** Pause while nothing can be read: handlers are at work, or transactions up to the end are still open. */
const idleMs = 100;
/** The same while events wait for their rate or for room. */
const pacedMs = 20;
const leftPerTurn = 200;
/** Ids in memory of events that wait behind failing ones of their keys; beyond that reading stops. */
const maxOpen = 200_000;

export interface ReplayParts {
  readonly claim: Claim;
  /** When the claim was sent, on the clock of `performance.now()`. */
  readonly claimedAtMs: number;
  readonly leaseMs: number;
  readonly drainMs: number;
  /** For progress and failures; reading has a connection of its own, so that a long statement does not cost the lease. */
  readonly keeping: Session;
  readonly reading: Session;
  readonly settings: ConsumerSettings;
  readonly closing: AbortSignal;
}

/** How the work of this process on a replay ended. */
export type ReplayEnd = 'done' | 'failed' | 'superseded' | 'closed';

/** Carries out a replay until it is done, fails, is cancelled or taken over, or the process closes. @throws what the database rejects with. */
export async function runReplay(parts: ReplayParts): Promise<ReplayEnd> {
  const running = new RunningReplay(parts);
  try {
    return await running.run();
  } catch (error) {
    if (isMillraceError(error, 'CONSUMER_LEASE_LOST')) return 'superseded';
    if (!isMillraceError(error, 'REPLAY_OUT_OF_LOG')) throw error;
    await end(parts.keeping, parts.claim, 'failed', error.message);
    return 'failed';
  } finally {
    await running.stop();
  }
}

class RunningReplay {
  readonly #parts: ReplayParts;
  readonly #source: ReplaySource;
  readonly #worker: Worker<ReplaySource>;
  readonly #reader: ReplayReader;
  readonly #settled: SettledEnd;
  readonly #takes: (most: number) => number;
  readonly #pause = new Pause();
  readonly #given = new Set<number>();
  #saving: Promise<void> = Promise.resolve();
  #savedAtMs: number;
  #keeper: NodeJS.Timeout | undefined;
  #failure: unknown;
  #page: LogRow[] = [];

  constructor(parts: ReplayParts) {
    const { claim, claimedAtMs, leaseMs, settings, keeping, reading } = parts;
    this.#parts = parts;
    this.#source = openReplaySource(claim, claimedAtMs + leaseMs * sureShare);
    this.#savedAtMs = claimedAtMs;
    this.#reader = new ReplayReader(reading, claim);
    this.#settled = new SettledEnd(keeping, claim);
    this.#takes = createPacer(claim.rate);
    const hands = { save: () => this.#save(), fail: (failure: GivenUpEvent) => this.#fail([failure]), poke: () => this.#pause.poke() };
    this.#worker = createWorker(settings, replayMessages(this.#source, settings.topic, hands), () => this.#progress());
  }

  async run(): Promise<ReplayEnd> {
    const { claim, settings, keeping, closing } = this.#parts;
    const before = await failuresOf(keeping, claim);
    for (const { id, key } of before) {
      this.#given.add(id);
      if (settings.topic.onExhausted === 'block' && key !== null) this.#source.blocked.add(key);
    }
    this.#keep();
    while (!closing.aborted) {
      this.#requireHeld();
      const outcome = await this.#step();
      if (outcome !== undefined) return outcome;
    }
    await this.#drain();
    await this.#save();
    await end(keeping, claim, 'running');
    return 'closed';
  }

  async stop(): Promise<void> {
    clearInterval(this.#keeper);
    this.#worker.stop();
    letGo(this.#source, new MillraceError('CONSUMER_LEASE_LOST', `replay ${this.#parts.claim.run} has ended here`));
    await this.#saving.catch(() => undefined);
    // The next holder may be this process: a handler of this one must not run beside it.
    await this.#untilIdle();
  }

  async #step(): Promise<ReplayEnd | undefined> {
    const { claim, keeping } = this.#parts;
    const { window, due, behind } = this.#source;
    await this.#takeUpLeft();
    if (behind.length > 0) await this.#keepBehind();
    if (this.#page.length === 0 && window.readTo < claim.to && this.#room() > 0) {
      await this.#read();
    }
    const fed = this.#feedPage();
    if (window.readTo === claim.to && window.open === 0 && this.#page.length === 0) {
      await this.#save();
      await end(keeping, claim, 'done');
      return 'done';
    }
    if (fed === 0 && due.size === 0) await this.#pause.wait(this.#page.length > 0 ? pacedMs : idleMs, this.#parts.closing);
    return undefined;
  }

  /** Reads on, as far as events are settled. */
  async #read(): Promise<void> {
    const { window } = this.#source;
    const to = await this.#settled.upTo(window.readTo);
    if (to <= window.readTo) return;
    const { rows, readTo, whole } = await this.#reader.read(window.readTo, to, this.#parts.settings.maxUnhandled);
    if (!whole) throw outOfLog(window.readTo + 1, readTo);
    for (const { id } of rows) window.add(id);
    window.readTo = readTo;
    for (const { id } of rows) if (this.#given.has(id)) window.settle(id, 'failed');
    this.#page = rows.filter(({ id }) => !this.#given.has(id));
    // What may be begun is known before it begins, in case one of them kills this process.
    if (rows.length > 0) await this.#save();
  }

  /** Half at a time: waking for every single event would feed one by one. */
  #progress(): void {
    const { due, behind } = this.#source;
    const isIdle = this.#worker.active() === 0 || this.#room() >= this.#parts.settings.maxUnhandled / 2;
    if (isIdle || due.size > 0 || behind.length > 0) this.#pause.poke();
  }

  #room(): number {
    return this.#source.window.open >= maxOpen ? 0 : roomIn([this.#source], this.#parts.settings.maxUnhandled);
  }

  #feedPage(): number {
    const { retry } = this.#parts.settings.topic;
    const rows = this.#page.splice(0, this.#takes(Math.min(this.#page.length, Math.max(0, this.#room()))));
    for (const row of rows) {
      const lane = feed(this.#source, row, retry);
      if (lane !== undefined) this.#worker.add(lane);
    }
    return rows.length;
  }

  async #takeUpLeft(): Promise<void> {
    const { due, left } = this.#source;
    const { retry } = this.#parts.settings.topic;
    for (const key of [...due]) {
      due.delete(key);
      const ids = (left.get(key) ?? []).slice(0, leftPerTurn);
      const rows = await this.#reader.readAgain(ids);
      if (rows.length < ids.length) throw outOfLog(ids[0]!, ids.at(-1)!);
      const lane = feedAgain(this.#source, key, rows, retry);
      if (lane !== undefined) this.#worker.add(lane);
      else if (left.has(key)) due.add(key);
    }
  }

  /** Events behind one that was given up are not handled: none may overtake it. */
  async #keepBehind(): Promise<void> {
    const events = this.#source.behind.splice(0);
    const message = 'not tried: it waits behind an earlier event of its key that was given up';
    const errors = [{ attempt: 0, at: new Date().toISOString(), message, consumer: this.#parts.settings.consumer }];
    await this.#fail(events.map((event) => ({ id: Number(event.sequence), event, errors })));
  }

  async #fail(failures: readonly GivenUpEvent[]): Promise<void> {
    await keepFailures(this.#parts.keeping, this.#parts.claim, failures);
    for (const { id } of failures) this.#source.window.settle(id, 'failed');
  }

  /** Renews the lease and writes progress beside the steps, which may wait for a page. */
  #keep(): void {
    this.#keeper = setInterval(() => {
      if (performance.now() - this.#savedAtMs < saveMs) return;
      this.#save().catch((error: unknown) => {
        this.#failure ??= error;
        this.#pause.poke();
      });
    }, saveMs / 4);
  }

  #requireHeld(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (performance.now() >= this.#source.sureUntilMs || this.#source.lost) {
      throw new MillraceError('CONSUMER_LEASE_LOST', `the lease of replay ${this.#parts.claim.run} has run out unrenewed`);
    }
  }

  /** One at a time, in their order: a later one never writes less. */
  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    const { keeping, claim, leaseMs } = this.#parts;
    const { window, suspect } = this.#source;
    const sentAtMs = performance.now();
    this.#savedAtMs = sentAtMs;
    const { position, handled, failed, readTo: reach } = withPosition(window);
    await save(keeping, claim, { position, reach, handled, failed, suspect }, leaseMs);
    this.#source.sureUntilMs = sentAtMs + leaseMs * sureShare;
  }

  async #drain(): Promise<void> {
    this.#worker.stop();
    await this.#untilIdle();
    if (this.#worker.active() > 0) this.#source.abort.abort(new MillraceError('CONNECTION_CLOSED', 'the process closes'));
    if (this.#source.behind.length > 0) await this.#keepBehind();
  }

  async #untilIdle(): Promise<void> {
    await until(() => this.#worker.active() === 0, this.#parts.drainMs);
  }
}

/** The position first: finding it counts what lies below. */
function withPosition(window: ReplaySource['window']): { position: number; handled: number; failed: number; readTo: number } {
  const { position } = window;
  return { position, handled: window.handled, failed: window.failed, readTo: window.readTo };
}

function outOfLog(from: number, to: number): MillraceError {
  const wayOut = 'restore them with millrace archive restore, then replay from there under another name';
  return new MillraceError('REPLAY_OUT_OF_LOG', `the log lost events between ${from} and ${to} before they were read: ${wayOut}`);
}
