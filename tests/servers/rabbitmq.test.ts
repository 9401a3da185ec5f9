import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { connect, type Options } from 'amqplib';
import { brokerCondition, openAndClose } from '../../servers/rabbitmq/ask.ts';
import { createAuthority } from '../../servers/tls/authority.ts';
import { eventually } from '../support/eventually.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';
import { startTestRabbit, type TestRabbit } from '../support/servers.ts';
import { descendantsOf, running } from './process-family.ts';

let rabbit: TestRabbit;
let folder: TestFolder;
let caFile: string;

const soon = () => AbortSignal.timeout(5_000);
const address = () => ({ host: rabbit.host, port: rabbit.port, password: rabbit.password, caFile });
const management = () => ({ ...address(), port: rabbit.managementPort, user: rabbit.username });
const url = (change: Options.Connect = {}) => ({
  ...{ protocol: 'amqps', hostname: rabbit.host, port: rabbit.port, vhost: encodeURIComponent('/') },
  ...{ username: rabbit.username, password: rabbit.password },
  ...change,
});

beforeAll(async () => {
  [rabbit, folder] = await Promise.all([startTestRabbit(), testFolder('rabbitmq-ca')]);
  caFile = join(folder.path, 'ca.pem');
  writeFileSync(caFile, rabbit.ca);
}, 120_000);
afterAll(async () => {
  await rabbit.stop();
  await folder.remove();
});

test('it lets the administrator in over TLS, and nobody else', async () => {
  await openAndClose(address(), soon());
  await expect(openAndClose({ ...address(), password: 'wrong' }, soon())).rejects.toThrow('ACCESS_REFUSED');
  await expect(connect(url({ username: 'guest', password: 'guest' }), { ca: rabbit.ca })).rejects.toThrow('ACCESS_REFUSED');
  expect(await rabbit.ctl('list_users', '--formatter', 'json')).toMatch(/^\[\s*{"user":"admin","tags":\["administrator"\]}\s*\]\s*$/);
});

test('no port speaks plain text, and a certificate that a stranger signed is refused', async () => {
  await expect(connect(url({ protocol: 'amqp' }))).rejects.toThrow();
  const { cert } = await createAuthority();
  await expect(connect(url(), { ca: cert })).rejects.toMatchObject({ code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  for (const port of [rabbit.managementPort, rabbit.nodes[0]!.metricsPort]) {
    await expect(fetch(`http://${rabbit.host}:${port}/`)).rejects.toThrow('fetch failed');
  }
});

test('its ports listen to one address alone', async () => {
  const { host, port, managementPort, metricsPort, distributionPort } = rabbit.nodes[0]!;
  for (const each of [port, managementPort, metricsPort, distributionPort]) {
    expect(await accepts(host, each)).toBe(true);
    expect(await accepts('127.0.0.2', each)).toBe(false);
  }
});

test('the condition tells an alarm from health', async () => {
  expect(await brokerCondition(management(), 1, soon())).toBe('running, no alarms');
  await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '1MB');
  expect(await brokerCondition(management(), 1, soon())).toBe('memory alarm');
  await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '1GiB');
  await eventually(async () => (await brokerCondition(management(), 1, soon())) === 'running, no alarms', { what: 'the alarm is over' });
});

test('asked while it is stopped, it keeps nobody waiting and holds no connection of ours', async () => {
  const before = openSockets();
  await rabbit.nodes[0]!.pause();
  const startedAt = Date.now();
  const attempts = await Promise.allSettled(Array.from({ length: 5 }, () => openAndClose(address(), AbortSignal.timeout(300))));
  expect(Date.now() - startedAt).toBeLessThan(5_000);
  expect(attempts.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
  await eventually(() => openSockets() <= before, { what: 'every socket is closed' });
  await rabbit.nodes[0]!.resume();
});

test('a confirmed persistent message survives a kill, and nothing of the killed process is left', async () => {
  const connection = await connect(url(), { ca: rabbit.ca });
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  await channel.assertQueue('kept', { durable: true });
  channel.sendToQueue('kept', Buffer.from('still here'), { persistent: true });
  await channel.waitForConfirms();
  const family = descendantsOf(rabbit.nodes[0]!.pid);
  expect(family.length).toBeGreaterThan(1);
  await rabbit.nodes[0]!.kill();
  await eventually(() => running(family).length === 0, { what: 'its helpers have ended' });
  await rabbit.nodes[0]!.restart();
  const again = await connect(url(), { ca: rabbit.ca });
  const message = await (await again.createChannel()).get('kept', { noAck: true });
  await again.close();
  expect(message === false ? undefined : message.content.toString()).toBe('still here');
}, 120_000);

/** Sockets of this process, of whatever library. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((what) => what === 'TCPSocketWrap' || what === 'TLSWrap').length;
}

/** Another address of the same interface is served by whoever listens to every address. */
async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connectSocket({ host, port });
  try {
    await once(socket, 'connect', { signal: soon() });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}
