import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { defaultImages, javaImage } from '../../environments/images.ts';
import { local } from '../../environments/local.ts';
import { loadBinding } from '../../runtime/src/binding/index.ts';
import { connectPostgres } from '../../runtime/src/connections/postgres/index.ts';
import { connectRedis } from '../../runtime/src/connections/redis/index.ts';
import { stateLabel } from '../../servers/find/container-script.ts';
import { onPath } from '../../servers/find/program.ts';
import { containerOf } from '../../servers/local-process/container.ts';
import { signalProcess } from '../../servers/local-process/identity.ts';
import { down, type Progress, status, up } from '../../servers/supervisor/index.ts';
import { healthOver } from '../conformance/engine/live.ts';
import { docker, imagesAreMissing, listed, output, run } from '../docker/docker.ts';
import { builtCli } from '../runtime/support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { createTopic } from '../support/kafka-topic.ts';
import { consume, kafkaOf, produce, withAdmin } from './kafka-client.ts';
import { guardServers, startTrial, type Trial } from './trial.ts';

/** What is promised on two idle cores, in seconds and MiB. Tests share the cores, so only a multiple of a time is a failure. */
const promised = { upSeconds: 60, memoryMiB: 2_560, goneSeconds: 3 };
const patience = 3;

const impossible = imagesAreMissing();
if (impossible !== undefined) process.stderr.write(`no server of the process engine runs in a container: ${impossible}\n`);

