import { wrap } from '../../../runtime/src/binding/index.ts';
import type { RabbitConnection } from '../../../runtime/src/connections/rabbitmq/index.ts';
import type { Sample, SignalName } from '../../../runtime/src/contracts/signals.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Look } from '../../../runtime/src/probe/look.ts';
import { openRabbitLook } from '../../../runtime/src/probe/rabbitmq/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import { rabbitConnections, rabbitHandle } from '../support/rabbit.ts';

const topology = topologySchema.parse({
  queues: {
    mails: { service: 'tasks', deadLetterQueue: 'mails.dead' },
    'mails.dead': { service: 'tasks' },
    idle: { service: 'tasks', type: 'classic' },
    absent: { service: 'tasks' },
    elsewhere: { service: 'other' },
  },
});

let server: TestRabbit;
let look: Look;
const connections = rabbitConnections();
const never = new AbortController().signal;

beforeAll(async () => {
  server = await startTestRabbit();
  look = openRabbitLook({ service: rabbitHandle(server), topology });
}, 120_000);
afterAll(async () => {
  await look?.[Symbol.asyncDispose]();
  await connections.closeAll();
  await server?.stop();
});

function valuesOf(samples: readonly Sample[], name: SignalName): Record<string, number> {
  return Object.fromEntries(
    samples.filter(({ signal }) => signal === name).map(({ labels, value }) => [labels.queue ?? labels.node ?? '', value]),
  );
}

/** Figures are gathered every 5 s; nothing makes quorum queues do so more often. */
async function seen(what: string, is: (values: (name: SignalName) => Record<string, number>) => boolean): Promise<readonly Sample[]> {
  return eventually(
    async () => {
      const samples = await look.sample(never);
      return is((name) => valuesOf(samples, name)) ? samples : undefined;
    },
    { what, timeoutMs: 30_000 },
  );
}

async function declareQueues(connection: RabbitConnection): Promise<void> {
  const channel = await connection.openChannel();
  const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'mails.dead' };
  await channel.assertQueue('mails', { durable: true, arguments: { 'x-queue-type': 'quorum', ...toDead } });
  await channel.assertQueue('mails.dead', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertQueue('idle', { durable: true });
  // A dot in an expression fits any letter; nobody declares this one.
  await channel.assertQueue('mailsxdead', { durable: true });
  await channel.assertQueue('reply.tenant-1', { durable: true });
  await channel.close();
}

test('a broker without the queues has nothing to tell of them', async () => {
  const samples = await look.sample(never);
  expect(valuesOf(samples, 'rabbitmq.queue.depth')).toEqual({});
  expect(valuesOf(samples, 'rabbitmq.node.running')).toEqual({ [server.nodes[0]!.name]: 1 });
});

test('tells what waits in each declared queue, what is with consumers, who consumes, and what was given up', async () => {
  const connection = await connections.open(rabbitHandle(server));
  await declareQueues(connection);
  const publisher = await connection.openPublisher();
  for (let index = 0; index < 12; index += 1) await publisher.publish('', 'mails', Buffer.from('x'));
  let held = 0;
  const channel = await connection.openChannel();
  await channel.prefetch(7);
  await channel.consume('mails', (message) => {
    held += 1;
    // The first two are poison.
    if (held <= 2) channel.nack(message!, false, false);
  });
  const samples = await seen('all figures are those of now', (values) => {
    return (
      values('rabbitmq.queue.dead_letters')['mails.dead'] === 2 &&
      values('rabbitmq.queue.unacknowledged').mails === 7 &&
      values('rabbitmq.queue.published').mails === 12 &&
      values('rabbitmq.connections')[''] === 1
    );
  });
  expect(valuesOf(samples, 'rabbitmq.queue.depth')).toEqual({ mails: 3, 'mails.dead': 2, idle: 0 });
  expect(valuesOf(samples, 'rabbitmq.queue.consumers')).toEqual({ mails: 1, 'mails.dead': 0, idle: 0 });
  // What is dead-lettered was published by the broker, which does not count that; a queue that never got anything has 0.
  expect(valuesOf(samples, 'rabbitmq.queue.published')).toEqual({ mails: 12, 'mails.dead': 0, idle: 0 });
  expect(valuesOf(samples, 'rabbitmq.queue.dead_letters')).toEqual({ 'mails.dead': 2 });
  expect(valuesOf(samples, 'rabbitmq.queue.sources_published')).toEqual({ 'mails.dead': 12 });
  expect(valuesOf(samples, 'rabbitmq.connections')).toEqual({ '': 1 });
  const node = server.nodes[0]!.name;
  expect(valuesOf(samples, 'rabbitmq.alarms')).toEqual({ [node]: 0 });
  for (const name of ['rabbitmq.memory.used_ratio', 'rabbitmq.disk.free_ratio', 'rabbitmq.file_descriptors.used_ratio'] as const) {
    expect(valuesOf(samples, name)[node]).toBeGreaterThan(0);
  }
});

