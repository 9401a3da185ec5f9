import { rabbitCheck } from '../../../runtime/src/health/rabbitmq-check.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import type { ClientProcess } from '../support/client-process.ts';
import { queueName, rabbitConnections, rabbitHandle, refusalOf } from '../support/rabbit.ts';
import { startRabbitClient } from './rabbitmq-child.ts';

let server: TestRabbit;
const connections = rabbitConnections();

beforeAll(async () => {
  server = await startTestRabbit();
}, 120_000);
afterAll(() => server?.stop());
afterEach(() => connections.closeAll());

function report(fault: string, ms: number): void {
  process.stdout.write(`rabbitmq: ${fault}: recovered in ${Math.max(0, Math.round(ms))} ms\n`);
}

/** Messages confirmed before `until` that were never delivered. */
function lost({ lines }: ClientProcess): string[] {
  const delivered = new Set(lines.filter(({ verb }) => verb === 'delivered').map(({ rest }) => rest));
  return lines.filter(({ verb, rest }) => verb === 'confirmed' && !delivered.has(rest)).map(({ rest }) => rest);
}

async function throughProxy(): Promise<{ proxy: TestProxy; handle: ReturnType<typeof rabbitHandle> }> {
  const proxy = await startProxy({ host: server.host, port: server.port });
  connections.also(proxy);
  return { proxy, handle: rabbitHandle(server, { port: proxy.port }) };
}

test('a process that publishes and consumes outlives kill -9, a standstill and an orderly stop of its broker, without loss or noise', async () => {
  const env: Record<string, string> = {};
  const queue = queueName('outlives');
  const client = startRabbitClient(rabbitHandle(server, { env }), env, {
    queue,
    options: { heartbeatSeconds: 1, confirmTimeoutMs: 3_000 },
  });
  await client.first('delivered', 0);

  const killedAt = performance.now();
  await server.nodes[0]!.kill();
  await client.first('error', killedAt);
  await server.nodes[0]!.restart();
  const backAt = performance.now();
  await client.first('delivered', await client.first('confirmed', killedAt + 1_000));
  const share = client.cpuShare(killedAt, backAt);
  report('kill -9 and restart, after the broker is ready', performance.now() - backAt);
  process.stdout.write(`rabbitmq: client uses ${(share * 100).toFixed(1)} % of a core while the broker is away\n`);
  expect(share).toBeLessThan(0.3);

  const pausedAt = performance.now();
  await server.nodes[0]!.pause();
  const noticedAt = await client.first('error', pausedAt);
  await server.nodes[0]!.resume();
  const resumedAt = performance.now();
  const confirmedAt = await client.first('confirmed', resumedAt);
  process.stdout.write(`rabbitmq: SIGSTOP: noticed in ${Math.round(noticedAt - pausedAt)} ms (heartbeat 1 s)\n`);
  report('SIGSTOP, after SIGCONT', confirmedAt - resumedAt);
  expect(noticedAt - pausedAt).toBeLessThan(10_000);

  const stoppedAt = performance.now();
  await server.ctl('stop_app'); // closes every connection with 320 CONNECTION_FORCED
  expect(await client.first('error', stoppedAt)).toBeGreaterThan(stoppedAt);
  await server.ctl('start_app');
  const startedAt = performance.now();
  await client.first('delivered', await client.first('confirmed', startedAt));
  report('orderly stop (320 CONNECTION_FORCED) and start, after the broker is ready', performance.now() - startedAt);

  await eventually(() => lost(client).length === 0, { what: 'all that was confirmed is delivered' });
  const { code, stderr } = await client.end();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(client.lines.at(-1)?.verb).toBe('closed');
}, 120_000);

test('a black-holed socket is noticed within three heartbeats, rejects what waits, and is replaced', async () => {
  const { proxy, handle } = await throughProxy();
  const connection = await connections.open(handle, { heartbeatSeconds: 1, connectTimeoutMs: 2_000 });
  const queue = queueName('hole');
  const publisher = await connection.openPublisher((channel) => channel.assertQueue(queue));
  const got: string[] = [];
  await connection.openConsumer(({ consume }) =>
    consume(queue, (delivery) => {
      got.push(String(delivery.message.content));
      delivery.ack();
    }),
  );
  const holedAt = performance.now();
  proxy.blackHole();
  const inFlight = await refusalOf(publisher.publish('', queue, Buffer.from('lost')));
  expect(inFlight).toMatchObject({ code: 'CONNECTION_FAILED', retriable: true });
  expect(connection.state.connected).toBe(false);
  const noticedMs = performance.now() - holedAt;
  expect(noticedMs).toBeLessThan(8_000);
  const whileDown = refusalOf(publisher.publish('', queue, Buffer.from('down')));
  expect(publisher.unconfirmed).toBe(0); // it was not sent
  expect(await whileDown).toMatchObject({ code: 'CONNECTION_FAILED' });
  proxy.restore();
  const restoredAt = performance.now();
  await eventually(() => publisher.publish('', queue, Buffer.from('after')).then(() => true), {
    what: 'a message is confirmed',
    timeoutMs: 20_000,
  });
  process.stdout.write(`rabbitmq: black-holed socket: noticed in ${Math.round(noticedMs)} ms (heartbeat 1 s)\n`);
  report('black-holed socket, after the line is restored', performance.now() - restoredAt);
  await eventually(() => got.includes('after'), { what: 'it is delivered' });
  await connection.close();
  await eventually(() => proxy.connections() === 0, { what: 'no socket is left' });
});

