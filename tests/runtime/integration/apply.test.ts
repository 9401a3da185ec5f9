import { ConfigResourceTypes } from 'kafkajs';
import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import { signalProcess } from '../../../servers/local-process/identity.ts';
import { up } from '../../../servers/supervisor/index.ts';
import { guardServers, startTrial, type Trial } from '../../servers/trial.ts';
import { eventually } from '../../support/eventually.ts';
import { createTopic } from '../../support/kafka-topic.ts';
import { apply, applyBeforeHead, applyProgram, bindingWith, changesOf, differencesOn, handsOn } from '../support/applied.ts';
import { builtCli } from '../support/cli.ts';

let trial: Trial;
let hands: Awaited<ReturnType<typeof handsOn>>;
let release = () => {};

/** Objects on each of the three servers, more with each round; each round also changes those of the rounds before. */
function topologyOf(round: number): TopologyInput {
  const rounds = Array.from({ length: round + 1 }, (_, index) => index);
  const named = <T>(name: string, each: (index: number) => T) =>
    Object.fromEntries(rounds.map((index) => [`${name}-${index}`, each(index)]));
  const onRedis = { kind: 'redis-streams', service: 'events' } as const;
  return {
    topics: {
      ...named('logged', () => ({ transports: [{ kind: 'kafka' as const, service: 'log' }], partitions: 2, retentionHours: 24 + round })),
      ...named('streamed', () => ({ transports: [onRedis], shards: 2, consumers: [{ group: 'emails' }] })),
    },
    // Who has the password is the server's to know from its start, so the user is there from the first round on.
    aclUsers: { reader: { service: 'events', topics: [`streamed-${round}`], access: 'consume', groups: ['emails'] } },
    queues: named('queue', () => ({ service: 'tasks' })),
    exchanges: named('exchange', () => ({ service: 'tasks', type: 'topic' })),
    bindings: rounds.map((index) => ({ exchange: `exchange-${index}`, queue: `queue-${index}`, routingKey: `orders.${index}.#` })),
  };
}

const bindingOf = (round: number) => bindingWith(trial.stateDir, topologyOf(round));
/** How much is told before each kill. */
const linesUntilKill = [1, 2, 3, 5, 8];
const rounds = { killed: [1, 2, 3, 4, 5], twice: 6, ended: 7, stopped: 8 };

beforeAll(async () => {
  const services = {
    log: { kind: 'kafka', role: 'log' },
    tasks: { kind: 'rabbitmq', role: 'tasks' },
    events: { kind: 'redis', role: 'events' },
  };
  trial = await startTrial(services as Parameters<typeof startTrial>[0], topologyOf(rounds.stopped));
  await Promise.all([builtCli(), up(trial.environment, { stateDir: trial.stateDir, apply: false })]);
  release = guardServers(trial.processes());
  hands = await handsOn(bindingOf(0));
}, 180_000);
afterAll(async () => {
  await hands?.close();
  release();
  await trial?.remove();
}, 60_000);

test('the first apply makes everything, says each, and a check afterwards finds nothing', async () => {
  const file = bindingOf(0);
  const before = await differencesOn(file);
  const { code, outcome, stderr } = await applyProgram(file);
  expect({ code, status: outcome?.status }).toEqual({ code: 0, status: 'applied' });
  expect(changesOf(outcome!)).toEqual(before.map((change) => change.replace('pending', 'applied')));
  expect(stderr).toContain('log (kafka)\n  + create   log/topic/logged-0\n');
  expect(await applyProgram(file, ['--check'])).toMatchObject({ code: 0, outcome: { status: 'as-declared', check: true } });
});

test('what was changed by hand on each server is found with both values, and set right', async () => {
  const file = bindingOf(0);
  const { admin, channel, redis } = hands;
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: 'logged-0', configEntries: [{ name: 'retention.ms', value: '1000' }] }],
  });
  await channel.unbindQueue('queue-0', 'exchange-0', 'orders.0.#');
  await redis.acl('SETUSER', 'reader', '~*');
  const { code, outcome, stderr } = await applyProgram(file, ['--check']);
  expect(code).toBe(2);
  expect(changesOf(outcome!)).toEqual([
    'update events/user/reader pending',
    'update log/topic/logged-0 pending',
    'create tasks/binding/exchange-0/queue-0/orders.0.# pending',
  ]);
  expect(stderr).toMatch(/~ update {3}log\/topic\/logged-0\n {6}retention\.ms: 1000 -> 86400000\n/);
  expect((await apply(file)).status).toBe('applied');
  expect(await differencesOn(file)).toEqual([]);
});