(impossible === undefined ? describe : describe.skip)('the environment `local` on a machine that has Docker alone', () => {
  let trial: Trial;
  let env: NodeJS.ProcessEnv;
  let release = () => {};
  let servers: Awaited<ReturnType<typeof status>>['servers'];

  const start = async (onProgress?: (step: Progress) => void) => {
    const result = await up(trial.environment, { stateDir: trial.stateDir, env, onProgress });
    release();
    release = guardServers(trial.processes());
    return result;
  };
  const containers = () => listed('ps', '--all', '--no-trunc', '--filter', `label=${stateLabel}=${trial.stateDir}`, '--format', '{{.ID}}');
  /** The container of a server that runs; a server keeps its id beside its program. */
  const containerOfServer = (id: string) => {
    const { servers: records } = JSON.parse(readFileSync(join(trial.stateDir, 'state.json'), 'utf8')) as {
      servers: Record<string, { program: string; process: { pid: number } }>;
    };
    const { program, process: launched } = records[id]!;
    return containerOf(program, launched.pid)!;
  };
  const binding = () => loadBinding({ file: join(trial.stateDir, 'binding.json') });

  beforeAll(async () => {
    await builtCli();
    trial = await startTrial(local.services!, local.topology);
    const bin = join(trial.folder.path, 'bin');
    mkdirSync(bin);
    symlinkSync(onPath('docker', process.env)!, join(bin, 'docker'));
    env = {
      ...{ DOCKER_HOST: process.env.DOCKER_HOST, HOME: process.env.HOME },
      ...{ PATH: bin, MILLRACE_CACHE_DIR: join(trial.folder.path, 'cache') },
      // Where these are installed, they would be found in folders that nobody needs to name.
      MILLRACE_POSTGRES_BIN: `docker:${defaultImages.postgres}`,
      MILLRACE_RABBITMQ_BIN: `docker:${defaultImages.rabbitmq}`,
      MILLRACE_ERLANG_BIN: `docker:${defaultImages.rabbitmq}`,
      MILLRACE_JAVA: `docker:${javaImage}`,
    };
  }, 120_000);
  afterAll(async () => {
    release();
    await trial?.remove();
  }, 60_000);

  test('comes up, is well, and keeps to its time and memory', async () => {
    const images = new Set<string>();
    const { elapsedMs, applied } = await start((step) => void (step.event === 'image' && images.add(step.image)));
    const found = await status(trial.environment, { stateDir: trial.stateDir });
    servers = found.servers;
    const memoryMiB = servers.reduce((sum, server) => sum + server.memoryMiB!, 0);
    process.stderr.write(`containers: ${servers.length} servers up in ${(elapsedMs / 1_000).toFixed(1)} s with ${memoryMiB} MiB\n`);
    expect(found.ok).toBe(true);
    expect(applied).toMatchObject({ status: 'applied', exitCode: 0 });
    expect(containers().length).toBe(servers.filter(({ kind }) => kind !== 'probe').length);
    const { 'redis-sentinel': _, worker, grafana, 'kafka-ui': __, 'opensearch-dashboards': ___, ...wanted } = defaultImages;
    expect([...images].sort()).toEqual([...Object.values(wanted), javaImage].sort());
    expect(memoryMiB).toBeLessThan(promised.memoryMiB);
    expect(elapsedMs).toBeLessThan(promised.upSeconds * 1_000 * patience);
  }, 300_000);

  test('takes what a service that knows the binding alone writes, and gives it back', async () => {
    const checks = await healthOver(join(trial.stateDir, 'binding.json'));
    expect(checks.filter((check) => check.status !== 'up')).toEqual([]);
    expect(checks.length).toBe(6);
    await using cache = await connectRedis((await binding()).service('cache', 'redis'));
    await cache.client.set('kept', '42');
    expect(await cache.client.get('kept')).toBe('42');
    await using database = await connectPostgres((await binding()).service('database', 'postgres'), { name: 'trial' });
    await database.pool.query('create table kept as select 42 as value');
    const kafka = kafkaOf(trial);
    await withAdmin(kafka, (admin) => createTopic(admin, { topic: 'kept' }));
    await produce(kafka, 'kept', ['a', 'b']);
    expect(await consume(kafka, 'kept', 2)).toEqual(['a', 'b']);
  }, 60_000);

  test('counts the memory of the server, not that of the client of Docker', () => {
    const memoryOf = (id: string) => servers.find((server) => server.id === id)?.memoryMiB;
    expect(memoryOf('log-1')).toBeGreaterThan(100);
    expect(memoryOf('search')).toBeGreaterThan(200);
  });

  test('shows no secret to who asks Docker or lists processes', async () => {
    const secrets = ['cache', 'database', 'events', 'log', 'tasks', 'search'].map((id) =>
      readFileSync(join(trial.stateDir, 'secrets', id), 'utf8'),
    );
    const seen = [docker('inspect', ...containers()), run('ps', ['-eww', '-o', 'args']).stdout];
    expect(seen.every((text) => text.includes(trial.stateDir))).toBe(true);
    for (const secret of secrets) expect(seen.filter((text) => text.includes(secret))).toEqual([]);
  });

  test('has no container of a server that refuses root run as root, and none with rights that a process has not', () => {
    const of = (id: string) =>
      docker('inspect', '--format', '{{.Config.User}} {{.HostConfig.CapDrop}} {{.HostConfig.Privileged}}', containerOfServer(id));
    for (const id of ['database', 'search']) expect(of(id)).toMatch(/^[1-9]\d*:[1-9]\d* \[ALL\] false$/);
    expect(of('cache')).toBe(`${process.getuid!()}:${process.getgid!()} [ALL] false`);
  });

  test.each(['cache', 'database', 'tasks', 'log-1', 'search'])(
    'leaves no container of %s when its process is killed',
    async (id) => {
      const container = containerOfServer(id);
      const killedAt = Date.now();
      signalProcess(trial.processes()[id]!, 'SIGKILL');
      await eventually(() => !containers().includes(container), { timeoutMs: 30_000, what: 'the container is gone' });
      expect(Date.now() - killedAt).toBeLessThan(promised.goneSeconds * 1_000 * patience);
    },
    40_000,
  );

  test('leaves no server behind when the client of Docker is killed', async () => {
    const container = containerOfServer('metrics');
    const client = output('pgrep', ['-P', String(trial.processes().metrics!.pid)]);
    process.kill(Number(client), 'SIGKILL');
    await eventually(() => !containers().includes(container) && !trial.alive().includes('metrics'), {
      what: 'server and script have ended',
    });
  });

  test('starts again what was killed, with what it held', async () => {
    const { servers: now } = await start();
    expect(now.flatMap(({ id, started }) => (started ? [id] : [])).sort()).toEqual([
      'cache',
      'database',
      'log-1',
      'metrics',
      'search',
      'tasks',
    ]);
    expect((await status(trial.environment, { stateDir: trial.stateDir })).ok).toBe(true);
    await using database = await connectPostgres((await binding()).service('database', 'postgres'), { name: 'trial' });
    expect((await database.pool.query('select value from kept')).rows).toEqual([{ value: 42 }]);
  }, 120_000);

  test('is stopped in order, without a kill, and leaves no container', async () => {
    const steps: Progress[] = [];
    await down(trial.environment, { stateDir: trial.stateDir, env, onProgress: (step) => steps.push(step) });
    release();
    expect(steps.flatMap((step) => (step.event === 'server' ? [step.state] : []))).toEqual(servers.map(() => 'stopped'));
    expect(containers()).toEqual([]);
  }, 60_000);
});
