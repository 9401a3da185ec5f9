import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from 'pg';
import { isMillraceError } from '../contracts/errors.ts';
import type { Topology } from '../contracts/topology.ts';
import { backoff, Pause } from '../pause.ts';
import { requireMigrated } from '../schema/migrate.ts';
import type { PartitionOptions } from '../schema/partitions.ts';
import type { Transport } from '../transport.ts';
import { lastDrawnId, requireOwnLog, requireSequenceAhead } from './ground.ts';
import { Life, type LifeEnd, type LifeParts } from './life.ts';
import { LogReader } from './log.ts';
import type { RelayLogger } from './logger.ts';
import { Publisher } from './publisher.ts';
import { Session } from './session.ts';
import { acquire, type Hold, release } from './sink.ts';
import { defaultTimes, type RelayTimes } from './times.ts';
import { startUpkeep, type Upkeep } from './upkeep.ts';

export type { PartitionOptions } from '../schema/partitions.ts';
export type { RelayLogger } from './logger.ts';
export type { RelayTimes } from './times.ts';

export interface RelayOptions extends Partial<RelayTimes> {
  /** Opens a dedicated connection to the database with the outbox; a relay holds two. `connectPostgres(...).openClient` fits. */
  readonly openClient: (name: string) => Promise<Client>;
  readonly transport: Transport;
  readonly topology: Topology;
  /** Name of the bound service that the transport leads to; with its kind it names the sink, `redis-streams@events`. */
  readonly service: string;
  readonly partitions?: PartitionOptions;
  readonly logger?: RelayLogger;
}

export interface RelayStatus {
  readonly sink: string;
  /** `standby` waits for the lease of another relay, `unreachable` for the database. */
  readonly state: 'starting' | 'standby' | 'active' | 'unreachable' | 'failed' | 'closed';
  readonly epoch: string | undefined;
  /** Events published by this process. */
  readonly published: number;
  /** Highest id of the log that is published or set aside; ids in `gaps` below it may still come. 0 before this relay has held the sink. */
  readonly low: number;
  /** Highest id of the log that is read. 0 before this relay has held the sink. */
  readonly high: number;
  /** Ranges of ids below `high` whose transactions may still commit. */
  readonly gaps: number;
  /** Keys of which an event could not be published; their later events wait behind it, other keys go on. */
  readonly blockedKeys: number;
  /** Milliseconds since the oldest event of the page in hand was enqueued; 0 when none waits. */
  readonly oldestUnpublishedAgeMs: number;
  /** Ids that can be drawn before an insert finds no partition; undefined until the first check. */
  readonly headroom: number | undefined;
  readonly lastError: string | undefined;
  /** Milliseconds since the relay last made a step; a liveness probe compares it with its patience. */
  readonly idleForMs: number;
}

export interface Relay extends AsyncDisposable {
  status(): RelayStatus;
  /** Looks at the log at once; call it after a commit in the same process. */
  poke(): void;
  /** Ends the page in hand, writes progress and lets the next relay in. */
  close(): Promise<void>;
  /**
   * Settles when the relay has stopped; rejects with what trying again cannot mend: MIGRATION_PENDING, OUTBOX_NOT_HERE or OUTBOX_SEQUENCE_BEHIND, or
   * what `openClient` and the transport reject with for good, as CONNECTION_REFUSED_CREDENTIALS.
   */
  readonly stopped: Promise<void>;
}

/**
 * Starts publishing the outbox to one broker, in commit order of each key, at least once.
 *
 * Start as many as you like for one sink: one works, the others stand by. Not guaranteed: that an event is published once only, and order between keys.
 *
 * @example
 * await using relay = startRelay({ openClient: database.openClient, transport, topology, service: 'events' });
 */
export function startRelay(options: RelayOptions): Relay {
  const running = new RunningRelay(options);
  return {
    status: () => running.status(),
    poke: () => running.pause.poke(),
    close: () => running.close(),
    stopped: running.stopped,
    [Symbol.asyncDispose]: () => running.close(),
  };
}

const silent: RelayLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

