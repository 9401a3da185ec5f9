import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { referenceTopology } from '../../environments/topology.ts';
import { repository } from '../repository/repository.ts';
import { startCli } from '../runtime/support/cli.ts';
import { startTrial, type Trial } from '../servers/trial.ts';
import { eventually } from '../support/eventually.ts';
import { type Block, commandsOf, readRunbooks, setupBlocks } from './runbooks.ts';

const run = promisify(execFile);
const program = resolve(repository, 'runtime/dist/cli/main.js');
const services = {
  cache: { kind: 'redis', role: 'cache' },
  events: { kind: 'redis-sentinel', role: 'events' },
  log: { kind: 'kafka', role: 'log' },
  tasks: { kind: 'rabbitmq', role: 'tasks' },
  search: { kind: 'opensearch', role: 'search' },
  database: { kind: 'postgres', role: 'database' },
  metrics: { kind: 'prometheus', role: 'metrics' },
  alerts: { kind: 'alertmanager', role: 'alerts' },
} as const;

const books = readRunbooks();
const blocksOf = (kind: Block['kind']) =>
  books.flatMap(({ id, blocks }) => blocks.filter((block) => block.kind === kind).map((block) => ({ id, block })));

describe('commands that only read', () => {
  let trial: Trial;
  /** Bash that has the variables and functions of the README. */
  let prepared: string;
  const prepare = async (): Promise<string> => {
    // The first block of the README names what the later ones need; the lone Redis comes before the set, whose master `$REDIS` then is.
    const setup = setupBlocks().map(({ text }) => text);
    const { stdout } = await bash([...setup, 'declare -p', 'declare -f'].join('\n'), {
      BINDING: join(trial.stateDir, 'binding.json'),
      TMPDIR: trial.folder.path,
    });
    const readOnly = /^declare -[a-zA-Z]*[rA][a-zA-Z]* |^declare -[a-z-]* (?:BASH|DIRSTACK|GROUPS|PIPESTATUS|SHELLOPTS|FUNCNAME|_=)/;
    return stdout
      .split('\n')
      .filter((line) => !readOnly.test(line))
      .join('\n');
  };

  /** Empty tables hide what is wrong with a command, and a lease that a relay gave back has no time. */
  const publishOneEvent = async (): Promise<void> => {
    const event = `select millrace.enqueue('orders.created', 'order.placed', '/test', '{}', key => 'a', tenant_id => 'north')`;
    await bash(`${prepared}\npsql -c "${event}"`);
    const relay = await startCli(['relay', '--sink', 'events'], { MILLRACE_BINDING: join(trial.stateDir, 'binding.json') });
    const low = `psql -Atc "select low from millrace.sink"`;
    await eventually(async () => Number((await bash(`${prepared}\n${low}`)).stdout) > 0, {
      what: 'the event is published',
      timeoutMs: 30_000,
    });
    relay.kill('SIGTERM');
    await relay.ended;
  };

  beforeAll(async () => {
    trial = await startTrial(services, referenceTopology(services, 'process'));
    await trial.start();
    await run(process.execPath, [program, 'migrate', '--binding', join(trial.stateDir, 'binding.json')]);
    prepared = await prepare();
    await publishOneEvent();
  }, 180_000);
  afterAll(() => trial.remove());

  test('each of them ends well on an environment where nothing is wrong', async () => {
    const blocks = blocksOf('local');
    const once = new Map(blocks.map(({ id, block }) => [block.text, { id, block }]));
    const failures = await inTurns(2, [...once.values()], async ({ id, block }) => {
      const { code, stdout, stderr } = await readOnly(prepared, block);
      return code === 0 ? [] : [`${id}: exit code ${code}: ${`${stdout.slice(-300)}\n${stderr.slice(-500)}`.trim()}`];
    });
    const count = blocks.reduce((sum, { block }) => sum + commandsOf(block).length, 0);
    process.stdout.write(
      `runbooks: ran ${count} commands in ${blocks.length} blocks of ${new Set(blocks.map(({ id }) => id)).size} pages\n`,
    );
    expect(failures).toEqual([]);
  }, 240_000);

  test('hand passwords to curl where nobody else can read them', async () => {
    const folder = join(trial.folder.path, 'curl');
    mkdirSync(folder);
    writeFileSync(join(folder, 'curl'), '#!/bin/sh\necho "arguments: $*"\nexec cat "$2"\n', { mode: 0o700 });
    const text = `PATH=${folder}:$PATH\ncurl -sS "$RABBITMQ/api/nodes" "$CA"\ncurl -sS "$OPENSEARCH/_cat/health?v"`;
    const { stdout } = await bash(`${prepared}\n${text}`);
    const [tasks, search] = ['tasks', 'search'].map((name) => readFileSync(join(trial.stateDir, 'secrets', name), 'utf8').trim());
    const lines = stdout.trim().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^arguments: --config \S+ -sS https:\/\/[^@]+\/api\/nodes \S+$/),
      `user = "admin:${tasks}"`,
      expect.stringMatching(/^arguments: --config \S+ -sS https:\/\/[^@]+\/_cat\/health\?v$/),
      `user = "admin:${search}"`,
    ]);
  });

  test.each([
    ['a file that is not there', 'cat "$BINDING.lost"', 'cat "$BINDING.lost"'],
    ['a variable that nobody sets', 'redis-cli $REDIS GET "$NOBODY"', 'NOBODY: unbound variable'],
    ['an error that Redis answers', 'redis-cli $REDIS XINFO GROUPS nowhere\ntrue', 'ERR no such key'],
    ['an error that a server answers over HTTP', 'curl -sS --cacert "$CA" "$OPENSEARCH/nowhere"\ntrue', '404'],
    ['the first command of a pipe', 'psql -c "select * from nowhere" | cat', 'does not exist'],
  ])('fails on %s', async (_, text, told) => {
    const { code, stderr, stdout } = await readOnly(prepared, { text });
    expect(code).not.toBe(0);
    expect(stderr + stdout).toContain(told);
  });
});

