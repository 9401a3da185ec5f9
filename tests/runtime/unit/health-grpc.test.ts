import { once } from 'node:events';
import { createServer } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { addGrpcHealth, type GrpcHealthServerOptions, startGrpcHealth } from '../../../runtime/src/health/grpc.ts';
import { createHealth, type HealthCheck, type HealthStatus } from '../../../runtime/src/health/index.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';
import { startProxy } from '../../support/proxy.ts';

const opened: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** A check whose status a test sets, and that counts how often it was asked. */
function settable(name: string, critical = true) {
  const state = { status: 'up' as HealthStatus, asked: 0 };
  const check: HealthCheck = {
    name,
    critical,
    check: async () => {
      state.asked += 1;
      return { status: state.status };
    },
  };
  return { state, check };
}

async function serve(checks: HealthCheck[], options: Partial<GrpcHealthServerOptions> = {}) {
  const health = createHealth({ checks, cacheMs: 0 });
  const server = await startGrpcHealth({ health, port: 0, host: '127.0.0.1', pollIntervalMs: 10, ...options });
  opened.push(server);
  return { server, client: connect(server.port) };
}

/** A stock client from the official definition. */
function connect(port: number) {
  const HealthClient = grpc.makeClientConstructor(service as grpc.ServiceDefinition, 'Health');
  const client = new HealthClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  opened.push(client);
  return {
    check: (name: string): Promise<string> =>
      new Promise((resolve, reject) => {
        client.check!({ service: name }, (error: grpc.ServiceError | null, reply: { status: string }) =>
          error === null ? resolve(reply.status) : reject(error),
        );
      }),
    list: (): Promise<Record<string, { status: string }>> =>
      new Promise((resolve, reject) => {
        client.list!({}, (error: grpc.ServiceError | null, reply: { statuses: Record<string, { status: string }> }) =>
          error === null ? resolve(reply.statuses) : reject(error),
        );
      }),
    watch(name: string) {
      const stream: grpc.ClientReadableStream<{ status: string }> = client.watch!({ service: name });
      const seen: string[] = [];
      const end: { code?: number } = {};
      stream.on('data', ({ status }) => seen.push(status));
      stream.on('error', (error: grpc.ServiceError) => {
        end.code = error.code;
      });
      return { seen, end, cancel: () => stream.cancel() };
    },
  };
}

/** Waits until a watcher has seen exactly these. */
async function sees(watch: { seen: string[] }, ...statuses: string[]): Promise<void> {
  await eventually(() => watch.seen.length >= statuses.length, { timeoutMs: 5_000, what: `the watcher has seen ${statuses.join(', ')}` });
  expect(watch.seen).toEqual(statuses);
}

describe('Check', () => {
  test.each([
    ['up', 'SERVING'],
    ['degraded', 'SERVING'],
    ['down', 'NOT_SERVING'],
  ] as const)('says for a check that is %s: %s, for itself and for the whole', async (status, word) => {
    const database = settable('database');
    const { client } = await serve([database.check]);
    database.state.status = status;
    expect([await client.check('database'), await client.check('')]).toEqual([word, word]);
  });

  test('keeps the whole SERVING while only an uncritical check is down', async () => {
    const cache = settable('cache', false);
    const { client } = await serve([cache.check]);
    cache.state.status = 'down';
    expect([await client.check('cache'), await client.check('')]).toEqual(['NOT_SERVING', 'SERVING']);
  });

  test('judges a service by the checks that it stands on', async () => {
    const [database, cache] = [settable('database'), settable('cache')];
    const services = { 'orders.v1.Orders': ['database', 'cache'], 'catalogue.v1.Catalogue': ['cache'] };
    const { client } = await serve([database.check, cache.check], { services });
    database.state.status = 'down';
    expect([await client.check('orders.v1.Orders'), await client.check('catalogue.v1.Catalogue')]).toEqual(['NOT_SERVING', 'SERVING']);
    expect(await client.list()).toMatchObject({
      '': { status: 'NOT_SERVING' },
      database: { status: 'NOT_SERVING' },
      'catalogue.v1.Catalogue': { status: 'SERVING' },
    });
  });

  test('fails with NOT_FOUND and the names that exist if the service is unknown', async () => {
    const { client } = await serve([settable('database').check]);
    await expect(client.check('databse')).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
      details: 'no service databse here; there are database',
    });
  });
});

