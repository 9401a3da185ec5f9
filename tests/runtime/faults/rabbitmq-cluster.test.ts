import { eventually } from '../../support/eventually.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import { queueName, rabbitConnections, rabbitHandle } from '../support/rabbit.ts';

let cluster: TestRabbit;
const connections = rabbitConnections();

beforeAll(async () => {
  cluster = await startTestRabbit({ nodes: 3 });
}, 180_000);
afterAll(() => cluster?.stop(), 60_000);
afterEach(() => connections.closeAll());

test('when the node it is connected to is killed, a connection goes on with another one, and nothing confirmed is lost', async () => {
  const handle = rabbitHandle(cluster);
  expect(handle.service.endpoints.filter(({ purpose }) => purpose === 'node')).toHaveLength(3);
  const connection = await connections.open(handle);
  const queue = queueName('quorum');
  const got = new Set<string>();
  const publisher = await connection.openPublisher((channel) =>
    channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': 3 } }),
  );
  await connection.openConsumer(async ({ channel, consume }) => {
    await channel.prefetch(100);
    await consume(queue, (delivery) => {
      got.add(String(delivery.message.content));
      delivery.ack();
    });
  });
  const confirmed: string[] = [];
  const publish = (text: string): Promise<boolean> =>
    publisher.publish('', queue, Buffer.from(text)).then(() => {
      confirmed.push(text);
      return true;
    });
  await Promise.all(Array.from({ length: 50 }, (_, n) => publish(`before ${n}`)));

  const { endpoint } = connection.state;
  const victim = cluster.nodes.find(({ host, port }) => `${host}:${port}` === endpoint)!;
  const inFlight = Promise.allSettled(Array.from({ length: 200 }, (_, n) => publish(`during ${n}`)));
  const killedAt = performance.now();
  await victim.kill();
  await inFlight; // settles: rejected or confirmed, none hangs
  await eventually(() => publish('after'), { what: 'a message is confirmed by another node', timeoutMs: 60_000 });
  const recoveredMs = Math.round(performance.now() - killedAt);
  process.stdout.write(`rabbitmq: cluster of 3, kill -9 of the node connected to: recovered in ${recoveredMs} ms\n`);
  expect(connection.state.endpoint).not.toBe(endpoint);
  await eventually(() => confirmed.every((text) => got.has(text)), { what: 'all that was confirmed is delivered', timeoutMs: 30_000 });
}, 120_000);
