import { isAlive, signalProcess } from '../../servers/local-process/identity.ts';
import { down } from '../../servers/supervisor/index.ts';
import { eventually } from '../support/eventually.ts';
import { createTopic } from '../support/kafka-topic.ts';
import { bindingOf, consume, kafkaOf, produce, withAdmin } from './kafka-client.ts';
import { startTrial, type Trial } from './trial.ts';

const names = ['log-1', 'log-2', 'log-3'];
const overrides = { brokers: 3, replicationFactor: 3, minInSyncReplicas: 2 };
const partitions = 6;

let trial: Trial;

/** Brokers need three seconds of processor time to start, which tests share. */
jest.setTimeout(180_000);

beforeAll(async () => {
  trial = await startTrial({ log: { kind: 'kafka', role: 'log', overrides } });
  const { elapsedMs } = await trial.start();
  process.stderr.write(`kafka: 3 brokers up in ${(elapsedMs / 1_000).toFixed(1)} s\n`);
});
afterAll(async () => {
  await trial.remove();
});

test('the binding has every broker, and each knows of the others as soon as up is over', async () => {
  const { endpoints, limits } = bindingOf(trial);
  expect(endpoints.map(({ purpose }) => purpose)).toEqual(['bootstrap', 'bootstrap', 'bootstrap']);
  expect(limits).toEqual(overrides);
  const { servers } = await trial.look();
  expect(servers.map(({ id, state, condition }) => [id, state, condition])).toEqual(names.map((id) => [id, 'up', '3 of 3 brokers']));
});

test('a topic gets the copies that the declaration says', async () => {
  const kafka = kafkaOf(trial);
  await withAdmin(kafka, (admin) => createTopic(admin, { topic: 'orders', numPartitions: partitions }));
  await eventually(
    async () => {
      const { topics } = await withAdmin(kafka, (admin) => admin.fetchTopicMetadata({ topics: ['orders'] }));
      return topics[0]?.partitions.every(({ isr, replicas }) => isr.length === 3 && replicas.length === 3);
    },
    { what: 'every partition has three copies' },
  );
  await produce(kafka, 'orders', ['a', 'b']);
});

test('when a broker dies status tells, clients go on, and the next up brings it back', async () => {
  const before = trial.processes();
  signalProcess(before['log-1']!, 'SIGKILL');
  await eventually(() => !isAlive(before['log-1']!), { what: 'the broker has ended' });
  const kafka = kafkaOf(trial);
  // The client may be sent to the dead broker until the controllers have noticed too.
  await eventually(() => produce(kafka, 'orders', ['c']).then(() => true), { what: 'a message is acknowledged', timeoutMs: 30_000 });
  expect(await consume(kafka, 'orders', 3)).toEqual(['a', 'b', 'c']);
  const bad = await eventually(
    async () => {
      const { ok, servers } = await trial.look();
      return servers[1]!.condition?.startsWith('2 of 3') && servers[2]!.condition?.startsWith('2 of 3') ? { ok, servers } : undefined;
    },
    { what: 'the others have noticed', timeoutMs: 30_000 },
  );
  expect(bad.ok).toBe(false);
  expect(bad.servers.map(({ state }) => state)).toEqual(['down', 'up', 'up']);
  expect(bad.servers[2]!.condition).toMatch(/^2 of 3 brokers, under-replicated partitions: \d+$/);
  const { servers } = await trial.start();
  expect(servers.map(({ id, started }) => [id, started])).toEqual(names.map((id) => [id, id === 'log-1']));
  await eventually(async () => (await trial.look()).servers.every(({ condition }) => condition === '3 of 3 brokers'), {
    what: 'every copy has caught up',
    timeoutMs: 30_000,
  });
});

test('down stops all of them in time, and what was acknowledged is there after the next up', async () => {
  const { stopped, elapsedMs } = await down(trial.environment, { stateDir: trial.stateDir });
  process.stderr.write(`kafka: 3 brokers down in ${(elapsedMs / 1_000).toFixed(1)} s\n`);
  expect([...stopped].sort()).toEqual(names);
  expect(elapsedMs).toBeLessThan(30_000);
  const again = await trial.start();
  process.stderr.write(`kafka: 3 brokers up again in ${(again.elapsedMs / 1_000).toFixed(1)} s\n`);
  expect(await consume(kafkaOf(trial), 'orders', 3)).toEqual(['a', 'b', 'c']);
});