describe('Watch', () => {
  test('tells the status at once, and then changes only', async () => {
    const database = settable('database');
    const { client } = await serve([database.check]);
    const watch = client.watch('database');
    await sees(watch, 'SERVING');
    database.state.status = 'degraded';
    const askedBefore = database.state.asked;
    await eventually(() => database.state.asked > askedBefore + 3, { what: 'the check was asked again and again' });
    database.state.status = 'down';
    await sees(watch, 'SERVING', 'NOT_SERVING');
    database.state.status = 'up';
    await sees(watch, 'SERVING', 'NOT_SERVING', 'SERVING');
  });

  test('says SERVICE_UNKNOWN for an unknown service and stays open', async () => {
    const { client } = await serve([]);
    const watch = client.watch('absent');
    await sees(watch, 'SERVICE_UNKNOWN');
    expect(watch.end.code).toBeUndefined();
  });

  test('asks the checks for nobody when nobody watches, and once for all who do', async () => {
    const database = settable('database');
    const { client } = await serve([database.check], { pollIntervalMs: 50 });
    const atRest = database.state.asked;
    const watches = Array.from({ length: 20 }, () => client.watch('database'));
    await Promise.all(watches.map((watch) => sees(watch, 'SERVING')));
    const startedAt = performance.now();
    const before = database.state.asked;
    await eventually(() => database.state.asked >= before + 10, { what: 'the loop has turned ten times' });
    expect(performance.now() - startedAt).toBeGreaterThan(8 * 50);
    expect(atRest).toBe(1);
    for (const watch of watches) watch.cancel();
    await eventually(() => watches.every(({ end }) => end.code === grpc.status.CANCELLED), { what: 'all have left' });
    const quiet = await eventuallyConstant(() => database.state.asked);
    expect(await client.check('')).toBe('SERVING');
    expect(database.state.asked).toBe(quiet + 1);
  });

  test('refuses more watchers than it was told to have, and takes one again when one has left', async () => {
    const { client } = await serve([settable('database').check], { maxWatchers: 2 });
    const [first, second] = [client.watch(''), client.watch('')];
    await Promise.all([sees(first, 'SERVING'), sees(second, 'SERVING')]);
    const third = client.watch('');
    await eventually(() => third.end.code === grpc.status.RESOURCE_EXHAUSTED, { what: 'the third is refused' });
    first.cancel();
    await eventually(
      async () => {
        const next = client.watch('');
        await eventually(() => next.seen.length > 0 || next.end.code !== undefined, { what: 'it is answered' });
        return next.seen.length > 0;
      },
      { what: 'another is taken' },
    );
  });

  test('gives the place of a watcher free whose host has gone without a word', async () => {
    const { server } = await serve([settable('database').check], { maxWatchers: 1, keepAliveMs: 100 });
    const proxy = await startProxy({ host: '127.0.0.1', port: server.port });
    opened.push(proxy);
    await sees(connect(proxy.port).watch(''), 'SERVING');
    proxy.blackHole();
    const later = connect(server.port);
    await eventually(
      async () => {
        const watch = later.watch('');
        await eventually(() => watch.seen.length > 0 || watch.end.code !== undefined, { what: 'it is answered' });
        return watch.seen.length > 0;
      },
      { timeoutMs: 15_000, what: 'the place is free' },
    );
  });
});

describe('drain() and close()', () => {
  test('drain() makes every service NOT_SERVING and tells watchers at once, whatever the checks say', async () => {
    const database = settable('database');
    const { client, server } = await serve([database.check], { pollIntervalMs: 60_000 });
    const [whole, one, absent] = [client.watch(''), client.watch('database'), client.watch('absent')];
    await Promise.all([sees(whole, 'SERVING'), sees(one, 'SERVING'), sees(absent, 'SERVICE_UNKNOWN')]);
    server.drain();
    await Promise.all([sees(whole, 'SERVING', 'NOT_SERVING'), sees(one, 'SERVING', 'NOT_SERVING')]);
    expect([await client.check(''), await client.check('database')]).toEqual(['NOT_SERVING', 'NOT_SERVING']);
    await expect(client.check('absent')).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
    expect(absent.seen).toEqual(['SERVICE_UNKNOWN']);
  });

  test('close() ends watches with UNAVAILABLE after a last NOT_SERVING, and may be called twice', async () => {
    const { client, server } = await serve([settable('database').check]);
    const watch = client.watch('');
    await sees(watch, 'SERVING');
    await Promise.all([server.close(), server[Symbol.asyncDispose]()]);
    await eventually(() => watch.end.code !== undefined, { what: 'the watch has ended' });
    expect([watch.seen, watch.end.code]).toEqual([['SERVING', 'NOT_SERVING'], grpc.status.UNAVAILABLE]);
  });

  test('close() ends in the time allowed when a call hangs', async () => {
    const asked: (() => void)[] = [];
    const check: HealthCheck = {
      name: 'database',
      timeoutMs: 20_000,
      check: () => new Promise((resolve) => asked.push(() => resolve({ status: 'up' }))),
    };
    const starting = serve([check], { closeTimeoutMs: 200 });
    const release = () => asked.pop()?.() === undefined && asked.length === 0;
    await eventually(() => asked.length > 0 && release(), { what: 'the first look is over' });
    const { client, server } = await starting;
    const hanging = client.check('').catch((error: grpc.ServiceError) => error.code);
    await eventually(() => asked.length > 0, { what: 'the call has arrived' });
    const startedAt = performance.now();
    await server.close();
    const closedIn = performance.now() - startedAt;
    expect(closedIn).toBeGreaterThan(150);
    expect(closedIn).toBeLessThan(5_000);
    expect([grpc.status.CANCELLED, grpc.status.UNAVAILABLE]).toContain(await hanging);
    release();
  });

  test('a server of your own gets the service beside its others, and shuts down after close()', async () => {
    const server = new grpc.Server();
    const health = await addGrpcHealth(server, { health: createHealth({ checks: [settable('database').check] }) });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const watch = connect(port).watch('');
    await sees(watch, 'SERVING');
    health.close();
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    expect(watch.seen).toEqual(['SERVING', 'NOT_SERVING']);
  });
});

describe('starting', () => {
  test('fails with PORT_IN_USE if the port is taken', async () => {
    const port = await freePorts();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    await expect(serve([], { port })).rejects.toMatchObject({ code: 'PORT_IN_USE', message: expect.stringContaining(String(port)) });
    other.close();
  });

  test('fails if a service stands on a check that does not exist', async () => {
    const starting = serve([settable('database').check], { services: { orders: ['databse'] } });
    await expect(starting).rejects.toThrow('gRPC service orders stands on check databse, which does not exist; the checks are database');
  });
});

/** The value that `read` keeps for ten looks in a row. */
async function eventuallyConstant(read: () => number): Promise<number> {
  let last = read();
  let same = 0;
  return eventually(
    () => {
      same = read() === last ? same + 1 : 0;
      last = read();
      return same >= 10 && last;
    },
    { what: 'it does not change any more' },
  );
}
