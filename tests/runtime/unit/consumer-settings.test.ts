import { wrap } from '../../../runtime/src/binding/index.ts';
import { consumerDefaults, consumerSettings, inBatches, singly } from '../../../runtime/src/consuming/settings.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';

const topology = topologySchema.parse({
  topics: { t: { transports: [{ kind: 'redis-streams', service: 'events' }], consumers: [{ group: 'g', concurrency: 3 }] } },
});
const service = wrap(
  { events: { kind: 'redis', role: 'events', endpoints: [{ purpose: 'primary', host: 'redis', port: 6379 }], auth: { mode: 'none' } } },
  {},
).service('events');
const handler = async (): Promise<void> => undefined;
const settingsOf = (options: object, { maxBatch, maxUnhandled }: { maxBatch?: number; maxUnhandled?: number } = {}) => {
  const wish = { group: 'g', ...options };
  return consumerSettings(
    't',
    topology.topics.t!,
    maxBatch === undefined ? singly(wish, handler) : inBatches({ ...wish, maxBatch }, handler),
    consumerDefaults({ service, topology, ...(maxUnhandled !== undefined && { maxUnhandled }) }),
  );
};

test('what is asked for goes before what the topology says of the group, and that before what holds for all', () => {
  expect(settingsOf({})).toMatchObject({ concurrency: 3, maxBatch: 1, maxUnhandled: 500, run: '' });
  expect(settingsOf({ concurrency: 7, retry: { attempts: 2 } })).toMatchObject({ concurrency: 7, topic: { retry: { attempts: 2 } } });
  expect(settingsOf({ group: 'other' })).toMatchObject({ concurrency: 1 });
});

test('there is room in memory for two batches of each handler', () => {
  expect(settingsOf({}, { maxBatch: 400 })).toMatchObject({ maxBatch: 400, maxUnhandled: 2_400 });
});

test.each([
  ['concurrency 0', { concurrency: 0 }, {}],
  ['concurrency that is no number', { concurrency: Number.NaN }, {}],
  ['half a handler', { concurrency: 1.5 }, {}],
  ['no attempt', { retry: { attempts: 0 } }, {}],
  ['empty batches', {}, { maxBatch: 0 }],
  ['no room in memory', {}, { maxUnhandled: 0 }],
])('%s is refused: nothing would ever be handled', (_, options, more) => {
  expect(() => settingsOf(options, more)).toThrow(
    expect.objectContaining({ code: 'SUBSCRIPTION_INVALID', message: expect.stringMatching(/a whole number from 1 on/) }),
  );
});
