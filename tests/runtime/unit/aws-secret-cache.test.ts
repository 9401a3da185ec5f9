import { secretCache } from '../../../runtime/src/aws/secret-cache.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';

/** A store whose secret changes, that counts how often it is asked and fails when it is told to. */
function store() {
  const state = { secret: 'first', asked: 0, failure: undefined as Error | undefined };
  const fetch = async () => {
    state.asked++;
    if (state.failure !== undefined) throw state.failure;
    return state.secret;
  };
  const read = secretCache();
  return { state, read: (options?: { fresh?: boolean }) => read('key', fetch, options) };
}

const unanswered = new MillraceError('SECRET_UNAVAILABLE', 'AWS did not answer');
const denied = new MillraceError('SECRET_UNAVAILABLE', 'denied', { retriable: false });
const seconds = (count: number) => jest.advanceTimersByTime(count * 1_000);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a hundred readers are one request', async () => {
  const { state, read } = store();
  expect(new Set(await Promise.all(Array.from({ length: 100 }, () => read())))).toEqual(new Set(['first']));
  expect(state.asked).toBe(1);
});

test('what was read is kept for 5 minutes', async () => {
  const { state, read } = store();
  await read();
  state.secret = 'second';
  seconds(299);
  expect(await read()).toBe('first');
  seconds(1);
  expect(await read()).toBe('second');
  expect(state.asked).toBe(2);
});

test('a refused secret is read again, and a hundred that were refused are one request', async () => {
  const { state, read } = store();
  await read();
  state.secret = 'second';
  seconds(5);
  expect(new Set(await Promise.all(Array.from({ length: 100 }, () => read({ fresh: true }))))).toEqual(new Set(['second']));
  expect(await read()).toBe('second');
  expect(state.asked).toBe(2);
});

test('a secret that is refused for ever is asked for once in 5 seconds', async () => {
  const { state, read } = store();
  for (let attempt = 0; attempt < 600; attempt++) {
    await read({ fresh: true });
    jest.advanceTimersByTime(100);
  }
  expect(state.asked).toBe(12);
});

test('a store that fails is asked once a second', async () => {
  const { state, read } = store();
  state.failure = denied;
  for (let attempt = 0; attempt < 100; attempt++) {
    await expect(read()).rejects.toBe(denied);
    jest.advanceTimersByTime(100);
  }
  expect(state.asked).toBe(10);
  state.failure = undefined;
  seconds(1);
  expect(await read()).toBe('first');
});

test('while the store does not answer, the old secret is given on', async () => {
  const { state, read } = store();
  await read();
  state.failure = unanswered;
  seconds(301);
  expect(await read()).toBe('first');
  expect(await read()).toBe('first');
  expect(state.asked).toBe(2);
});

test('the old secret is not given on when it was refused, or when the store denies it', async () => {
  const { state, read } = store();
  await read();
  seconds(301);
  state.failure = unanswered;
  await expect(read({ fresh: true })).rejects.toBe(unanswered);
  seconds(2);
  state.failure = denied;
  await expect(read()).rejects.toBe(denied);
});

test('keys are kept apart', async () => {
  const read = secretCache();
  expect(await read('a', async () => 'of a')).toBe('of a');
  expect(await read('b', async () => 'of b')).toBe('of b');
  expect(await read('a', async () => 'another')).toBe('of a');
});