test('an alarm of memory shows; what was published stays counted when channel and connection are gone', async () => {
  await Promise.all([connections.closeAll(), server.ctl('set_vm_memory_high_watermark', 'absolute', '20MB')]);
  const node = server.nodes[0]!.name;
  const samples = await seen('the alarm is on, and what was held waits again', (values) => {
    return values('rabbitmq.alarms')[node] === 1 && values('rabbitmq.queue.depth').mails === 10 && values('rabbitmq.connections')[''] === 0;
  });
  expect(valuesOf(samples, 'rabbitmq.memory.used_ratio')[node]).toBeGreaterThan(1);
  expect(valuesOf(samples, 'rabbitmq.queue.consumers').mails).toBe(0);
  expect(valuesOf(samples, 'rabbitmq.queue.published').mails).toBe(12);
});

test('costs little: three requests, or one when only queues are asked for', async () => {
  const ms: number[] = [];
  for (let index = 0; index < 10; index += 1) {
    const startedAt = performance.now();
    await look.sample(never);
    ms.push(performance.now() - startedAt);
  }
  const median = ms.sort((a, b) => a - b)[5]!;
  process.stderr.write(`rabbitmq look: ${median.toFixed(0)} ms, 3 requests\n`);
  expect(median).toBeLessThan(1_000);
  const wanted = new Set(['rabbitmq.queue.depth'] as const);
  await using lean = openRabbitLook({ service: rabbitHandle(server), topology, wanted });
  expect((await lean.sample(never)).every(({ signal }) => signal.startsWith('rabbitmq.queue.'))).toBe(true);
});

test('hundreds of queues with long names are asked for in parts', async () => {
  const queues = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`queue.${'x'.repeat(180)}.${index}`, { service: 'tasks' }]));
  const wide = topologySchema.parse({ queues: { ...queues, idle: { service: 'tasks' }, mails: { service: 'tasks' } } });
  await using many = openRabbitLook({ service: rabbitHandle(server), topology: wide });
  expect(valuesOf(await many.sample(never), 'rabbitmq.queue.depth')).toEqual({ idle: 0, mails: 10 });
});

test('a user who may not look at nodes is told so, and a broker that is away', async () => {
  const [user, password] = ['looker', 'looker-password'];
  await server.ctl('add_user', user, password);
  await server.ctl('set_user_tags', user, 'management');
  await server.ctl('set_permissions', '-p', server.vhost, user, '', '', '.*');
  await using poor = openRabbitLook({ service: rabbitHandle(server, { username: user, password }), topology });
  await expect(poor.sample(never)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  const { service } = rabbitHandle(server);
  const endpoints = [{ purpose: 'management', host: '127.0.0.1', port: 9 }] as const;
  const handle = wrap({ tasks: { ...service, endpoints: [...endpoints] } }, { env: { RABBIT_PASSWORD: 'x', RABBIT_CA: server.ca } });
  await using lost = openRabbitLook({ service: handle.service('tasks'), topology });
  await expect(lost.sample(never)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
});
