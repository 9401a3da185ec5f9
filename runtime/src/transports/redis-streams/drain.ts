import { abortGraceMs, until } from '../../consuming/drain.ts';
import type { Message } from '../../consuming/message.ts';
import type { Consumer } from './consumer.ts';
import { type HeldStream, isQuiet } from './held-stream.ts';
import { leaseLost } from './lease.ts';

interface DrainOptions {
  /** How long handlers may go on. */
  readonly drainMs: number;
  /** Ends it early; the stream stays held then. */
  readonly signal: AbortSignal;
  /** Told when nothing further is to be read. */
  onDraining(): void;
}

/**
 * Ends what has begun on a stream that shall go to another consumer. Its other keys go on as long as a handler that runs already does,
 * up to `drainMs`; then nothing further begins. Handlers that have had `drainMs`, when no others run any more, are told by their signal; the stream goes
 * without them when they do not end.
 *
 * @returns whether the stream is still held and can be released
 */
export async function drain({ log, group }: Consumer, held: HeldStream, { drainMs, signal, onDraining }: DrainOptions): Promise<boolean> {
  const over = (): boolean => held.lost || signal.aborted;
  const early = runningOn(held);
  await until(() => over() || ![...runningOn(held)].some(([message, attempt]) => early.get(message) === attempt), drainMs);
  held.draining = true;
  onDraining();
  await until(() => over() || [...runningOn(held)].every(([message, attempt]) => early.get(message) === attempt), drainMs);
  if (held.running > 0 && !over()) {
    held.abort.abort(leaseLost(held.name));
    await until(() => over() || held.running === 0, abortGraceMs);
  }
  await until(() => over() || isQuiet(held), Number.POSITIVE_INFINITY);
  if (held.running > 0 && !over())
    log.warn({ stream: held.name, group, running: held.running }, 'handlers go on beyond their time; the stream goes to another consumer');
  return !over();
}

/** The first messages in the hands of handlers, with the number of the attempt. */
function runningOn({ lanes }: HeldStream): Map<Message, number> {
  const running = new Map<Message, number>();
  for (const { state, queue } of lanes.values()) if (state === 'running' && queue[0] !== undefined) running.set(queue[0], queue[0].attempt);
  return running;
}
