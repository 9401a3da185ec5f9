import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChannelModel, connect } from 'amqplib';
import { brokerCondition, openAndClose, runningNodes } from '../../servers/rabbitmq/ask.ts';
import { eventually } from '../support/eventually.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';
import { startTestRabbit, type TestRabbit, type TestRabbitNode } from '../support/servers.ts';

let rabbit: TestRabbit;
let folder: TestFolder;
let caFile: string;

const soon = () => AbortSignal.timeout(5_000);
const management = ({ host, managementPort }: TestRabbitNode) => ({
  ...{ host, port: managementPort, user: rabbit.username, password: rabbit.password, caFile },
});

beforeAll(async () => {
  [rabbit, folder] = await Promise.all([startTestRabbit({ nodes: 3 }), testFolder('rabbitmq-cluster-ca')]);
  caFile = join(folder.path, 'ca.pem');
  writeFileSync(caFile, rabbit.ca);
}, 180_000);
afterAll(async () => {
  await rabbit.stop();
  await folder.remove();
});

test('three nodes that start side by side are one cluster, and each of them sees it', async () => {
  for (const node of rabbit.nodes) expect(await runningNodes(management(node), soon())).toBe(3);
});

test('what was told to a quorum queue survives the kill of a node, which the others notice and which comes back', async () => {
  const [first, second, third] = rabbit.nodes as [TestRabbitNode, TestRabbitNode, TestRabbitNode];
  const connection = await connectTo(first);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  await channel.assertQueue('kept', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  channel.sendToQueue('kept', Buffer.from('still here'));
  await channel.waitForConfirms();
  await first.kill();
  await eventually(async () => (await brokerCondition(management(second), 3, soon())) === '2 of 3 nodes', {
    ...{ what: 'the others notice', timeoutMs: 30_000 },
  });
  expect(await eventually(() => takeFrom(third, 'kept'), { what: 'the message is there', timeoutMs: 30_000 })).toBe('still here');
  await first.restart();
  await openAndClose({ ...first, password: rabbit.password, caFile }, soon());
  await eventually(async () => (await brokerCondition(management(second), 3, soon())) === '3 of 3 nodes', {
    ...{ what: 'the cluster is whole again', timeoutMs: 30_000 },
  });
}, 180_000);

async function connectTo({ host, port }: TestRabbitNode): Promise<ChannelModel> {
  const { username, password, vhost, ca } = rabbit;
  const url = { protocol: 'amqps', hostname: host, port, username, password, vhost: encodeURIComponent(vhost) };
  const connection = await connect(url, { ca });
  connection.on('error', () => undefined);
  return connection;
}

/** Until the queue has another leader, the node answers with the end of the connection. */
async function takeFrom(node: TestRabbitNode, queue: string): Promise<string | undefined> {
  const connection = await connectTo(node);
  const lost = new Promise<never>((_, reject) => {
    connection.once('close', (error) => reject(error ?? new Error('the connection was closed')));
  });
  lost.catch(() => undefined);
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  const message = await Promise.race([lost, channel.get(queue, { noAck: true })]);
  await connection.close();
  return message === false ? undefined : message.content.toString();
}
