import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Counter, Registry } from 'prom-client';
import {
  createBeacon,
  createHealth,
  type HealthCheck,
  type HealthServer,
  type HealthServerOptions,
  type HealthStatus,
  startHealthServer,
} from '../../../runtime/src/health/index.ts';

interface Reply {
  readonly code: number;
  readonly type: string | null;
  readonly text: string;
  readonly body: { status?: string; output?: string; checks?: Record<string, [{ status?: string; output?: string }]> };
}

const open: HealthServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function serve(options: Partial<HealthServerOptions> & { checks?: HealthCheck[] }) {
  const health = createHealth({ checks: options.checks ?? [], cacheMs: 0 });
  const server = await startHealthServer({ health, port: 0, host: '127.0.0.1', ...options });
  open.push(server);
  const get = async (path: string, init?: RequestInit): Promise<Reply> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    const text = await response.text();
    const type = response.headers.get('content-type');
    return { code: response.status, type, text, body: type === 'application/health+json' && text !== '' ? JSON.parse(text) : {} };
  };
  return { server, get };
}

/** A check whose status a test sets. */
function settable(status: HealthStatus, critical = true) {
  const state = { status };
  const check: HealthCheck = {
    name: 'events',
    critical,
    componentType: 'datastore',
    check: async () => ({
      status: state.status,
      ...(state.status !== 'up' && { reason: 'it is slow' }),
      observations: [{ measure: 'memoryUsedRatio', value: 0.5, unit: '1' }],
    }),
  };
  return { state, check };
}

test.each([
  ['up', 200, 'pass'],
  ['degraded', 200, 'warn'],
  ['down', 503, 'fail'],
] as const)('/ready with a check that is %s is %d with status %s', async (status, code, word) => {
  const { get } = await serve({ checks: [settable(status).check] });
  const reply = await get('/ready');
  expect(reply).toMatchObject({ code, type: 'application/health+json', body: { status: word } });
  expect(reply.body.checks?.['events:responseTime']?.[0]).toMatchObject({ status: word, componentType: 'datastore', observedUnit: 'ms' });
  expect(reply.body.checks?.['events:memoryUsedRatio']?.[0]).toMatchObject({ observedValue: 0.5, observedUnit: '1' });
  expect(reply.body.checks?.['events:responseTime']?.[0].output).toBe(status === 'up' ? undefined : 'it is slow');
});

test('/live asks no check, so it stays 200 with everything down', async () => {
  let asked = 0;
  const check: HealthCheck = {
    name: 'events',
    check: async () => {
      asked += 1;
      return { status: 'down' };
    },
  };
  const { get } = await serve({ checks: [check] });
  expect((await get('/live')).code).toBe(200);
  expect(asked).toBe(0);
  expect((await get('/ready')).code).toBe(503);
});

test('/live is 503 when a loop has been silent for too long, and says which', async () => {
  const { get } = await serve({
    beacons: [createBeacon('quick loop', 60_000), { name: 'import', maxSilenceMs: 10, silentForMs: () => 11 }],
  });
  expect(await get('/live')).toMatchObject({ code: 503, body: { status: 'fail', output: 'import has not moved for 11 ms' } });
});

test('/startup is 503 until no critical check was down once, and 200 from then on', async () => {
  const { state, check } = settable('down');
  const { get } = await serve({ checks: [check] });
  expect((await get('/startup')).code).toBe(503);
  state.status = 'degraded';
  expect((await get('/startup')).code).toBe(200);
  state.status = 'down';
  expect((await get('/startup')).code).toBe(200);
  expect((await get('/ready')).code).toBe(503);
});

test('/ready is 503 while draining; /live is not', async () => {
  const { server, get } = await serve({ checks: [settable('up').check] });
  expect((await get('/ready')).code).toBe(200);
  server.drain();
  expect(await get('/ready')).toMatchObject({ code: 503, body: { status: 'fail', output: 'the process is shutting down' } });
  expect((await get('/live')).code).toBe(200);
});

test('/metrics gives the health of each check and of the whole', async () => {
  const { get } = await serve({ checks: [settable('down', false).check] });
  const { text, type } = await get('/metrics');
  expect(type).toContain('version=0.0.4');
  expect(text.split('\n')).toEqual([
    expect.stringContaining('# HELP millrace_health_status'),
    '# TYPE millrace_health_status gauge',
    'millrace_health_status{check="",critical="true"} 0.5',
    'millrace_health_status{check="events",critical="false"} 0',
    '',
  ]);
});

test.each([
  ['Prometheus', Registry.PROMETHEUS_CONTENT_TYPE, /\n$/],
  ['OpenMetrics', Registry.OPENMETRICS_CONTENT_TYPE, /\n# EOF\n$/],
] as const)('/metrics adds the health to a registry of prom-client that speaks %s', async (_, contentType, end) => {
  const registry = new Registry();
  registry.setContentType(contentType as typeof Registry.PROMETHEUS_CONTENT_TYPE);
  new Counter({ name: 'orders', help: 'orders placed', registers: [registry] }).inc(3);
  const { get } = await serve({ checks: [settable('up').check], registry });
  const { text, type } = await get('/metrics');
  expect(type).toBe(contentType);
  expect(text).toMatch(/^orders(_total)? 3$/m);
  expect(text).toMatch(/^millrace_health_status\{check="events",critical="true"\} 1$/m);
  expect(text).toMatch(end);
  expect(text.match(/# EOF/g)?.length ?? 0).toBe(end.source.includes('EOF') ? 1 : 0);
});

test('a check name is escaped in /metrics', async () => {
  const { get } = await serve({ checks: [{ name: 'a "b" \\ c', check: async () => ({ status: 'up' }) }] });
  expect((await get('/metrics')).text).toContain('check="a \\"b\\" \\\\ c"');
});

test('other paths are 404, other methods 405, and HEAD has no body', async () => {
  const { get } = await serve({});
  expect(await get('/')).toMatchObject({ code: 404, body: { output: expect.stringContaining('/ready') } });
  expect((await get('/live', { method: 'POST' })).code).toBe(405);
  expect(await get('/live?from=kubelet', { method: 'HEAD' })).toMatchObject({ code: 200, text: '' });
});

test('the server fails to start if its port is taken', async () => {
  const { server } = await serve({});
  await expect(startHealthServer({ health: createHealth({ checks: [] }), port: server.port, host: '127.0.0.1' })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
  });
});

test('close() ends kept-alive connections and may be called twice', async () => {
  const { server, get } = await serve({});
  await get('/live');
  await Promise.all([server.close(), server.close()]);
  await server.close();
  await expect(get('/live')).rejects.toThrow();
});

test('close() ends although a client is connected that asks for nothing, and one that asks again and again', async () => {
  const { server, get } = await serve({});
  const silent = connect(server.port, '127.0.0.1');
  silent.on('error', () => undefined);
  await once(silent, 'connect');
  let closed = false;
  const asking = (async () => {
    for (const until = Date.now() + 20_000; !closed && Date.now() < until; ) await get('/live').catch(() => delay(10));
  })();
  const startedAt = performance.now();
  await server.close();
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  closed = true;
  await asking;
  silent.destroy();
});
