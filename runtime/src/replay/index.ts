import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { pino } from 'pino';
import type { ConsumerLogger, ConsumerSettings } from '../consuming/consumer.ts';
import { consumerSettings, inBatches, singly } from '../consuming/settings.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import type { Topic, Topology } from '../contracts/topology.ts';
import { Session } from '../outbox/session.ts';
import { backoff, Pause } from '../pause.ts';
import { processName } from '../process-name.ts';
import { requireMigrated } from '../schema/migrate.ts';
import type { BatchHandler, Handler } from '../transport.ts';
import { type Claim, claim } from './claims.ts';
import { runReplay } from './run.ts';

/** What a group does with the replayed events of one topic; usually what it does with live ones. */
export type ReplayHandler = (
  | { readonly handler: Handler }
  /** As of `subscribeBatches`. `maxBatch`: @default 100 */
  | { readonly batchHandler: BatchHandler; readonly maxBatch?: number }
) & {
  /** Handlers at once; events of one key still run one after the other. @default the consumer's in the topology, else 1 */
  readonly concurrency?: number;
  /** @default the topic's */
  readonly retry?: Partial<Topic['retry']>;
};

export interface ReplayOptions {
  /** Opens a dedicated connection to the database with the outbox: one, and a second one while there is a replay. `connectPostgres(...).openClient` fits. */
  readonly openClient: (name: string) => Promise<Client>;
  readonly topology: Topology;
  readonly group: string;
  /** By topic. Replays of other topics are left to other processes. */
  readonly handlers: Readonly<Record<string, ReplayHandler>>;
  /** Takes only replays of this tenant, as a consumer that is bound to one must. @default of all */
  readonly tenant?: string;
  /** Name of this process, for people who look. @default host name and process id */
  readonly consumerName?: string;
  /** How often it is looked for a replay that was asked for. @default 1_000 */
  readonly pollMs?: number;
  /** How long a process that vanished keeps its replay from the others; renewed every second. @default 5_000, at least 3_000 */
  readonly leaseMs?: number;
  /** Events that are handled or ready; of those that wait for another attempt up to 20 times as many. @default 500 */
  readonly maxUnhandled?: number;
  /** How long `close()` lets running handlers go on before it aborts their signals. @default 10_000 */
  readonly drainMs?: number;
  /** @default warnings and errors to standard output */
  readonly logger?: ConsumerLogger;
}

export interface Replays extends AsyncDisposable {
  /** Name of the replay that this process carries out at present. */
  running(): string | undefined;
  /** Ends the handlers at work and hands the replay on. */
  close(): Promise<void>;
  /** Settles when it has stopped; rejects with what trying again cannot mend: MIGRATION_PENDING, or what `openClient` rejects with for good. */
  readonly stopped: Promise<void>;
}

/**
 * Carries out the replays that `millrace replay` has asked for, of one group, beside its live consumption. Start it in every process of the group.
 *
 * A replay is one process's at a time, another goes on where one has ended. Its events come from the outbox log in the order of each key, with the attempts
 * of their topic; what fails them all is kept in `millrace.replay_failure`. In each delivery `run` is the name of the replay, so that the inbox applies its
 * effects anew, once in each run; in one with `--missed` it is empty, as in live ones, and the inbox applies what it does not have. A topic with `onExhausted: 'block'` gives up the later events of such a key too.
 *
 * Not guaranteed: order between a replayed event and live ones of its key, which go on meanwhile.
 *
 * @throws {MillraceError} SUBSCRIPTION_INVALID when a handler is for a topic that is not in the topology, or `leaseMs` is too short.
 * @example
 * await using replays = startReplays({ openClient: database.openClient, topology, group: 'inventory', handlers: { 'orders.created': { handler } } });
 */
export function startReplays(options: ReplayOptions): Replays {
  const { leaseMs = 5_000 } = options;
  for (const topic of Object.keys(options.handlers)) {
    if (options.topology.topics[topic] === undefined)
      throw new MillraceError('SUBSCRIPTION_INVALID', `replays of topic ${topic} have a handler, and it is not in the topology`);
  }
  if (leaseMs < 3_000) throw new MillraceError('SUBSCRIPTION_INVALID', `leaseMs of replays must be at least 3000, got ${leaseMs}`);
  const name = options.consumerName ?? processName();
  const closing = new AbortController();
  const state: State = { running: undefined };
  const parts: Parts = {
    ...{ options, leaseMs, name, state, closing: closing.signal },
    holder: `${name}/${randomUUID()}`,
    log: options.logger ?? pino({ name: 'millrace replay', level: 'warn' }),
  };
  const stopped = keepAtIt(parts);
  stopped.catch(() => undefined);
  const close = async (): Promise<void> => {
    closing.abort();
    await stopped.catch(() => undefined);
  };
  return { running: () => state.running, close, stopped, [Symbol.asyncDispose]: close };
}

