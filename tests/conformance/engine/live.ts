import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type LoadedBinding, loadBinding } from '../../../runtime/src/binding/index.ts';
import { openBus } from '../../../runtime/src/bus/index.ts';
import { connectPostgres } from '../../../runtime/src/connections/postgres/index.ts';
import { doctorReportSchema } from '../../../runtime/src/doctor/report.ts';
import { enqueue } from '../../../runtime/src/outbox/index.ts';
import { readTopology } from '../../../runtime/src/topology/index.ts';
import { repository } from '../../repository/repository.ts';
import { builtCli, runCli } from '../../runtime/support/cli.ts';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';

const tsx = pathToFileURL(resolve('node_modules/tsx/dist/loader.mjs')).href;

export interface Check {
  readonly name: string;
  readonly status: string;
  readonly reason?: string;
}

/** What a service that uses everything finds: the example reads nothing but the binding. */
export async function healthOver(bindingFile: string): Promise<readonly Check[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', tsx, join(repository, 'examples/every-service/src/main.ts'), '--json'],
    over(bindingFile),
  );
  return (JSON.parse(stdout) as { checks: Check[] }).checks;
}

/** What `millrace doctor` says of it, `SERVICE: CODE: sentence` each. @throws {Error} unless it could look at everything. */
export async function problemsOver(bindingFile: string): Promise<readonly string[]> {
  const { code, stdout } = await runCli(['doctor', '--json'], { MILLRACE_BINDING: bindingFile });
  if (code !== 0 && code !== 2) throw new Error(`millrace doctor ended with ${code}: ${stdout}`);
  const { services } = doctorReportSchema.parse(JSON.parse(stdout));
  return services.flatMap(({ service, problems }) => problems.map(({ code: fault, sentence }) => `${service}: ${fault}: ${sentence}`));
}

/** Commits an event in a transaction of `database`, and waits until a relay and the topic's service have brought it to a consumer. */
export async function carryEvent(bindingFile: string, topic: string, service: string, options: { group: string; deadLetter?: false }) {
  const binding = await loadBinding({ file: bindingFile });
  const cli = await builtCli();
  await promisify(execFile)(process.execPath, [cli, 'migrate'], over(bindingFile));
  await using bus = openBus({ binding, topology: await readTopology(binding), logger: silent });
  const seen: string[] = [];
  await bus.subscribe(topic, options, async ({ id }) => void seen.push(id));
  await using _relay = startRelay(bindingFile, cli, service);
  const id = await commitEvent(binding, topic);
  await eventually(() => seen.includes(id), { timeoutMs: 60_000, what: `${topic} brings the event` });
}

async function commitEvent(binding: LoadedBinding, topic: string): Promise<string> {
  await using database = await connectPostgres(binding.service('database', 'postgres'), { name: 'trial' });
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    const [id] = await enqueue(client, [{ topic, type: 'trial.event', key: 'a', tenantId: 'a', data: { of: topic } }], { source: 'trial' });
    await client.query('commit');
    return id!;
  } finally {
    client.release();
  }
}

function startRelay(bindingFile: string, cli: string, sink: string) {
  const child = spawn(process.execPath, [cli, 'relay', '--sink', sink], { ...over(bindingFile), stdio: 'ignore' });
  const release = guardProcess(child.pid!);
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      release();
    },
  };
}

const over = (bindingFile: string) => ({ cwd: repository, env: { ...process.env, MILLRACE_BINDING: bindingFile } });

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
