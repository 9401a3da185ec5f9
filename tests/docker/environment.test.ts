import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dev } from '../../environments/dev.ts';
import { connectPostgres } from '../../runtime/src/connections/postgres/index.ts';
import { connectRedis } from '../../runtime/src/connections/redis/index.ts';
import type { Binding } from '../../runtime/src/contracts/binding.ts';
import { isMillraceError } from '../../runtime/src/contracts/errors.ts';
import { askSuccess } from '../../servers/local-process/ask-http.ts';
import { conformingEngine } from '../conformance/engine.ts';
import { builtCli } from '../runtime/support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { deployingIsImpossible, docker, listed } from './docker.ts';
import { DockerTrial } from './docker-trial.ts';

/** What the environment promises on two idle cores, in seconds and MiB. Tests share the cores, so only a multiple of a time is a failure. */
const promised = { deploySeconds: 150, planSeconds: 20, memoryMiB: 3_584, failoverSeconds: 6 };
const patience = 3;

const impossible = deployingIsImpossible();
if (impossible !== undefined) process.stderr.write(`no environment is deployed: ${impossible}\n`);

(impossible === undefined ? describe : describe.skip)('the environment `dev` in containers', () => {
  let trial: DockerTrial;

  beforeAll(async () => {
    await builtCli();
    trial = await DockerTrial.create({ services: dev.services, topology: dev.topology });
  }, 120_000);
  afterAll(async () => {
    await trial?.remove();
  }, 300_000);

  const query = async (text: string): Promise<unknown[]> => {
    await using database = await connectPostgres((await trial.binding()).service('database', 'postgres'), { name: 'trial' });
    return (await database.pool.query(text)).rows;
  };

  const took = (what: string, work: () => void): number => {
    const startedAt = Date.now();
    work();
    const seconds = (Date.now() - startedAt) / 1_000;
    process.stderr.write(`dev: ${what} in ${seconds.toFixed(1)} s\n`);
    return seconds;
  };

  test('is deployed, and every server is well, within its time and memory', () => {
    trial.synthesize();
    trial.terraform('init', '-input=false');
    const seconds = took('deployed', () => void trial.terraform('apply', '-auto-approve', '-input=false'));
    expect(seconds).toBeLessThan(promised.deploySeconds * patience);
    const names = Object.keys(trial.containers());
    expect(names).toContain(trial.container('search'));
    expect(
      listed('inspect', '--format', '{{.Name}} {{.State.Health.Status}}', ...names).filter((line) => !line.endsWith(' healthy')),
    ).toEqual([]);
    const memory = listed('stats', '--no-stream', '--format', '{{.MemUsage}}', ...names).reduce((sum, line) => sum + mebibytes(line), 0);
    process.stderr.write(`dev: ${names.length} containers with ${Math.round(memory)} MiB\n`);
    expect(memory).toBeLessThan(promised.memoryMiB);
  }, 600_000);

  test('has nothing that runs as root, may become it, or writes to its image', () => {
    const format =
      '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Privileged}}';
    const seen = new Set(listed('inspect', '--format', format, ...Object.keys(trial.containers())));
    expect([...seen]).toEqual(['10001:10001 true [ALL] [no-new-privileges:true] false']);
  });

  test('is not changed by a second plan', () => {
    let differs = true;
    const seconds = took('planned again', () => {
      differs = trial.differs();
    });
    expect(differs).toBe(false);
    expect(seconds).toBeLessThan(promised.planSeconds * patience);
  }, 120_000);

  conformingEngine({
    environment: () => trial.declared,
    binding: () => JSON.parse(readFileSync(trial.bindingFile, 'utf8')),
    secretsAndTexts: () => trial.secretsAndTexts(),
    bindingFile: () => trial.bindingFile,
  });

  test('is watched: Prometheus reaches every target', async () => {
    const { services } = JSON.parse(readFileSync(trial.bindingFile, 'utf8')) as Binding;
    const { endpoints, auth, tls } = services.metrics!;
    const file = (id: string | undefined) => join(trial.stateDir, id ?? '');
    const password = readFileSync(file(auth.secretRef?.id), 'utf8').trim();
    const address = { ...endpoints[0]!, user: auth.username ?? '', password, caFile: tls?.caRef && file(tls.caRef.id) };
    const down = async () => {
      const answer = await askSuccess(address, { path: '/api/v1/targets?state=active', signal: AbortSignal.timeout(5_000) });
      const { activeTargets } = (JSON.parse(answer) as { data: { activeTargets: { scrapeUrl: string; health: string }[] } }).data;
      expect(activeTargets.length).toBeGreaterThan(2);
      return activeTargets.filter(({ health }) => health !== 'up').map(({ scrapeUrl }) => scrapeUrl);
    };
    await eventually(async () => (await down()).length === 0, { timeoutMs: 90_000, what: 'no target is down' });
  }, 120_000);

  test.each([
    ['killed', 'kill', 'start'],
    ['paused', 'pause', 'unpause'],
  ])(
    'takes writes again after the master of a Sentinel set was %s',
    async (_, harm, mend) => {
      await using events = await connectRedis((await trial.binding()).service('events', 'redis-sentinel'), { forStreams: true });
      const write = () => events.client.xadd('trial', '*', 'after', harm);
      await eventually(() => unlessRetriable(write), { timeoutMs: 30_000, what: 'the set takes writes' });
      const before = nodeOf(trial, events.client.stream.remotePort);
      const harmedAt = Date.now();
      docker(harm, before);
      await eventually(() => unlessRetriable(write), { timeoutMs: promised.failoverSeconds * patience * 1_000, what: 'a write succeeds' });
      const seconds = (Date.now() - harmedAt) / 1_000;
      process.stderr.write(`dev: writes again ${seconds.toFixed(1)} s after docker ${harm} of the master\n`);
      expect(nodeOf(trial, events.client.stream.remotePort)).not.toBe(before);
      expect(seconds).toBeLessThan(promised.failoverSeconds * patience);
      docker(mend, before);
      await eventually(async () => /^connected_slaves:2/m.test(await events.client.info('replication')), {
        timeoutMs: 60_000,
        what: 'the former master is a replica',
      });
    },
    180_000,
  );

  test('replaces the containers whose configuration changes, and keeps what their volumes hold', async () => {
    const before = trial.containers();
    const changed = ['database', 'events-sentinel-1', 'events-sentinel-2', 'events-sentinel-3'].map((server) => trial.container(server));
    // What Sentinel has learnt: elections, and who won the last.
    const learnt = () =>
      docker('exec', changed[1]!, 'grep', '-oE', '(monitor|(config|leader|current)-epoch) .*', '/var/lib/millrace/sentinel.conf');
    const known = learnt();
    expect(known).toMatch(/config-epoch events [2-9]/);
    await query('create table kept as select 42 as value');
    trial.synthesize({
      database: { kind: 'postgres', role: 'database', overrides: { settings: { log_min_duration_statement: '250' } } },
      events: { kind: 'redis-sentinel', role: 'events', overrides: { downAfterMs: 1_500 } },
    });
    took('changed', () => void trial.terraform('apply', '-auto-approve', '-input=false'));
    const after = trial.containers();
    expect(Object.keys(before).filter((name) => before[name] !== after[name])).toEqual(expect.arrayContaining(changed));
    expect(Object.keys(before).filter((name) => before[name] === after[name]).length).toBe(Object.keys(before).length - changed.length);
    expect(learnt()).toBe(known);
    expect(docker('exec', changed[1]!, 'cat', '/var/lib/millrace/sentinel.conf')).toContain('down-after-milliseconds events 1500');
    expect(await query("select value, current_setting('log_min_duration_statement') as setting from kept")).toEqual([
      { value: 42, setting: '250ms' },
    ]);
    expect(trial.differs()).toBe(false);
  }, 300_000);

  test('leaves nothing when it is destroyed', () => {
    expect(trial.remains()).not.toEqual([]);
    took('destroyed', () => void trial.terraform('destroy', '-auto-approve', '-input=false'));
    expect(trial.remains()).toEqual([]);
  }, 300_000);
});

/** The container behind a published port of the set. */
function nodeOf(trial: DockerTrial, port: number | undefined): string {
  const found = Object.keys(trial.containers()).find((name) => /-events-\d$/.test(name) && docker('port', name).endsWith(`:${port}`));
  if (found === undefined) throw new Error(`no container of the set is published at port ${port}`);
  return found;
}

async function unlessRetriable<T>(work: () => Promise<T>): Promise<T | false> {
  return await work().catch((error: unknown) => {
    if (isMillraceError(error) && error.retriable) return false as const;
    throw error;
  });
}

/** Of what docker writes: `310.4MiB / 960MiB`. */
function mebibytes(text: string): number {
  const [, amount = '0', unit = 'B'] = /^([\d.]+)(\w+)/.exec(text) ?? [];
  return Number(amount) * ({ GiB: 1_024, MiB: 1, KiB: 1 / 1_024 }[unit] ?? 0);
}
