import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../../environments/index.ts';
import { planOf } from '../../stacks/app.ts';
import { type Report, scan, typesWithRules, type Verdict } from './checkov.ts';
import { suppresses, suppressions } from './suppressions.ts';

const shipped = ['staging', 'production'];

/** Once a machine pip installs checkov; a scan of all stacks then takes 4 s. */
const timeoutMs = 300_000;

type Resources = Record<string, Record<string, Record<string, unknown>>>;

let folder: string;
let report: Report;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-checkov-'));
  const { app } = planOf({ environments: shipped.map(environment), state: { kind: 'local' }, outDir: join(folder, 'out') });
  app.synth();
  report = await scan(join(folder, 'out', 'stacks'));
}, timeoutMs);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lineOf = ({ rule, environment: name, type, path, what }: Verdict): string => `${rule} ${name} ${type} ${path}: ${what}`;
const unsuppressed = (verdicts: readonly Verdict[]): Verdict[] =>
  verdicts.filter((verdict) => !suppressions.some((suppression) => suppresses(suppression, verdict)));

test('checkov finds nothing in any stack that is not in the list of what stays', () => {
  expect(report.unreadable).toEqual([]);
  expect(unsuppressed(report.failed).map(lineOf)).toEqual([]);
});

test('no suppression is there for nothing, in none of the places that there are', () => {
  const planned = new Set([...report.passed, ...report.failed].map((verdict) => verdict.environment));
  const idle = suppressions.flatMap((suppression) =>
    suppression.environments
      .filter(
        (name) => planned.has(name) && !report.failed.some((verdict) => verdict.environment === name && suppresses(suppression, verdict)),
      )
      .map((name) => `${suppression.rule} ${suppression.type} ${suppression.path.source} in ${name}`),
  );
  expect(idle).toEqual([]);
});

test('every kind of resource that checkov has rules for was held against one', async () => {
  const withRules = await typesWithRules();
  expect(withRules.size).toBeGreaterThan(100);
  for (const name of shipped) {
    const seen = new Set([...report.passed, ...report.failed].filter((verdict) => verdict.environment === name).map(({ type }) => type));
    const kinds = stacksOf(name).flatMap((stack) => Object.keys(resourcesOf(stack)));
    expect([...new Set(kinds)].filter((type) => withRules.has(type) && !seen.has(type))).toEqual([]);
    expect(report.passed.filter((verdict) => verdict.environment === name).length).toBeGreaterThan(80);
  }
});

test('what is planted in one environment is found there, though the other is as it should be', async () => {
  const planted = join(folder, 'planted');
  cpSync(join(folder, 'out', 'stacks'), planted, { recursive: true });
  plant(planted, 'production-topology', (resources) => {
    delete resources.aws_s3_bucket_server_side_encryption_configuration;
    delete resources.aws_s3_bucket_public_access_block;
  });
  plant(planted, 'production-cache', ({ aws_cloudwatch_log_group: groups = {}, aws_elasticache_replication_group: caches = {} }) => {
    for (const group of Object.values(groups)) delete group.kms_key_id;
    for (const cache of Object.values(caches)) cache.transit_encryption_enabled = false;
  });
  const found = unsuppressed((await scan(planted)).failed);
  const rules = ['CKV2_AWS_6', 'CKV_AWS_145', 'CKV_AWS_158', 'CKV_AWS_30', 'CKV_AWS_31'];
  expect([...new Set(found.map(({ rule }) => rule))].sort()).toEqual(rules.sort());
  expect(found.filter((verdict) => verdict.environment !== 'production')).toEqual([]);
});

function stacksOf(name: string): string[] {
  return readdirSync(join(folder, 'out', 'stacks')).filter((stack) => stack.startsWith(`${name}-`));
}

function resourcesOf(stack: string): Resources {
  return JSON.parse(readFileSync(join(folder, 'out', 'stacks', stack, 'cdk.tf.json'), 'utf8')).resource;
}

function plant(stacks: string, stack: string, change: (resources: Resources) => void): void {
  const file = join(stacks, stack, 'cdk.tf.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  change(config.resource);
  writeFileSync(file, JSON.stringify(config, null, 1));
}
