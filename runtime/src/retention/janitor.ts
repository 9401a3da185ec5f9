import { backoffMs } from '../connections/backoff.ts';
import { once } from '../connections/once.ts';
import { Pause } from '../pause.ts';
import type { Held, Task, TaskReport } from './task.ts';

export interface JanitorOptions {
  readonly tasks: readonly Task[];
  readonly logger: JanitorLogger;
}

export interface JanitorLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** How the last run of a task ended. */
export interface TaskOutcome {
  readonly task: string;
  /** Undefined when it failed, and before the first run has ended. */
  readonly report?: TaskReport | undefined;
  readonly error?: Error | undefined;
}

/** Does its tasks until it is closed. */
export interface Janitor extends AsyncDisposable {
  /** One for each task, in their order. */
  outcomes(): readonly TaskOutcome[];
  /** Ends the runs that are under way at their next safe place. */
  close(): Promise<void>;
}

/**
 * Runs each task at once and then again and again, each in its own rhythm; one that fails is tried again with backoff and keeps no other from running.
 *
 * Several janitors may run at the same time: tasks stand that, and nothing is elected.
 *
 * @example
 * await using janitor = startJanitor({ tasks: [streamRetention({ service, topology })], logger });
 */
export function startJanitor({ tasks, logger }: JanitorOptions): Janitor {
  const stop = new AbortController();
  const outcomes: TaskOutcome[] = tasks.map(({ name }) => ({ task: name }));
  const loops = tasks.map((task, index) => repeat(task, logger, stop.signal, (outcome) => (outcomes[index] = outcome)));
  const close = once(async () => {
    stop.abort();
    await Promise.all(loops);
  });
  return { outcomes: () => outcomes, close, [Symbol.asyncDispose]: close };
}

/** Runs every task once, side by side. */
export function runOnce({ tasks, logger }: JanitorOptions, signal: AbortSignal): Promise<TaskOutcome[]> {
  return Promise.all(
    tasks.map(async (task) => {
      const outcome = await runTask(task, signal);
      tell(outcome, undefined, logger);
      return outcome;
    }),
  );
}

async function repeat(task: Task, logger: JanitorLogger, signal: AbortSignal, note: (outcome: TaskOutcome) => void): Promise<void> {
  const pause = new Pause();
  let failures = 0;
  for (let last: TaskOutcome | undefined; !signal.aborted; ) {
    const outcome = await runTask(task, signal);
    if (signal.aborted && outcome.error !== undefined) return;
    tell(outcome, last, logger);
    note(outcome);
    last = outcome;
    failures = outcome.error === undefined ? 0 : failures + 1;
    await pause.wait(failures === 0 ? task.everyMs : backoffMs(failures, task.everyMs), signal);
  }
}

async function runTask(task: Task, signal: AbortSignal): Promise<TaskOutcome> {
  try {
    return { task: task.name, report: await task.run(signal) };
  } catch (error) {
    return { task: task.name, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** Logs what is new since the last run; a line a minute that says the same is read by nobody. Losses are new each time. */
function tell({ task, report, error }: TaskOutcome, last: TaskOutcome | undefined, logger: JanitorLogger): void {
  if (error !== undefined) {
    logger.error({ task, error: String(error) }, 'a run failed; it is tried again');
    return;
  }
  for (const { name, sentence } of report!.lost ?? []) logger.warn({ task, object: name }, sentence);
  const before = new Set(last?.report?.held.map(({ name }) => name));
  for (const { name, sentence } of report!.held.filter((held: Held) => !before.has(held.name)))
    logger.warn({ task, object: name }, sentence);
  if (report!.sentence !== last?.report?.sentence) logger.info({ task, ...report!.details }, report!.sentence);
}
