import { mergeFragments } from '../../constructs/core/binding.ts';
import type { BindingFragment } from '../../runtime/src/contracts/binding.ts';

const service = {
  kind: 'redis',
  role: 'cache',
  endpoints: [{ purpose: 'primary', host: 'a', port: 6379 }],
  auth: { mode: 'none' },
} as const;
const fragment = (name: string, more: object = {}): BindingFragment => ({
  [name]: { ...service, endpoints: [...service.endpoints], ...more },
});

test('fragments become one, in the order of the names', () => {
  expect(Object.keys(mergeFragments([fragment('log'), fragment('cache')]))).toEqual(['cache', 'log']);
});

test('fails if two fragments bind one service', () => {
  expect(() => mergeFragments([fragment('cache'), fragment('cache')])).toThrow(
    expect.objectContaining({ code: 'BINDING_INVALID', message: expect.stringContaining('two stacks bind the service cache') }),
  );
});

test("fails if a fragment has a place for a secret's value", () => {
  expect(() => mergeFragments([fragment('cache', { auth: { mode: 'password', password: 'x' } })])).toThrow(
    expect.objectContaining({ code: 'BINDING_INVALID', message: expect.stringContaining('cache.auth.password: unknown key') }),
  );
});