class RunningRelay {
  readonly pause = new Pause();
  readonly stopped: Promise<void>;
  readonly #options: RelayOptions;
  readonly #times: RelayTimes;
  readonly #sink: string;
  readonly #holder = `${hostname()}:${process.pid}:${randomUUID()}`;
  readonly #closing = new AbortController();
  readonly #logger: RelayLogger;
  #life: Life | undefined;
  #state: RelayStatus['state'] = 'starting';
  #epoch: bigint | undefined;
  #published = 0;
  readonly #upkeep: Upkeep;
  #lastError: string | undefined;
  #steppedAt = performance.now();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#times = { ...defaultTimes, ...options };
    this.#sink = `${options.transport.kind}@${options.service}`;
    this.#logger = options.logger ?? silent;
    this.#upkeep = startUpkeep({ openClient: options.openClient, partitions: options.partitions ?? {}, logger: this.#logger });
    this.stopped = this.#run().finally(() => this.#upkeep.close());
    this.stopped.catch(() => undefined);
  }

  status(): RelayStatus {
    const life = this.#life?.status;
    return {
      sink: this.#sink,
      state: this.#state,
      epoch: this.#epoch?.toString(),
      published: this.#published,
      low: life?.low ?? 0,
      high: life?.high ?? 0,
      gaps: life?.gaps ?? 0,
      blockedKeys: life?.blockedKeys ?? 0,
      oldestUnpublishedAgeMs: life?.unpublishedSince === undefined ? 0 : Math.max(0, Date.now() - Date.parse(life.unpublishedSince)),
      headroom: this.#upkeep.headroom(),
      lastError: this.#lastError,
      idleForMs: Math.round(performance.now() - this.#steppedAt),
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.pause.poke();
    await this.stopped.catch(() => undefined);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      try {
        await this.#connected(() => {
          failures = 0;
        });
      } catch (error) {
        if (isMillraceError(error) && !error.retriable) {
          this.#state = 'failed';
          this.#lastError = error.message;
          throw error;
        }
        failures++;
        this.#steppedAt = performance.now();
        this.#state = 'unreachable';
        this.#lastError = String(error);
        this.#logger.warn({ sink: this.#sink, error: String(error) }, 'relay lost the ground, starting over');
        await backoff(failures + 1, this.#times.maxRetryMs, this.#closing.signal);
      }
    }
    this.#state = 'closed';
  }

  /** Two connections, and lives on them until one throws. */
  async #connected(succeeded: () => void): Promise<void> {
    const sessions: Session[] = [];
    const open = async (name: string): Promise<Session> => {
      const client = await this.#options.openClient(`millrace relay ${name}`);
      const session = new Session(client);
      sessions.push(session);
      client.on('error', (error) => {
        this.#lastError = String(error);
      });
      return session;
    };
    try {
      const [reading, keeping] = [await open('reader'), await open('keeper')];
      await requireMigrated(keeping.client);
      await requireOwnLog(keeping);
      let end: LifeEnd | 'held' = { reason: 'rewound' };
      while (end === 'held' || end.reason !== 'closed') {
        end = await this.#tryLife(reading, keeping, end !== 'held' && end.reason === 'fenced' ? end.above : 0n, succeeded);
        if (this.#closing.signal.aborted) return;
      }
    } finally {
      await Promise.allSettled(sessions.map((session) => session.close()));
    }
  }

  async #tryLife(reading: Session, keeping: Session, above: bigint, succeeded: () => void): Promise<LifeEnd | 'held'> {
    const { leaseMs } = this.#times;
    this.#steppedAt = performance.now();
    const grantedAt = performance.now();
    const hold = await acquire(keeping, this.#sink, this.#holder, leaseMs, above);
    if ('heldForMs' in hold) {
      this.#state = 'standby';
      succeeded();
      await this.pause.wait(Math.min(hold.heldForMs, leaseMs / 8) + 5, this.#closing.signal);
      return 'held';
    }
    requireSequenceAhead(await lastDrawnId(keeping), (hold.done.at(-1)?.[1] ?? hold.low + 1) - 1);
    this.#life = new Life(this.#partsOf(hold, reading, keeping, succeeded), grantedAt);
    this.#state = 'active';
    this.#epoch = hold.epoch;
    this.#logger.info({ sink: this.#sink, epoch: String(hold.epoch), low: hold.low }, 'relay holds the sink');
    const end = await this.#life.live();
    if (end.reason === 'closed') await release(keeping, this.#sink, this.#life.hold);
    return end;
  }

  #partsOf(hold: Hold, reading: Session, keeping: Session, settled: () => void): LifeParts {
    const { transport, topology, service } = this.#options;
    return {
      sink: this.#sink,
      hold,
      reader: new LogReader(reading, this.#times.pageSize),
      session: keeping,
      publisher: new Publisher(transport, topology, service),
      transport,
      times: this.#times,
      pause: this.pause,
      closing: this.#closing.signal,
      settled,
      stepped: (published) => {
        this.#published += published;
        this.#steppedAt = performance.now();
      },
      warn: (message, details) => this.#logger.warn({ sink: this.#sink, ...details }, message),
    };
  }
}
