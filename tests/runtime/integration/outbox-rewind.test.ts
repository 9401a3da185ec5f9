import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { commitEach, drained, event, openLog, sinkRow, type TestLog } from '../support/log.ts';
import { type Recorder, recorder } from '../support/recorder.ts';
import { startTestRelay, type TestRelay, type TestRelayOptions } from '../support/relay.ts';

let postgres: TestPostgres;
let log: TestLog;
let broker: Recorder;
const relays: TestRelay[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  log = await openLog(postgres);
  broker = recorder();
});
afterEach(async () => {
  broker.release();
  broker.answer(() => undefined);
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
  await log.close();
});

function start(options: Partial<TestRelayOptions> = {}): TestRelay {
  const relay = startTestRelay({ log, transport: broker.transport, watchMs: 50, ...options });
  relays.push(relay);
  return relay;
}

/** The broker fails over to a replica that has heard of nothing. */
function failOver(): void {
  broker.events.length = 0;
  broker.become('second');
}

function arrived(...names: string[]): Promise<true> {
  return eventually(() => names.every((name) => broker.published().includes(name)) || undefined, {
    what: `${names.join(', ')} have arrived; there are ${broker.published().join(', ')}`,
  });
}

test('events that the broker has forgotten are published again although no new ones come', async () => {
  start();
  await commitEach(log, [event('a')]);
  await drained(log);
  failOver();
  await arrived('a#0');
});

test('a broker that was away for longer than the rewind window before it came back as another is given everything of the window', async () => {
  const relay = start({ rewindMs: 1_000 });
  await commitEach(log, [event('a')]);
  await drained(log);
  let away = true;
  broker.answer(() => (away ? new Error('away') : undefined));
  const incarnation = jest.spyOn(broker.transport, 'incarnation').mockRejectedValue(new Error('away'));
  await commitEach(log, [event('b')]);
  const { version } = (await sinkRow(log))!;
  const leftAt = Date.now();
  await eventually(async () => Date.now() - leftAt > 2_500 && (await sinkRow(log))!.version > version + 3, {
    what: 'the outage has lasted',
  });
  away = false;
  incarnation.mockRestore();
  failOver();
  await arrived('a#0', 'b#0');
  expect(broker.published()).toEqual(['a#0', 'b#0']);
  expect(relay.status().state).toBe('active');
});

test('a relay that starts while the broker is away keeps the marks that it will have to go back to', async () => {
  const first = start({ rewindMs: 1_000 });
  await commitEach(log, [event('a')]);
  await drained(log);
  await first.close();
  const incarnation = jest.spyOn(broker.transport, 'incarnation').mockRejectedValue(new Error('away'));
  broker.answer(() => new Error('away'));
  start({ rewindMs: 1_000, leaseMs: 300 });
  const { version } = (await sinkRow(log))!;
  const startedAt = Date.now();
  await eventually(async () => Date.now() - startedAt > 2_500 && (await sinkRow(log))!.version > version + 5, {
    what: 'the outage has lasted',
  });
  incarnation.mockRestore();
  broker.answer(() => undefined);
  failOver();
  await arrived('a#0');
});

test('a fail-over while no relay was running is noticed by the next one', async () => {
  await start().close();
  const first = start();
  await commitEach(log, [event('a', 0)], [event('a', 1)]);
  await drained(log);
  await first.close();
  failOver();
  start();
  await commitEach(log, [event('a', 2)]);
  await arrived('a#0', 'a#1', 'a#2');
  expect(broker.published()).toEqual(['a#0', 'a#1', 'a#2']);
});

test('events published out of the parked ones are published again too', async () => {
  broker.answer((_, topic) => (topic === 'late' ? unknownTopic() : undefined));
  start();
  await commitEach(log, [event('k', 0, { topic: 'late' })], [event('k', 1, { topic: 'late' })]);
  await drained(log);
  await eventually(async () => (await log.rows('select 1 from millrace.parked')).length === 2, { what: 'both are parked' });
  broker.answer(() => undefined);
  await arrived('k#0', 'k#1');
  failOver();
  await arrived('k#0', 'k#1');
  await commitEach(log, [event('k', 2, { topic: 'late' })]);
  await arrived('k#0', 'k#1', 'k#2');
  expect(broker.published()).toEqual(['k#0', 'k#1', 'k#2']);
});

test('what was published out of the parked ones is kept no longer than the rewind window', async () => {
  broker.answer((_, topic) => (topic === 'late' ? unknownTopic() : undefined));
  start({ rewindMs: 500 });
  await commitEach(log, [event('k', 0, { topic: 'late' })]);
  await eventually(async () => (await log.rows('select 1 from millrace.parked')).length === 1, { what: 'it is parked' });
  broker.answer(() => undefined);
  await arrived('k#0');
  await eventually(async () => (await log.rows('select 1 from millrace.parked')).length === 0, { what: 'it is forgotten' });
  expect(broker.published()).toEqual(['k#0']);
});

function unknownTopic(): Error {
  const { MillraceError } = jest.requireActual('../../../runtime/src/contracts/errors.ts');
  return new MillraceError('TOPIC_UNKNOWN', 'not yet');
}
