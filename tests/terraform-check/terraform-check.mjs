#!/usr/bin/env node
// Runs the real `terraform` over every stack of a synthesized CDKTF app, offline, with stand-in providers
// (schema-provider/) built from the @cdktf/provider-* packages that the app uses.
//
//   terraform-check.mjs [--modules node_modules] [--work DIR] [--keep] [--stack NAME...] cdktf.out
//
// For each stack, in dependency order: init, validate, plan, apply, a second plan that must be empty; then
// destroy in reverse order. Backends become local files, remote states follow them, provisioners are left
// out. Where resources are protected by prevent_destroy, destroy must be refused before the protection is
// lifted, as an operator would. Prints one line a step, a failing step's output in full, and closes with 'N passed, N failed'.
// DIR/STACK.outputs.json keeps what each stack put out, DIR/STACK.applied.tfstate its state before destroy,
// DIR/STACK the initialized folder with its plan.bin, DIR/mirror/terraform.rc the CLI configuration.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    modules: { type: 'string', default: 'node_modules' },
    work: { type: 'string' },
    keep: { type: 'boolean' },
    stack: { type: 'string', multiple: true },
  },
});
const app = path.resolve(positionals[0] ?? 'cdktf.out');
const work = path.resolve(values.work ?? fs.mkdtempSync(path.join(os.tmpdir(), 'terraform-check-')));
fs.mkdirSync(work, { recursive: true });

const read = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
let passed = 0;
let failed = 0;

function fail(message) {
  console.error(message);
  process.exit(2);
}

/** Stacks so that each comes after the ones it depends on. */
function ordered(stacks) {
  const done = new Map();
  const visit = (name) => {
    if (done.has(name)) return;
    stacks[name].dependencies.forEach(visit);
    done.set(name, stacks[name]);
  };
  (values.stack ?? Object.keys(stacks)).forEach(visit);
  return [...done.values()];
}

/** Builds a stand-in for every provider that the stacks require; returns the CLI configuration file. */
function installProviders(stacks, mirror) {
  const files = stacks.map((s) => path.join(app, s.synthesizedStackPath));
  const sources = new Set(files.flatMap((f) => Object.values(read(f).terraform?.required_providers ?? {}).map((p) => p.source)));
  for (const source of sources) {
    const pkg = path.resolve(values.modules, '@cdktf', `provider-${source.split('/').pop()}`);
    if (!fs.existsSync(pkg)) fail(`no package for provider ${source}: ${pkg} is missing`);
    const schema = path.join(work, `schema-${path.basename(pkg)}.json`);
    run('node', [path.join(here, 'schema-provider', 'extract.mjs'), '--package', pkg, '--out', schema, ...files], here);
    run(path.join(here, 'schema-provider', 'install.sh'), [mirror, schema, path.join(here, 'schema-provider', 'values.json')], here);
  }
  return path.join(mirror, 'terraform.rc');
}

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) fail(`${command} ${args.join(' ')}\n${error ?? ''}${stdout}${stderr}`);
}

/** Copies a stack with a local backend, local remote states and no provisioners. */
function stage(stack) {
  const dir = path.join(work, stack.name);
  fs.rmSync(dir, { recursive: true, force: true });
  fs.cpSync(path.join(app, stack.workingDirectory), dir, { recursive: true, dereference: true });
  const file = path.join(dir, 'cdk.tf.json');
  const config = read(file);
  const state = (name) => path.join(work, `${name}.tfstate`);
  config.terraform = { ...config.terraform, backend: { local: { path: state(stack.name) } } };
  for (const [name, remote] of Object.entries(config.data?.terraform_remote_state ?? {})) {
    const target = name.replace(/^cross-stack-reference-input-/, '');
    Object.assign(remote, { backend: 'local', config: { path: state(target) }, workspace: undefined });
  }
  for (const resources of Object.values(config.resource ?? {})) for (const r of Object.values(resources)) delete r.provisioner;
  fs.writeFileSync(file, JSON.stringify(config, null, 1));
  return dir;
}

const isProtected = (resource) => resource.lifecycle?.prevent_destroy === true;

/** Destroys a staged stack; a protected one must refuse first, then its protection is lifted. */
function destroy(stack, dir, rc) {
  // The second plan has just read everything.
  const run = (step, wanted) => terraform(stack, step, ['destroy', '-auto-approve', '-input=false', '-refresh=false'], dir, rc, wanted);
  const file = path.join(dir, 'cdk.tf.json');
  const config = read(file);
  const kept = Object.values(config.resource ?? {})
    .flatMap(Object.values)
    .filter(isProtected);
  if (kept.length > 0) {
    run('destroy is refused while protected', [1]);
    for (const resource of kept) delete resource.lifecycle.prevent_destroy;
    fs.writeFileSync(file, JSON.stringify(config, null, 1));
  }
  run('destroy');
}

function terraform(stack, step, args, dir, rc, wanted = [0]) {
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync('terraform', [...args, '-no-color'], {
    cwd: dir,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, TF_CLI_CONFIG_FILE: rc, CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' },
  });
  const ok = wanted.includes(status);
  ok ? passed++ : failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${stack.name}: ${step} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(stdout + stderr);
  return ok ? stdout || ' ' : undefined;
}

const stacks = ordered(read(path.join(app, 'manifest.json')).stacks);
const rc = installProviders(stacks, path.join(work, 'mirror'));
const applied = [];
for (const stack of stacks) {
  const dir = stage(stack);
  const tf = (step, args, wanted) => terraform(stack, step, args, dir, rc, wanted);
  const ok = tf('init', ['init', '-input=false']) && tf('validate', ['validate']) && tf('plan', ['plan', '-input=false', '-out=plan.bin']);
  if (!ok) continue;
  applied.push({ stack, dir });
  if (!tf('apply', ['apply', '-input=false', 'plan.bin'])) continue;
  fs.copyFileSync(path.join(work, `${stack.name}.tfstate`), path.join(work, `${stack.name}.applied.tfstate`));
  fs.writeFileSync(path.join(work, `${stack.name}.outputs.json`), tf('output', ['output', '-json']) ?? '{}');
  tf('second plan is empty', ['plan', '-input=false', '-detailed-exitcode']);
}
for (const { stack, dir } of applied.reverse()) destroy(stack, dir, rc);
if (!values.keep && !values.work) fs.rmSync(work, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