test('close() in a black hole ends in the time allowed, rejects what waits, and leaves no socket', async () => {
  const { proxy, handle } = await throughProxy();
  const connection = await connections.open(handle, { closeTimeoutMs: 500, heartbeatSeconds: 60 });
  const publisher = await connection.openPublisher();
  proxy.blackHole();
  const inFlight = refusalOf(publisher.publish('', 'any', Buffer.alloc(0)));
  const startedAt = performance.now();
  await connection.close();
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  expect(await inFlight).toMatchObject({ code: 'CONNECTION_CLOSED' });
  await eventually(() => proxy.connections() === 0, { what: 'no socket is left', timeoutMs: 5_000 });
});

test('connecting into a black hole ends in the time allowed, and leaves no socket', async () => {
  const { proxy, handle } = await throughProxy();
  proxy.blackHole();
  const startedAt = performance.now();
  expect(await refusalOf(connections.open(handle, { connectTimeoutMs: 500 }))).toMatchObject({
    code: 'CONNECTION_FAILED',
    retriable: true,
  });
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  await eventually(() => proxy.connections() === 0, { what: 'no socket is left', timeoutMs: 5_000 });
});

test('a broker short of memory is told apart; publishing is refused at once, and goes on when it has memory again', async () => {
  const heard: string[] = [];
  const connection = await connections.open(rabbitHandle(server), {
    confirmTimeoutMs: 2_000,
    setupTimeoutMs: 60_000,
    onBlocked: (reason) => heard.push(`blocked: ${reason}`),
    onUnblocked: () => heard.push('unblocked'),
  });
  const queue = queueName('alarm');
  const publisher = await connection.openPublisher((channel) => channel.assertQueue(queue));
  const check = rabbitCheck(connection, { queues: [queue], confirmRoundTrip: true });
  const look = () => check.check(new AbortController().signal);
  expect(await look()).toMatchObject({ status: 'up' });
  await server.ctl('set_vm_memory_high_watermark', '0.00001');
  try {
    // The broker tells a connection only once that publishes; what is sent until then waits for its deadline.
    const first = await eventually(() => refusalOf(publisher.publish('', queue, Buffer.from('during'))), {
      what: 'a message is refused',
      timeoutMs: 20_000,
    });
    expect(first).toMatchObject({ code: 'BROKER_BLOCKED', retriable: true, message: expect.stringContaining('memory') });
    const { unconfirmed } = publisher;
    const whileBlocked = refusalOf(publisher.publish('', queue, Buffer.from('during')));
    expect(publisher.unconfirmed).toBe(unconfirmed); // it was not sent
    expect(await whileBlocked).toMatchObject({ code: 'BROKER_BLOCKED', message: expect.not.stringContaining('did not confirm') });
    const startedAt = performance.now();
    expect(await refusalOf(connection.openChannel())).toMatchObject({ code: 'BROKER_BLOCKED' });
    expect(performance.now() - startedAt).toBeLessThan(20_000); // the broker would have a minute to answer
    expect(connection.state).toMatchObject({ connected: true, blocked: expect.stringContaining('memory') });
    expect(await look()).toMatchObject({ status: 'down', reason: expect.stringContaining('blocks publishers: low on memory') });
  } finally {
    await server.ctl('set_vm_memory_high_watermark', '0.4');
  }
  const relievedAt = performance.now();
  await eventually(() => publisher.publish('', queue, Buffer.from('after')).then(() => true), {
    what: 'a message is confirmed',
    timeoutMs: 20_000,
  });
  report('memory alarm, after it has passed', performance.now() - relievedAt);
  expect(heard).toEqual(['blocked: low on memory', 'unblocked']);
  expect(await look()).toMatchObject({ status: 'up' });
});

test('close() of a blocked connection ends in the time allowed', async () => {
  const connection = await connections.open(rabbitHandle(server), { closeTimeoutMs: 500 });
  const publisher = await connection.openPublisher();
  await server.ctl('set_vm_memory_high_watermark', '0.00001');
  try {
    const waiting = eventually(() => refusalOf(publisher.publish('', 'x', Buffer.alloc(0), { mandatory: false })), {
      what: 'it is refused',
    });
    await eventually(() => connection.state.blocked !== undefined, { what: 'the broker blocks' });
    const startedAt = performance.now();
    await connection.close();
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect((await waiting).code).toMatch(/CONNECTION_CLOSED|BROKER_BLOCKED/);
  } finally {
    await server.ctl('set_vm_memory_high_watermark', '0.4');
  }
});

test('a rotated password is read at the next reconnection; until it is, credentials are what is told', async () => {
  const env: Record<string, string> = {};
  await server.ctl('add_user', 'rotating', 'first');
  await server.ctl('set_permissions', 'rotating', '.*', '.*', '.*');
  const told: Error[] = [];
  const handle = rabbitHandle(server, { username: 'rotating', password: 'first', env });
  const connection = await connections.open(handle, { onError: (error) => told.push(error) });
  const publisher = await connection.openPublisher();
  await server.ctl('change_password', 'rotating', 'second');
  await publisher.publish('', 'x', Buffer.alloc(0), { mandatory: false }); // what is connected stays so
  await server.ctl('close_all_user_connections', 'rotating', 'rotation');
  await eventually(() => told.some((error) => (error as { code?: unknown }).code === 'CONNECTION_REFUSED_CREDENTIALS'), {
    what: 'the refusal is told',
  });
  expect((await rabbitCheck(connection).check(new AbortController().signal)).reason).toContain('refused user rotating');
  env.RABBIT_PASSWORD = 'second';
  const rotatedAt = performance.now();
  await eventually(() => publisher.publish('', 'x', Buffer.alloc(0), { mandatory: false }).then(() => true), {
    what: 'a message is confirmed',
  });
  report('password rotated and connection closed, after the secret is there', performance.now() - rotatedAt);
});
