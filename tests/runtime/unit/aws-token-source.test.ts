import { tokenSource } from '../../../runtime/src/aws/token-source.ts';

/** Gives numbered tokens of 15 minutes. */
function issuer() {
  const state = { issued: 0, failure: undefined as Error | undefined };
  const fetch = async () => {
    state.issued++;
    if (state.failure !== undefined) throw state.failure;
    return { token: `token ${state.issued}`, expiresAt: new Date(Date.now() + 900_000) };
  };
  return { state, token: tokenSource(fetch) };
}

const minutes = (count: number) => jest.advanceTimersByTime(count * 60_000);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a token is used until a quarter of its life is left', async () => {
  const { token } = issuer();
  expect(await token()).toBe('token 1');
  minutes(11);
  expect(await token()).toBe('token 1');
  minutes(1);
  expect(await token()).toBe('token 2');
});

test('a hundred callers are one renewal', async () => {
  const { state, token } = issuer();
  expect(new Set(await Promise.all(Array.from({ length: 100 }, () => token())))).toEqual(new Set(['token 1']));
  minutes(12);
  expect(new Set(await Promise.all(Array.from({ length: 100 }, () => token())))).toEqual(new Set(['token 2']));
  expect(state.issued).toBe(2);
});

test('while renewals fail, the token is given on as long as it is valid; then the failure is', async () => {
  const { state, token } = issuer();
  await token();
  state.failure = new Error('no credentials');
  minutes(14);
  expect(await token()).toBe('token 1');
  minutes(1);
  await expect(token()).rejects.toBe(state.failure);
  state.failure = undefined;
  expect(await token()).toBe('token 4');
});