describe('commands that change something', () => {
  test('begin with a program that is known; of millrace and make with verbs and flags that are', async () => {
    const commands = blocksOf('local-change').flatMap(({ id, block }) => commandsOf(block).map((command) => ({ id, command })));
    const problems = await inTurns(2, commands, async ({ id, command }) =>
      (await problemsOf(command)).map((problem) => `${id}: ${problem}`),
    );
    process.stdout.write(`runbooks: looked at ${commands.length} commands that change something\n`);
    expect(problems).toEqual([]);
  }, 60_000);

  test.each([
    ['rediscli FLUSHALL', 'rediscli is no program'],
    ['millrace redrive --sink events', 'millrace has no redrive'],
    ['millrace relay --sinks events', 'millrace relay has no --sinks'],
    ['make everything', 'make has no everything'],
  ])('fails on %s', async (command, problem) => {
    expect(await problemsOf(command)).toEqual([expect.stringContaining(problem)]);
  });
});

test('commands of Kafka are scripts of its distribution, with the brokers and the file of the README', () => {
  const commands = blocksOf('kafka').flatMap(({ id, block }) => commandsOf(block).map((command) => ({ id, command })));
  const form =
    /^kafka-(?:console-consumer|consumer-groups|topics|configs)\.sh --bootstrap-server "\$BROKERS" --(?:consumer\.config|command-config) "\$CLIENT" /;
  expect(commands.filter(({ command }) => !form.test(command))).toEqual([]);
});

test('words to be replaced stand only where commands change something', () => {
  const planted = { id: 'planted', block: { text: 'redis-cli $REDIS XLEN STREAM' } };
  expect(placeholders(planted)).toEqual(['planted: STREAM in redis-cli $REDIS XLEN STREAM']);
  expect(blocksOf('local').flatMap(placeholders)).toEqual([]);
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function bash(script: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  try {
    const done = await run('bash', ['-c', script], {
      cwd: repository,
      env: { ...process.env, ...env },
      timeout: 60_000,
      maxBuffer: 64 << 20,
    });
    return { code: 0, ...done };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? -1, stdout, stderr };
  }
}

/**
 * Stricter than a person's shell: the first failure ends it, an unset variable and an error that Redis or an HTTP server answers are failures. OpenSearch
 * answers the question why a shard is not assigned with 400 when all of them are.
 */
const strict = `
redis-cli() { command redis-cli -e "$@"; }
eval "as_readme() $(declare -f curl | tail -n +2)"
curl() { case "$*" in */allocation/explain*) as_readme "$@" ;; *) as_readme --fail "$@" ;; esac; }
set -euo pipefail
trap 'echo "failed: $BASH_COMMAND" >&2' ERR`;

function readOnly(prepared: string, { text }: Pick<Block, 'text'>): Promise<Ended> {
  return bash([prepared, strict, text].join('\n'));
}

const programs = ['redis-cli', 'psql', 'curl', 'make', 'millrace'];
const targets = new Set([...readFileSync(join(repository, 'Makefile'), 'utf8').matchAll(/^([a-z][a-z-]*):/gm)].map(([, name]) => name!));

async function problemsOf(command: string): Promise<string[]> {
  const [first = '', verb = '', ...rest] = command.trim().split(/\s+/);
  if (!programs.includes(first)) return [`${first} is no program of the README: ${command}`];
  if (first === 'make') return targets.has(verb) ? [] : [`make has no ${verb}`];
  if (first !== 'millrace') return [];
  const help = await helpOf(verb, rest[0]);
  if (help === undefined) return [`millrace has no ${verb}`];
  const flags = rest.filter((word) => word.startsWith('--'));
  return flags.filter((flag) => !new RegExp(`^\\s+(?:-\\w, )?${flag}\\b`, 'm').test(help)).map((flag) => `millrace ${verb} has no ${flag}`);
}

/** @param sub a verb within the verb, as in `millrace archive list`. */
async function helpOf(verb: string, sub = ''): Promise<string | undefined> {
  const words = /^[a-z]+$/.test(sub) ? [verb, sub] : [verb];
  const { code, stdout } = await bash(`${process.execPath} ${program} ${words.join(' ')} --help`);
  return code === 0 && stdout.includes(`millrace ${words.join(' ')}`) ? stdout : undefined;
}

/** Words in capitals that runbooks use for what a person must fill in. */
const blanks =
  /(?<![$\w{'-]|XINFO )(?:ENV|SERVICE|STREAM|TOPIC|GROUP|SINK|QUEUE|INDEX|TENANT|NODE|HOST|KEY|NAME|PID|ID|EVENT_ID)\b(?![=\w])/;

function placeholders({ id, block }: { readonly id: string; readonly block: Pick<Block, 'text'> }): string[] {
  return commandsOf(block).flatMap((command) => {
    const found = blanks.exec(command.replaceAll(/ as [A-Z]+/g, ''));
    return found === null ? [] : [`${id}: ${found[0]} in ${command}`];
  });
}

/** What `work` finds, `width` at a time. */
async function inTurns<T, R>(width: number, items: readonly T[], work: (item: T) => Promise<readonly R[]>): Promise<R[]> {
  const waiting = [...items];
  const found: R[] = [];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) found.push(...(await work(item)));
  };
  await Promise.all(Array.from({ length: width }, worker));
  return found;
}
