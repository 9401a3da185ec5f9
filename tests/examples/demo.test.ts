import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../examples/order-service/demo/report.ts';
import { repository } from '../repository/repository.ts';
import { eventually } from '../support/eventually.ts';

const demoTimeoutMs = 240_000;
let folder: string;
const started: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-test-'));
  chmodSync(folder, 0o711);
});
afterEach(async () => {
  // A test that has failed or run out of time must not leave its demo to the next one.
  const running = started.splice(0).filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  for (const demo of running) demo.kill('SIGINT');
  await Promise.all(running.map((demo) => once(demo, 'exit')));
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly told: string;
}

function startDemo(...args: string[]): { demo: ChildProcess; told(): string; ended: Promise<Ended> } {
  const demo = spawn(process.execPath, ['--import', 'tsx', 'examples/order-service/demo.ts', ...args], {
    cwd: repository,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(demo);
  let out = '';
  let told = '';
  demo.stdout!.on('data', (chunk) => (out += String(chunk)));
  demo.stderr!.on('data', (chunk) => (told += String(chunk)));
  const ended = once(demo, 'close').then(([code]) => ({ code: code as number | null, out, told }));
  return { demo, told: () => told, ended };
}

async function resultOf(...args: string[]): Promise<{ code: number | null; result: Result }> {
  const { code, out, told } = await startDemo(...args, '--json').ended;
  if (out === '') throw new Error(`no result, exit code ${code}:\n${told}`);
  return { code, result: JSON.parse(out) as Result };
}

/** Processes that were started for this demo: they work in its folder or name it in their arguments. */
function leftRunning(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const traces = [readFileSync(`/proc/${pid}/cmdline`, 'utf8'), readlinkSync(`/proc/${pid}/cwd`)];
        return traces.some((trace) => trace.includes(folder)) ? [`${pid}: ${traces.join(' ')}`] : [];
      } catch (error) {
        // It has ended meanwhile, or is none that this user could have started.
        if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
        throw error;
      }
    });
}

const demoFolders = (): string[] => readdirSync(folder).filter((name) => name.startsWith('millrace-demo'));

const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

describeOnLinux('the demo on real servers', () => {
  test(
    'loses nothing, repeats nothing and keeps the order while relay, consumer and Redis master are killed',
    async () => {
      const { code, result } = await resultOf('--seconds', '25', '--orders', '80');
      expect(code).toBe(0);
      expect(result).toMatchObject({ broken: [], verdict: { lost: 0, twice: 0, orderViolations: 0, ghosts: 0 } });
      expect(result.kills.map(({ what }) => what)).toEqual(['active relay', 'inventory consumer', 'Redis master']);
      expect(result.ordersCommitted).toBeGreaterThan(500);
      expect(result.transactionsRolledBack).toBeGreaterThan(200);
      expect(leftRunning()).toEqual([]);
      expect(demoFolders()).toEqual([]);
    },
    demoTimeoutMs,
  );

  test(
    'fails when a consumer applies effects without the inbox',
    async () => {
      const { code, result } = await resultOf('--seconds', '25', '--orders', '80', '--without-inbox');
      expect(result.verdict.twice).toBeGreaterThan(0);
      expect(result.broken).toContain(`effects applied twice: ${result.verdict.twice}`);
      expect(code).toBe(1);
      expect(leftRunning()).toEqual([]);
    },
    demoTimeoutMs,
  );

  test.each(['starting servers', 'orders a second for'])(
    'leaves nothing behind when it is interrupted after "%s"',
    async (stage) => {
      const { demo, told, ended } = startDemo('--seconds', '60', '--orders', '40');
      const reached = eventually(async () => told().includes(stage), { timeoutMs: 60_000, what: stage });
      await Promise.race([reached, ended.then(() => Promise.reject(new Error(`ended before it was interrupted:\n${told()}`)))]);
      demo.kill('SIGINT');
      expect((await ended).code).toBe(130);
      expect(leftRunning()).toEqual([]);
      expect(demoFolders()).toEqual([]);
    },
    demoTimeoutMs,
  );
});

test('a flag that makes no sense is refused in one sentence', async () => {
  const { code, told } = await startDemo('--seconds', 'soon').ended;
  expect({ code, told }).toEqual({ code: 1, told: 'demo: --seconds must be a whole number from 15 to 3600, got soon\n' });
});

test('--help says what the demo does', async () => {
  const { code, out } = await startDemo('--help').ended;
  expect(code).toBe(0);
  expect(out).toMatch(/^Usage: make demo/);
});