test('what costs messages waits for its exact name, which the refusal gives', async () => {
  const { channel } = hands;
  await channel.deleteQueue('queue-0');
  await channel.assertQueue('queue-0', { durable: true });
  for (let index = 0; index < 3; index++) channel.sendToQueue('queue-0', Buffer.from('message'));
  await eventually(async () => (await channel.checkQueue('queue-0')).messageCount === 3, { what: 'the messages are in the queue' });
  const file = bindingOf(0);
  const refused = await applyProgram(file);
  expect(refused).toMatchObject({ code: 2, outcome: { status: 'refused' } });
  expect(refused.stderr).toMatch(
    /-\/\+ replace {2}tasks\/queue\/queue-0 waits: deletes the queue and makes it anew .*losing 3 messages.*--allow-destroy tasks\/queue\/queue-0\n/,
  );
  const other = await applyProgram(file, ['--allow-destroy', 'tasks/queue/queue']);
  expect(other).toMatchObject({ code: 2, outcome: { idle: ['tasks/queue/queue'] } });
  expect(other.stderr).toContain('warning: nothing waits for tasks/queue/queue; did you mean tasks/queue/queue-0?\n');
  expect((await channel.checkQueue('queue-0')).messageCount).toBe(3);
  expect((await apply(file, { allow: ['tasks/queue/queue-0'] })).status).toBe('applied');
  expect(await differencesOn(file)).toEqual([]);
  const again = await applyProgram(file, ['--allow-destroy', 'tasks/queue/queue-0']);
  expect(again).toMatchObject({ code: 0, outcome: { status: 'as-declared', idle: ['tasks/queue/queue-0'] } });
});

test.each([
  ['a service that is none', ['--only', 'lag'], 'BINDING_NAME_UNKNOWN'],
  ['a name that can be none', ['--allow-destroy', 'queue-0'], 'TOPOLOGY_NAME_UNKNOWN'],
  ['a binding that is not there', ['--binding', 'nowhere.json'], 'BINDING_INVALID'],
])('there is one document also for %s', async (_, args, code) => {
  const end = await applyProgram(bindingOf(0), args);
  expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining(code) });
  expect(end.outcome).toEqual({ status: 'failed', error: { code, message: expect.any(String) } });
});

test('what nothing declares is shown and left alone, and deleted when it is named', async () => {
  const { admin } = hands;
  await createTopic(admin, { topic: 'by-hand', numPartitions: 1 });
  const file = bindingOf(0);
  expect(await differencesOn(file)).toEqual(['delete log/topic/by-hand refused']);
  const left = await applyProgram(file);
  expect(left.code).toBe(0);
  expect(left.stderr).toMatch(/- delete {3}log\/topic\/by-hand nothing declares it; .*--allow-destroy log\/topic\/by-hand\n/);
  expect((await apply(file, { allow: ['log/topic/by-hand'] })).status).toBe('applied');
  expect(await admin.listTopics()).not.toContain('by-hand');
  expect(await differencesOn(file)).toEqual([]);
});

test('killed with kill -9 in the middle, it is simply run again', async () => {
  const killed: number[] = [];
  for (const round of rounds.killed) {
    const file = bindingOf(round);
    const lines = linesUntilKill[round - 1]!;
    const { code } = await applyProgram(file, [], (told, kill) => {
      if (told >= lines) kill();
    });
    if (code === null) killed.push(lines);
    const { services } = await apply(file);
    expect({ round, lines, open: services.filter(({ status }) => status !== 'applied' && status !== 'as-declared') }).toMatchObject({
      open: [],
    });
    expect({ round, lines, open: await differencesOn(file) }).toMatchObject({ open: [] });
  }
  process.stderr.write(`apply: killed after line ${killed.join(', ')}\n`);
  expect(killed.length).toBeGreaterThan(0);
}, 120_000);

test('two at once do no harm to each other', async () => {
  const file = bindingOf(rounds.twice);
  const both = await Promise.all([applyProgram(file), applyProgram(file), apply(file)]);
  const outcomes = both.map((end) => ('services' in end ? end : end.outcome!));
  expect(outcomes.map(({ services }) => services.filter(({ status }) => status !== 'applied' && status !== 'as-declared'))).toEqual([
    [],
    [],
    [],
  ]);
  expect(await differencesOn(file)).toEqual([]);
}, 120_000);

test('stopped by a signal it says so, also in its document; a reader that goes away does not stop it', async () => {
  const file = bindingOf(rounds.ended);
  let signals = 0;
  const stopped = await applyProgram(file, [], (_, kill) => {
    // A second one would end the process itself.
    if (signals++ === 0) kill('SIGINT');
  });
  expect(stopped.code).toBe(130);
  expect(stopped.outcome).toEqual({
    status: 'failed',
    error: { code: 'INTERRUPTED', message: expect.stringContaining('stopped by SIGINT') },
  });
  expect(await differencesOn(file)).not.toEqual([]);
  expect(await applyBeforeHead(file)).toEqual({ code: 0, stderr: '' });
  expect(await differencesOn(file)).toEqual([]);
}, 60_000);

test('a server that does not answer is told in one sentence and does not keep the others', async () => {
  const file = bindingOf(rounds.stopped);
  const broker = trial.processes()['log-1']!;
  signalProcess(broker, 'SIGSTOP');
  try {
    const { code, outcome, stderr } = await applyProgram(file);
    expect(code).toBe(1);
    expect(Object.fromEntries(outcome!.services.map(({ service, status }) => [service, status]))).toEqual({
      events: 'applied',
      log: 'unreachable',
      tasks: 'applied',
    });
    expect(stderr).toMatch(/^log \(kafka\)\n {4}CONNECTION_FAILED: could not connect to kafka service log .*\n/m);
    expect(stderr).toContain('log not reachable');
  } finally {
    signalProcess(broker, 'SIGCONT');
  }
  await eventually(async () => (await apply(file)).status === 'applied', {
    what: 'the broker is back and has its topics',
    timeoutMs: 30_000,
  });
}, 90_000);
