import { openSource } from '../../../runtime/src/consuming/source.ts';
import type { QueueSource } from '../../../runtime/src/transports/rabbitmq/source.ts';
import { startWatch } from '../../../runtime/src/transports/rabbitmq/watch.ts';

const holdMs = 20 * 60_000;
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A queue with one message whose handler runs. */
function running(): QueueSource {
  const held = new Map([['slow', { arrivedAt: performance.now() }]]);
  const source = { ...openSource<QueueSource>('t.g.0'), held, attempts: { tidy: () => undefined }, running: 1 };
  return source as unknown as QueueSource;
}

function watched(source: QueueSource) {
  const handBack = jest.fn(() => Promise.resolve());
  const watch = startWatch({ sources: () => [source], holdMs, log, handBack });
  return { handBack, watch };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('a queue that took nothing more in because of one message is given back, also when that message is handled in the end', () => {
  const source = running();
  const { handBack, watch } = watched(source);
  jest.advanceTimersByTime(holdMs - 2_000);
  expect(source.draining).toBe(false);
  jest.advanceTimersByTime(4_000);
  expect(source.draining).toBe(true);
  expect(handBack).not.toHaveBeenCalled();
  source.held.clear();
  source.running = 0;
  jest.advanceTimersByTime(2_000);
  expect(handBack).toHaveBeenCalledTimes(1);
  watch.stop();
});

test('a handler that does not end has its time, and no more', () => {
  const source = running();
  const { handBack, watch } = watched(source);
  jest.advanceTimersByTime(1.3 * holdMs);
  expect(handBack).not.toHaveBeenCalled();
  jest.advanceTimersByTime(0.2 * holdMs);
  expect(handBack).toHaveBeenCalled();
  watch.stop();
});
