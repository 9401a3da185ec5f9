import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inTemporaryFolder } from '../support/template.ts';

const repository = resolve(__dirname, '..', '..');
const bundle = 'dist/synth.cjs';
const { ENV: _env, MILLRACE_STATE_BUCKET: _bucket, MAKEFLAGS: _flags, MAKELEVEL: _level, ...inherited } = process.env;

/** Of an environment, a quarter of whose resources are alarms (0.1 s), on a quiet machine with 2 cores, where node alone takes 0.07 s of processor time and 40 MB. */
const limits = { cpuSeconds: 0.8, megabytes: 130 };
const quietNodeSeconds = 0.07;
/** Tests run beside others, which share caches and memory: 0.72 s alone became 0.81 s there. What the bundle saves is more: through tsx it is 2.1 s. */
const besideOthers = 1.5;
const attempts = 5;

const run = (program: string, args: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<string> =>
  spawnSync(program, args, { cwd: repository, encoding: 'utf8', env: { ...inherited, ...env } });

beforeAll(() => {
  expect(run('make', ['--silent', bundle])).toMatchObject({ status: 0, stderr: '' });
});

test('make builds the bundle again when a source has changed, and not otherwise', () => {
  const wouldBuild = (...changed: string[]) =>
    run('make', ['--question', ...changed.map((file) => `--what-if=${file}`), bundle]).status === 1;
  expect(wouldBuild()).toBe(false);
  for (const file of [
    'stacks/main.ts',
    'environments/size.ts',
    'constructs/core/naming.ts',
    'runtime/src/contracts/binding.ts',
    'constructs/aws/redis-sentinel/machine/files/boot.sh',
    'package-lock.json',
  ])
    expect([file, wouldBuild(file)]).toEqual([file, true]);
});

test('it writes what the sources write, byte for byte, of all environments', () => {
  const written = (args: readonly string[]) =>
    inTemporaryFolder((folder) => {
      const { status, stderr } = run(process.execPath, args, { CDKTF_OUTDIR: folder });
      expect({ status, unexpected: stderr.includes('Error') }).toEqual({ status: 0, unexpected: false });
      return filesIn(folder);
    });
  const bundled = written([bundle]);
  expect(Object.keys(bundled).length).toBeGreaterThan(6);
  expect(bundled).toEqual(written(['--import', 'tsx', join('stacks', 'main.ts')]));
});

test('it finds files that lie beside a construct', () => {
  inTemporaryFolder((folder) => {
    mkdirSync(join(folder, 'constructs', 'aws', 'x'), { recursive: true });
    mkdirSync(join(folder, 'stacks'));
    cpSync(join(repository, 'stacks', 'bundle.ts'), join(folder, 'stacks', 'bundle.ts'));
    writeFileSync(join(folder, 'constructs', 'aws', 'x', 'boot.sh'), 'echo started\n');
    writeFileSync(
      join(folder, 'constructs', 'aws', 'x', 'index.ts'),
      "import { readFileSync } from 'node:fs';\nexport const text: string = readFileSync(__dirname + '/boot.sh', 'utf8');\n",
    );
    writeFileSync(join(folder, 'stacks', 'main.ts'), "import { text } from '../constructs/aws/x/index.ts';\nconsole.log(text);\n");
    const env = { NODE_PATH: join(repository, 'node_modules') };
    expect(run(process.execPath, ['--import', 'tsx', join(folder, 'stacks', 'bundle.ts')], env)).toMatchObject({ status: 0, stderr: '' });
    expect(run(process.execPath, [join(folder, bundle)]).stdout).toBe('echo started\n\n');
  });
});

test.each(['staging', 'production'])('it plans %s in little time and memory', (name) => {
  const runs = Array.from({ length: attempts }, () =>
    inTemporaryFolder((folder) => [planning(folder, name), doingNothing(folder)] as const),
  );
  const cpuSeconds = Math.min(...runs.map(([plan]) => plan.cpuSeconds));
  const megabytes = Math.min(...runs.map(([plan]) => plan.megabytes));
  const nodeSeconds = Math.min(...runs.map(([, node]) => node.cpuSeconds));
  process.stdout.write(
    `synth of ${name}: ${cpuSeconds.toFixed(2)} s of processor time, node alone ${nodeSeconds.toFixed(2)} s; ${megabytes.toFixed(0)} MB\n`,
  );
  expect(cpuSeconds).toBeLessThan(limits.cpuSeconds * besideOthers * Math.max(1, nodeSeconds / quietNodeSeconds));
  expect(megabytes).toBeLessThan(limits.megabytes);
});

interface Usage {
  readonly cpuSeconds: number;
  readonly megabytes: number;
}

const planning = (folder: string, name: string): Usage => measure(folder, [bundle], { ENV: name, CDKTF_OUTDIR: join(folder, 'out') });
const doingNothing = (folder: string): Usage => measure(folder, ['--eval', ''], {});

/** What node took with these arguments, as the system counted it until the end. */
function measure(folder: string, args: readonly string[], env: Record<string, string>): Usage {
  const hook = join(folder, 'usage.cjs');
  writeFileSync(hook, usageHook);
  const { status, stdout } = run(process.execPath, ['--require', hook, ...args], env);
  expect(status).toBe(0);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as NodeJS.ResourceUsage;
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS / 1024 };
}

/** The peak of the program itself: Linux begins `maxRSS` with the size of the process that started it, which may be a Jest worker that has run for long. */
const usageHook = `
const { existsSync, readFileSync } = require('node:fs');
const status = '/proc/self/status';
process.on('exit', () => {
  const usage = process.resourceUsage();
  const peak = existsSync(status) ? Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync(status, 'utf8'))[1]) : usage.maxRSS;
  console.log(JSON.stringify({ ...usage, maxRSS: peak }));
});
`;

function filesIn(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}