interface State {
  running: string | undefined;
}

interface Parts {
  readonly options: ReplayOptions;
  readonly leaseMs: number;
  readonly name: string;
  readonly holder: string;
  readonly state: State;
  readonly closing: AbortSignal;
  readonly log: ConsumerLogger;
}

async function keepAtIt(parts: Parts): Promise<void> {
  let failures = 0;
  while (!parts.closing.aborted) {
    try {
      await connected(parts, () => {
        failures = 0;
      });
    } catch (error) {
      if (isMillraceError(error) && !error.retriable) throw error;
      failures += 1;
      parts.log.warn({ group: parts.options.group, error: String(error) }, 'replays lost the database, starting over');
      await backoff(failures + 1, parts.leaseMs, parts.closing);
    }
  }
}

/** Looks for replays over one connection, and carries them out one after the other, until it closes or a connection fails. */
async function connected(parts: Parts, succeeded: () => void): Promise<void> {
  const { options, closing, leaseMs, holder, state } = parts;
  const { group, tenant, handlers, pollMs = 1_000 } = options;
  await using keeping = await openSession(parts, 'keeper');
  await requireMigrated(keeping.session.client);
  while (!closing.aborted) {
    const claimedAtMs = performance.now();
    const claimed = await claim(keeping.session, { group, tenant, topics: Object.keys(handlers), holder, leaseMs });
    succeeded();
    if (claimed === undefined) {
      await new Pause().wait(pollMs, closing);
      continue;
    }
    state.running = claimed.run;
    try {
      await carryOut(parts, claimed, claimedAtMs, keeping.session);
    } finally {
      state.running = undefined;
    }
  }
}

async function carryOut(parts: Parts, claimed: Claim, claimedAtMs: number, keeping: Session): Promise<void> {
  const { options, leaseMs, closing, log } = parts;
  const { run, topic, position, unclean } = claimed;
  await using reading = await openSession(parts, 'reader');
  log.info({ run, topic, group: options.group, position, unclean }, 'replay is carried out here');
  const settings = settingsOf(parts, claimed);
  const drainMs = options.drainMs ?? 10_000;
  const outcome = await runReplay({ claim: claimed, claimedAtMs, leaseMs, drainMs, keeping, reading: reading.session, settings, closing });
  const level = outcome === 'failed' ? 'error' : outcome === 'superseded' ? 'warn' : 'info';
  log[level]({ run, topic, group: options.group, outcome }, 'replay has ended here');
}

function settingsOf({ options, name, log }: Parts, { topic, run, missed }: Claim): ConsumerSettings {
  const asked = options.handlers[topic]!;
  const { group, maxUnhandled = 500, drainMs = 10_000 } = options;
  const { concurrency, retry } = asked;
  const wished = {
    group,
    run: missed ? '' : run,
    ...(concurrency !== undefined && { concurrency }),
    ...(retry !== undefined && { retry }),
  };
  const wish =
    'batchHandler' in asked
      ? inBatches({ ...wished, ...(asked.maxBatch !== undefined && { maxBatch: asked.maxBatch }) }, asked.batchHandler)
      : singly(wished, asked.handler);
  // The events come from the log in PostgreSQL, whatever broker carries them live.
  return consumerSettings(topic, options.topology.topics[topic]!, wish, {
    system: 'postgresql',
    consumer: name,
    maxUnhandled,
    drainMs,
    log,
  });
}

interface OpenSession extends AsyncDisposable {
  readonly session: Session;
}

async function openSession({ options }: Parts, name: string): Promise<OpenSession> {
  const client = await options.openClient(`millrace replay ${name}`);
  client.on('error', () => undefined); // the statement in flight tells; without a listener the process would end
  const session = new Session(client);
  return { session, [Symbol.asyncDispose]: () => session.close() };
}
