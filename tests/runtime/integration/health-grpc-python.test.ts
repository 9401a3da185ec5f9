import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type GrpcHealthServer, startGrpcHealth } from '../../../runtime/src/health/grpc.ts';
import { createHealth, type HealthStatus } from '../../../runtime/src/health/index.ts';
import { eventually } from '../../support/eventually.ts';
import { pythonWith } from '../../support/python.ts';

const script = join(__dirname, '../support/grpc_health_client.py');
const state = { status: 'up' as HealthStatus };
let python: string;
let server: GrpcHealthServer;
const running: ChildProcess[] = [];

beforeAll(async () => {
  python = await pythonWith();
  const check = { name: 'database', check: async () => ({ status: state.status }) };
  server = await startGrpcHealth({
    ...{ health: createHealth({ checks: [check], cacheMs: 0 }), services: { 'orders.v1.Orders': ['database'] } },
    ...{ port: 0, host: '127.0.0.1', pollIntervalMs: 20 },
  });
}, 320_000);
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await server?.close();
});
beforeEach(() => {
  state.status = 'up';
});

async function check(service: string): Promise<string> {
  const { stdout } = await promisify(execFile)(python, [script, `127.0.0.1:${server.port}`, 'check', service]);
  return stdout.trim();
}

function watch(service: string): { seen: string[]; ended: Promise<unknown> } {
  const child = spawn(python, [script, `127.0.0.1:${server.port}`, 'watch', service], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const seen: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => seen.push(line));
  return { seen, ended: once(child, 'close') };
}

test('the Python client checks the whole, a check, a service and an unknown one', async () => {
  expect([await check(''), await check('database'), await check('orders.v1.Orders')]).toEqual(['SERVING', 'SERVING', 'SERVING']);
  state.status = 'down';
  expect([await check(''), await check('orders.v1.Orders'), await check('absent')]).toEqual(['NOT_SERVING', 'NOT_SERVING', 'NOT_FOUND']);
});

test('the Python client watches changes, and is told when the server goes', async () => {
  const [known, unknown] = [watch('orders.v1.Orders'), watch('absent')];
  await eventually(() => known.seen.length === 1 && unknown.seen.length === 1, { timeoutMs: 20_000, what: 'both have their first status' });
  state.status = 'down';
  await eventually(() => known.seen.length === 2, { what: 'the fall is told' });
  state.status = 'up';
  await eventually(() => known.seen.length === 3, { what: 'the rise is told' });
  await server.close();
  await Promise.all([known.ended, unknown.ended]);
  expect(known.seen).toEqual(['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING', 'UNAVAILABLE']);
  expect(unknown.seen).toEqual(['SERVICE_UNKNOWN', 'UNAVAILABLE']);
});
