import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { environment } from '../../environments/index.ts';
import { planOf } from '../../stacks/app.ts';
import { type Report, scan, typesWithRules, type Verdict } from './checkov.ts';
import { suppresses, suppressions, unjudged } from './suppressions.ts';

const shipped = ['staging', 'production'] as const;
const places = [...shipped, 'bootstrap'] as const;

/** Once a machine pip installs checkov; a scan of all stacks then takes 8 s. */
const timeoutMs = 300_000;

/** The rule that a kind of resource is counted by. */
const everyOneOf: readonly (readonly [type: string, rule: string])[] = [
  ['aws_cloudwatch_log_group', 'CKV_AWS_158'],
  ['aws_s3_bucket', 'CKV_AWS_145'],
  ['aws_secretsmanager_secret', 'CKV_AWS_149'],
  ['aws_iam_role', 'CKV_AWS_60'],
  ['aws_instance', 'CKV_AWS_79'],
];

type Resources = Record<string, Record<string, Record<string, unknown>>>;

/** A mistake in a stack, and what checkov must find there. */
interface Plant {
  readonly stack: string;
  readonly change: (resources: Resources) => void;
  readonly rules: readonly string[];
}

const plants: readonly Plant[] = [
  {
    stack: 'production-topology',
    change: (resources) => {
      delete resources.aws_s3_bucket_server_side_encryption_configuration;
      delete resources.aws_s3_bucket_public_access_block;
      each(resources, 'aws_lambda_function', (apply) => {
        for (const argument of ['vpc_config', 'kms_key_arn', 'tracing_config', 'reserved_concurrent_executions']) delete apply[argument];
      });
    },
    rules: ['CKV2_AWS_6', 'CKV_AWS_145', 'CKV_AWS_117', 'CKV_AWS_173', 'CKV_AWS_50', 'CKV_AWS_115'],
  },
  {
    stack: 'production-cache',
    change: (resources) => {
      each(resources, 'aws_cloudwatch_log_group', (group) => delete group.kms_key_id);
      each(resources, 'aws_elasticache_replication_group', (cache) => Object.assign(cache, { transit_encryption_enabled: false }));
    },
    rules: ['CKV_AWS_158', 'CKV_AWS_30', 'CKV_AWS_31'],
  },
  {
    stack: 'production-messaging',
    change: (resources) => {
      each(resources, 'aws_mq_broker', (broker) => Object.assign(broker, { publicly_accessible: true }));
      each(resources, 'aws_msk_cluster', (cluster) => delete cluster.encryption_info);
      each(resources, 'aws_instance', (machine) => delete machine.metadata_options);
      each(resources, 'aws_secretsmanager_secret', (secret) => delete secret.kms_key_id);
    },
    rules: ['CKV_AWS_69', 'CKV_AWS_81', 'CKV_AWS_79', 'CKV_AWS_149'],
  },
  {
    stack: 'production-search',
    change: (resources) => {
      each(resources, 'aws_opensearch_domain', (domain) => {
        Object.assign(domain.domain_endpoint_options as object, {
          enforce_https: false,
          tls_security_policy: 'Policy-Min-TLS-1-0-2019-07',
        });
        Object.assign(domain.cluster_config as object, { dedicated_master_enabled: false, dedicated_master_count: 0 });
      });
    },
    // The last two are accepted in staging, and there alone.
    rules: ['CKV_AWS_83', 'CKV_AWS_228', 'CKV_AWS_318', 'CKV2_AWS_59'],
  },
];

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
  // It gives up a file with import blocks. Those that have one hold service-linked roles alone, which it has no rules for.
  for (const file of report.unreadable) expect(Object.keys(resourcesOf(basename(dirname(file))))).toEqual(['aws_iam_service_linked_role']);
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

test('every kind of resource that checkov has rules for was held against one, but for those that are named', async () => {
  const withRules = await typesWithRules();
  expect(withRules.size).toBeGreaterThan(100);
  for (const name of places) {
    const judged = [...report.passed, ...report.failed].filter((verdict) => verdict.environment === name);
    const seen = new Set(judged.map(({ type }) => type));
    const kinds = new Set(stacksOf(name).flatMap((stack) => Object.keys(resourcesOf(stack))));
    const unseen = [...kinds].filter((type) => withRules.has(type) && !seen.has(type));
    expect([name, unseen]).toEqual([name, unjudged.filter(({ environments }) => environments.includes(name)).map(({ type }) => type)]);
  }
});

test('a rule is held against each resource of the kinds that matter most, not against one of each', () => {
  for (const [type, rule] of everyOneOf)
    for (const name of shipped) {
      const planned = stacksOf(name).flatMap((stack) => Object.keys(resourcesOf(stack)[type] ?? {}));
      const judged = [...report.passed, ...report.failed].filter((verdict) => verdict.environment === name && verdict.rule === rule);
      expect(planned.length).toBeGreaterThan(0);
      expect([name, type, judged.length]).toEqual([name, type, planned.length]);
    }
});

test('what is planted in one environment is found there, though the other is as it should be', async () => {
  const planted = join(folder, 'planted');
  cpSync(join(folder, 'out', 'stacks'), planted, { recursive: true });
  for (const { stack, change } of plants) plant(planted, stack, change);
  const found = unsuppressed((await scan(planted)).failed);
  expect([...new Set(found.map(({ rule }) => rule))].sort()).toEqual(plants.flatMap(({ rules }) => rules).sort());
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

function each(resources: Resources, type: string, change: (attributes: Record<string, unknown>) => void): void {
  for (const attributes of Object.values(resources[type] ?? {})) change(attributes);
}
