import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { environment } from '../../environments/index.ts';
import { loadBinding } from '../../runtime/src/binding/index.ts';
import { planOf } from '../../stacks/app.ts';

const repository = resolve(__dirname, '..', '..');
const shipped = ['staging', 'production'];

/** The first run compiles the stand-in provider (25-60 s on 2 cores), later ones take it from the build cache of Go. */
const timeoutMs = 240_000;

const missing = ['go', 'terraform'].filter((program) => spawnSync(program, ['version']).error !== undefined);
if (missing.length > 0)
  console.warn(`not run: ${missing.join(' and ')} not found on PATH; the check builds a stand-in provider with go and runs terraform`);
const withTerraform = missing.length > 0 ? describe.skip : describe;

withTerraform('the real terraform', () => {
  let folder: string;
  let output: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-terraform-'));
    const outDir = join(folder, 'cdktf.out');
    planOf({ environments: shipped.map(environment), state: { kind: 'local' }, outDir }).app.synth();
    const work = join(folder, 'work');
    const program = join(__dirname, 'terraform-check.mjs');
    const args = [program, '--modules', join(repository, 'node_modules'), '--work', work, outDir];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: timeoutMs });
    output = stdout + stderr;
  }, timeoutMs);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('terraform accepts every synthesized stack', () => {
    expect(output.split('\n').filter((line) => line.startsWith('FAIL'))).toEqual([]);
    // init, validate, plan, apply, output, empty second plan and destroy of three stacks each, and three refusals of the protected environment.
    expect(output.trimEnd().split('\n').at(-1)).toBe('45 passed, 0 failed');
  });

  test('a protected stack refuses to be destroyed', () => {
    const refusals = output.match(/^ok {3}\S+: destroy is refused while protected/gm) ?? [];
    expect(refusals.map((line) => line.split(/\s+|:/)[1])).toEqual(['production-topology', 'production-cache', 'production-network']);
  });

  test.each(shipped)('the binding that terraform renders for %s is one that services load', async (name) => {
    const outputs = JSON.parse(readFileSync(join(folder, 'work', `${name}-topology.outputs.json`), 'utf8'));
    const binding = await loadBinding({ json: outputs.binding.value });
    expect(binding.document.environment).toBe(name);
    expect(binding.service('cache', 'redis').service.endpoints.map(({ purpose }) => purpose)).toEqual(['primary', 'reader']);
  });
});
