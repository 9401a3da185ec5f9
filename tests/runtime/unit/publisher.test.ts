import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { LogRow } from '../../../runtime/src/outbox/log.ts';
import { keyName } from '../../../runtime/src/outbox/parked.ts';
import { heldBack, Publisher } from '../../../runtime/src/outbox/publisher.ts';
import type { PublishResult, Transport } from '../../../runtime/src/transport.ts';

const topology = topologySchema.parse({
  topics: {
    here: { transports: [{ kind: 'redis-streams', service: 'events' }], tenantless: true, onExhausted: 'skip' },
    blocking: { transports: [{ kind: 'redis-streams', service: 'events' }], tenantless: true, onExhausted: 'block' },
    elsewhere: { transports: [{ kind: 'kafka', service: 'log' }], tenantless: true },
    otherRedis: { transports: [{ kind: 'redis-streams', service: 'other' }], tenantless: true },
    ofTenants: { transports: [{ kind: 'redis-streams', service: 'events' }] },
  },
});
const row = (id: number, topic = 'here', key?: string): LogRow => ({
  id,
  topic,
  key,
  event: { id: String(id), source: '', type: '', time: '' },
});
const failed = (code: ConstructorParameters<typeof MillraceError>[0]): PublishResult => {
  const error = new MillraceError(code, code);
  return { status: 'failed', retriable: error.retriable, error };
};
const published: PublishResult = { status: 'published', position: '1-1' };
const fence = { producer: 'p', epoch: 1n };
const signal = new AbortController().signal;

function publisher(...results: PublishResult[]): { publisher: Publisher; publish: jest.Mock } {
  const publish = jest.fn(async (_: string, events: unknown[]) => results.slice(0, events.length));
  return { publisher: new Publisher({ kind: 'redis-streams', publish } as unknown as Transport, topology, 'events'), publish };
}

test('accepts what travels through its sink, and what nobody knows', () => {
  const { publisher: p } = publisher();
  expect(['here', 'elsewhere', 'otherRedis', 'unknown'].map((topic) => p.accepts(topic))).toEqual([true, false, false, true]);
});

test('publishes each topic in log order, under the fence', async () => {
  const { publisher: p, publish } = publisher(published, published);
  await p.attempt([row(1), row(2, 'blocking'), row(3)], fence, signal);
  expect(publish.mock.calls.map(([topic, events]) => [topic, events.map((event: { id: string }) => event.id)])).toEqual([
    ['here', ['1', '3']],
    ['blocking', ['2']],
  ]);
  expect(publish.mock.calls[0]![2]).toEqual({ fence, signal });
});

test('refuses events without tenant where topics are not tenantless, and publishes the others', async () => {
  const { publisher: p, publish } = publisher(published);
  const owned = { ...row(2, 'ofTenants'), event: { ...row(2).event, tenantid: 'acme' } };
  const outcome = await p.attempt([row(1, 'ofTenants'), owned], fence, signal);
  expect(outcome.published).toEqual([owned]);
  expect(outcome.refused).toMatchObject([{ row: { id: 1 }, error: { code: 'TENANT_REQUIRED' } }]);
  expect(publish).toHaveBeenCalledTimes(1);
});

test('holds back what follows a refused event in its key', async () => {
  const { publisher: p, publish } = publisher(published);
  const owned = (id: number, key: string) => ({ ...row(id, 'ofTenants', key), event: { ...row(id).event, tenantid: 'acme' } });
  const outcome = await p.attempt([row(1, 'ofTenants', 'a'), owned(2, 'a'), owned(3, 'b')], fence, signal);
  expect(publish.mock.calls.map(([, events]) => events.map((event: { id: string }) => event.id))).toEqual([['3']]);
  expect(outcome.retriable).toMatchObject([{ row: { id: 2 }, error: { code: 'PUBLISH_FAILED' } }]);
});

test('tells what may pass by itself from what needs a change', async () => {
  const { publisher: p } = publisher(
    published,
    failed('PUBLISH_FAILED'),
    failed('EVENT_TOO_LARGE'),
    failed('TOPIC_UNKNOWN'),
    failed('PUBLISH_REJECTED'),
  );
  const outcome = await p.attempt(
    [1, 2, 3, 4, 5].map((id) => row(id)),
    fence,
    signal,
  );
  expect(outcome.published.map(({ id }) => id)).toEqual([1]);
  expect(outcome.retriable.map((refusal) => refusal.row.id)).toEqual([2]);
  expect(outcome.refused.map((refusal) => refusal.row.id)).toEqual([3, 4, 5]);
});

test.each([['RELAY_FENCED' as const], ['BROKER_LOST_EVENTS' as const]])('%s ends the life of the relay', async (code) => {
  const { publisher: p } = publisher(failed(code));
  await expect(p.attempt([row(1)], fence, signal)).rejects.toMatchObject({ code });
});

describe('what becomes of an event that is refused', () => {
  const { publisher: p } = publisher();
  const fate = (topic: string, code: ConstructorParameters<typeof MillraceError>[0], attempts = 1) =>
    p.fateOf({ row: row(1, topic), error: new MillraceError(code, code) }, attempts);

  test('follows the topic', () => {
    expect(fate('here', 'EVENT_TOO_LARGE')).toBe('dead');
    expect(fate('here', 'EVENT_INVALID')).toBe('dead');
    expect(fate('blocking', 'EVENT_TOO_LARGE')).toEqual({ park: null });
  });
  test('an unknown topic is tried for hours and then waits for a person', () => {
    const delays = Array.from({ length: 59 }, (_, i) => (fate('unknown', 'TOPIC_UNKNOWN', i + 1) as { park: number }).park);
    expect(delays[0]).toBeGreaterThanOrEqual(750);
    expect(delays[0]).toBeLessThanOrEqual(1_250);
    expect(Math.max(...delays)).toBeLessThanOrEqual(375_000);
    expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(3 * 3_600_000);
    expect(fate('unknown', 'TOPIC_UNKNOWN', 60)).toEqual({ park: null });
  });
});

test('rows of blocked keys are held back, per topic; those without a key never', () => {
  const rows = [row(1, 'here', 'a'), row(2, 'here', 'b'), row(3, 'blocking', 'a'), row(4), row(5, 'here', 'a')];
  const { free, held } = heldBack(rows, new Set([keyName('here', 'a')]));
  expect(held.map(({ id }) => id)).toEqual([1, 5]);
  expect(free.map(({ id }) => id)).toEqual([2, 3, 4]);
});
