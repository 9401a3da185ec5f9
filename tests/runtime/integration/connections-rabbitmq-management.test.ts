import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { managementOf } from '../../../runtime/src/connections/rabbitmq/management.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestRabbit, type TestRabbit } from '../../support/servers.ts';
import { type TestAuthority, testAuthority } from '../../support/test-authority.ts';
import { refusalOf } from '../support/rabbit.ts';
import { type Broker, brokerHandle, openBroker, startForgetfulFront } from '../support/rabbit-topology.ts';

let server: TestRabbit;
let authority: TestAuthority;
let broker: Broker;

beforeAll(async () => {
  [server, authority] = await Promise.all([startTestRabbit(), testAuthority()]);
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await authority?.remove();
});
beforeEach(async () => {
  broker = await openBroker(server);
});
afterEach(() => broker?.[Symbol.asyncDispose]());

describe('the management interface', () => {
  test('is asked again when a connection that was kept has been closed meanwhile', async () => {
    const front = await startForgetfulFront(server, await authority.issue());
    const management = managementOf(brokerHandle(server, { managementPorts: [front.port], ca: authority.ca }));
    for (const _ of [1, 2, 3]) expect((await management.ask({ path: '/whoami' })).status).toBe(200);
    expect(front.broken()).toBeGreaterThan(0);
    await management[Symbol.asyncDispose]();
    await front.close();
  });

  test('is left at once when the caller gives up', async () => {
    const stop = new AbortController();
    const driver = await broker.driver({}, stop.signal);
    const comparison = refusalOf(driver.compare());
    stop.abort(new Error('enough'));
    expect((await comparison).message).toBe('enough');
  });

  test('is no more asked, and no connection opened, once the driver is closed in the midst of a comparison', async () => {
    const channel = await broker.connection.openChannel();
    await channel.assertQueue('by hand', { durable: true });
    await channel.close();
    const driver = await broker.driver({});
    const comparison = refusalOf(driver.compare());
    await driver[Symbol.asyncDispose]();
    expect((await comparison).code).toBe('CONNECTION_CLOSED');
  });

  test('is asked at the next node when one does not answer', async () => {
    const port = await freePorts();
    const management = managementOf(brokerHandle(server, { managementPorts: [port, server.managementPort] }));
    expect((await management.ask({ path: '/whoami' })).body).toMatchObject({ name: 'admin' });
    await management[Symbol.asyncDispose]();
  });

  test('gets the new password after a rotation', async () => {
    const handle = brokerHandle(server);
    const kept: ServiceHandle['secret'] = async (ref, options) =>
      ref.id === 'PASSWORD' && options?.fresh !== true ? 'the former one' : handle.secret(ref, options);
    const management = managementOf({ ...handle, secret: kept });
    expect((await management.ask({ path: '/whoami' })).body).toMatchObject({ name: 'admin' });
    await management[Symbol.asyncDispose]();
  });

  test('that keeps silent is given up in time', async () => {
    server.nodes[0]!.pause();
    const management = managementOf(broker.handle, { timeoutMs: 300 });
    try {
      expect(await refusalOf(management.ask({ path: '/whoami' }))).toMatchObject({
        code: 'CONNECTION_FAILED',
        message: expect.stringContaining('within 300 ms'),
      });
    } finally {
      server.nodes[0]!.resume();
      await management[Symbol.asyncDispose]();
    }
  });
});
