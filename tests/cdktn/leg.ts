import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { repository } from '../repository/repository.ts';

/** The successor of cdktf and its provider; `constructs` in a version that they accept. */
export const successor = { cdktn: '0.24.0', '@cdktn/provider-aws': '25.7.0', constructs: '10.7.1' } as const;

/** What the program behind `make synth` is made of. */
const sources = [
  ...['environments', 'alerts', 'servers', 'constructs', 'stacks', 'runtime/src', 'runtime/package.json', 'package.json', 'tsconfig.json'],
  ...['dist/lambda/apply.zip', 'dist/lambda/probe.zip'],
];

/** All that has to be done in order to move: every `from` in an import becomes its `to`. */
const renames = [
  { from: "'cdktf/lib/", to: "'cdktn/lib/" },
  { from: "'@cdktf/provider-aws/lib/", to: "'@cdktn/provider-aws/lib/" },
] as const;

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** Plans by the name of their stack. */
export type Plans = Readonly<Record<string, Json>>;

/**
 * Synthesizes the environments on AWS from a copy of the sources in which nothing but the imports is renamed.
 *
 * @param folder where `installSuccessor` was.
 * @throws {Error} with what the program said.
 */
export function synthesizeWithSuccessor(folder: string): Plans {
  for (const source of sources) cpSync(join(repository, source), join(folder, source), { recursive: true });
  for (const path of sources.flatMap((source) => filesIn(join(folder, source)))) writeFileSync(path, renamed(readFileSync(path, 'utf8')));
  return synthesize(folder);
}

/** Synthesizes the environments on AWS as they are. */
export function synthesizeAsIs(folder: string): Plans {
  return synthesize(repository, folder);
}

function renamed(text: string): string {
  return renames.reduce((changed, { from, to }) => changed.replaceAll(from, to), text);
}

function filesIn(folder: string): string[] {
  if (statSync(folder).isFile()) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path));
  return paths.filter((path) => path.endsWith('.ts') && statSync(path).isFile());
}

/**
 * Installs three packages from the registry; all others are those of the repository, through links.
 *
 * @throws {Error} with what npm said.
 */
export function installSuccessor(folder: string): void {
  const modules = join(folder, 'node_modules');
  const packages = Object.entries(successor).map(([name, version]) => `${name}@${version}`);
  const place = join(folder, 'installed');
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{"private":true}');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', ...packages], {
    cwd: place,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  mkdirSync(modules);
  for (const name of packageNames(join(place, 'node_modules'))) link(join(place, 'node_modules', name), join(modules, name));
  for (const name of packageNames(join(repository, 'node_modules'))) link(join(repository, 'node_modules', name), join(modules, name));
}

function packageNames(modules: string): string[] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.') && name !== 'cdktf')
    .flatMap((name) => (name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name]));
}

function link(target: string, path: string): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/** Those on AWS: there is no docker provider for the successor. */
const onAws = Object.values(environments).filter(({ engine }) => engine.kind === 'aws');

function synthesize(folder: string, outDir = join(folder, 'cdktf.out')): Plans {
  mkdirSync(outDir, { recursive: true });
  const plans = onAws.map(({ name }) => synthesizeOne(name, folder, join(outDir, name)));
  return Object.assign({}, ...plans) as Plans;
}

function synthesizeOne(name: string, folder: string, outDir: string): Plans {
  const { MILLRACE_STATE_BUCKET: _bucket, ...inherited } = process.env;
  execFileSync(process.execPath, ['--import', 'tsx', join('stacks', 'main.ts')], {
    cwd: folder,
    env: { ...inherited, ENV: name, CDKTF_OUTDIR: outDir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stacks = join(outDir, 'stacks');
  return Object.fromEntries(readdirSync(stacks).map((name) => [name, JSON.parse(readFileSync(join(stacks, name, 'cdk.tf.json'), 'utf8'))]));
}

export interface Difference {
  /** Where in the plan, `terraform.required_providers.aws.version`. */
  readonly path: string;
  readonly was: Json | undefined;
  readonly is: Json | undefined;
  /** Names of the stacks that it is found in. */
  readonly stacks: readonly string[];
}

/** Where plans differ, each difference once with all stacks that have it. */
export function differences(before: Plans, after: Plans): Difference[] {
  const found = new Map<string, Omit<Difference, 'stacks'> & { readonly stacks: string[] }>();
  for (const stack of keysOf(before, after)) {
    for (const difference of compare(before[stack], after[stack])) {
      const known = found.get(JSON.stringify(difference)) ?? { ...difference, stacks: [] };
      found.set(JSON.stringify(difference), known);
      known.stacks.push(stack);
    }
  }
  return [...found.values()];
}

/** A difference as a line for people. */
export function lineOf({ path, was, is, stacks }: Difference): string {
  return `${path}: ${shown(was)} -> ${shown(is)} (${stacks.join(', ')})`;
}

function compare(was: Json | undefined, is: Json | undefined, path: readonly string[] = []): Omit<Difference, 'stacks'>[] {
  if (isObject(was) && isObject(is)) {
    // Notes of the framework for itself: nothing that Terraform reads.
    const keys = keysOf(was, is).filter((key) => key !== '//');
    return keys.flatMap((key) => compare(was[key], is[key], [...path, key]));
  }
  return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ path: path.join('.'), was, is }];
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keysOf(before: object, after: object): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
}

function shown(value: Json | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
