import { isUuidv7, uuidv7 } from '../../../runtime/src/outbox/uuid.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

test('has version, variant and the time of drawing', () => {
  const before = Date.now();
  const id = uuidv7();
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const time = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  expect(time).toBeGreaterThanOrEqual(before);
  expect(time).toBeLessThan(before + 1_000);
});

test('ascends, also with more than 4096 in a millisecond and when the clock goes back', () => {
  const now = jest.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);
  const ids = Array.from({ length: 10_000 }, uuidv7);
  now.mockReturnValue(1_700_000_000_000);
  ids.push(uuidv7());
  now.mockReturnValue(1_800_000_000_500);
  ids.push(uuidv7());
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each([
  ['018f4e6c-7c3a-7b2d-9c1e-0123456789ab', true],
  ['018F4E6C-7C3A-7B2D-9C1E-0123456789AB', true],
  ['018f4e6c-7c3a-4b2d-9c1e-0123456789ab', false],
  ['018f4e6c-7c3a-7b2d-1c1e-0123456789ab', false],
  ['018f4e6c7c3a7b2d9c1e0123456789ab', false],
  ['', false],
])('%s is one: %s', (text, expected) => {
  expect(isUuidv7(text)).toBe(expected);
});
