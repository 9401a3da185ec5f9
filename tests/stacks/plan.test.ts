import { createHash } from 'node:crypto';
import { keptTypes } from '../../constructs/core/protection.ts';
import { dev } from '../../environments/dev.ts';
import { environment } from '../../environments/index.ts';
import { production } from '../../environments/production.ts';
import { type Environment, type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { staging } from '../../environments/staging.ts';
import { topologySchema } from '../../runtime/src/contracts/topology.ts';
import { synthesize, template } from '../support/synthesized.ts';

const written = synthesize([environment('staging')]);

describe('the plan of staging', () => {
  test('has a stack per rate of change', () => {
    expect(Object.keys(written.templates)).toEqual([
      'bootstrap-111111111111',
      'bootstrap-111111111111-eu-central-1',
      ...['network', 'cache', 'search', 'messaging', 'database', 'topology', 'workers', 'observability'].map((part) => `staging-${part}`),
    ]);
  });

  test('is the same, byte for byte, when it is synthesized again', () => {
    expect(synthesize([environment('staging')]).files).toEqual(written.files);
  });

  test('names no machine and no moment', () => {
    for (const text of Object.values(written.files)) {
      expect(text).not.toContain(process.cwd());
      expect(text).not.toContain(new Date().toISOString().slice(0, 10));
    }
  });

  test('binds a cache with IAM: no secret, and no place for one', () => {
    const { cache } = template(written, 'staging-cache').outputs().binding_fragment as Record<string, { auth: object }>;
    expect(cache?.auth).toEqual({ mode: 'iam', username: 'staging-cache-app' });
  });

  test('leaves nothing out that is declared', () => {
    expect(written.leftOut).toEqual([]);
    const { services } = JSON.parse(template(written, 'staging-topology').text).locals.binding_content;
    expect(Object.keys(services)).toEqual(Object.keys(environment('staging').services).sort());
  });
});

test('the topology document is stored under its own hash, and reads back as the declared topology, with how long its database keeps what', () => {
  const documents = template(written, 'staging-topology').all('aws_s3_object') as { content: string; key: string }[];
  const { content, key } = documents.find((document) => document.key.startsWith('topology/'))!;
  expect(key).toBe(`topology/${createHash('sha256').update(content).digest('hex')}.json`);
  const { topology, retention } = environment('staging');
  const { outboxDays, inboxDays } = retention;
  expect(topologySchema.parse(JSON.parse(content))).toEqual({ ...topology, retention: { outboxDays, inboxDays } });
});

test('one app holds several environments, each in its own account', () => {
  const both = synthesize([environment('staging'), environment('production')]);
  expect(Object.keys(both.templates)).toHaveLength(20);
  for (const [name, { text }] of Object.entries(both.templates)) {
    expect(text.includes('222222222222')).toBe(/^(production|bootstrap-2)/.test(name));
    expect(text.includes('111111111111')).toBe(/^(staging|bootstrap-1)/.test(name));
  }
});

describe('what holds data', () => {
  const serverless = {
    cache: { kind: 'redis', role: 'cache', overrides: { serverless: { maxStorageGiB: 10, maxEcpuPerSecond: 5_000 } } },
    log: { kind: 'kafka', role: 'log', overrides: { serverless: true } },
  } as const;

  function protectedTypes(environments: readonly Environment[]): string[] {
    const types = Object.values(synthesize(environments).templates).flatMap((stack) =>
      Object.keys(stack.counts()).filter((type) =>
        stack.all(type).some(({ lifecycle }) => (lifecycle as { prevent_destroy?: boolean })?.prevent_destroy),
      ),
    );
    return [...new Set(types)].sort();
  }

  test('is of the types that are looked for before anything is deployed, in production and what its account shares, and in containers', () => {
    const { workers: _workers, ...input } = production;
    const withoutNodes = parseEnvironment({ ...input, topology: {}, services: serverless });
    const inContainers = parseEnvironment({ ...dev, protection: { deletion: true } });
    const found = [environment('production'), withoutNodes, inContainers].flatMap((one) => protectedTypes([one]));
    expect([...new Set(found)].sort()).toEqual([...keptTypes]);
  });

  test('may go in staging', () => {
    const own = Object.entries(written.templates).filter(([name]) => name.startsWith('staging-'));
    expect(own.filter(([, { text }]) => text.includes('prevent_destroy'))).toEqual([]);
  });

  test('in a bucket does not go with it, even where the bucket may; documents do, which the repository has', () => {
    const emptied = (environmentName: string) =>
      Object.values(synthesize([environment(environmentName)]).templates)
        .flatMap((stack) => stack.all('aws_s3_bucket'))
        .flatMap(({ bucket, force_destroy }) => (force_destroy === true ? [bucket] : []));
    expect(emptied('staging')).toEqual(['millrace-staging-documents-111111111111-eu-central-1']);
    expect(emptied('production')).toEqual([]);
  });
});

describe('the binding', () => {
  const expression = (text: string) => `\${${text}}`;
  const topology = template(written, 'staging-topology');

  test('is refused before it is longer than a parameter holds', () => {
    const { lifecycle } = topology.one('aws_ssm_parameter') as {
      lifecycle: { precondition: { condition: string; error_message: string }[] };
    };
    expect(lifecycle.precondition).toEqual([
      {
        condition: expression('(length(local.rendered_binding) <= 8192)'),
        error_message: expect.stringContaining('at most 8192 characters'),
      },
    ]);
  });

  test('starts workers again when its content changes', () => {
    const services = template(written, 'staging-workers').all('aws_ecs_service') as { triggers: { binding: string } }[];
    expect(services).toHaveLength(3);
    for (const { triggers } of services) {
      const [, output = ''] = /\.outputs\.([\w-]+)\}$/.exec(triggers.binding) ?? [];
      expect(topology.outputs()[output]).toBe(expression('local.binding_generation'));
    }
    expect(JSON.parse(topology.text).locals.binding_generation).toBe(expression('sha256(jsonencode(local.binding_content))'));
  });
});

describe('state', () => {
  test('lies in files of the work tree unless a bucket is named', () => {
    expect(template(written, 'staging-cache').terraform.backend).toEqual({
      local: { path: '../../../.millrace/staging/staging-cache.tfstate' },
    });
  });

  test('lies in the bucket, locked by an object beside it, and neighbours read it there', () => {
    const plan = synthesize([environment('staging')], { kind: 's3', bucket: 'acme-state-{account}-{region}' });
    const common = { bucket: 'acme-state-111111111111-eu-central-1', region: 'eu-central-1', allowed_account_ids: ['111111111111'] };
    expect(template(plan, 'staging-cache').terraform.backend).toEqual({
      s3: { ...common, key: 'millrace/staging/staging-cache.tfstate', use_lockfile: true },
    });
    const remote = JSON.parse(template(plan, 'staging-cache').text).data.terraform_remote_state[
      'cross-stack-reference-input-staging-network'
    ];
    expect(remote).toMatchObject({ backend: 's3', config: { ...common, key: 'millrace/staging/staging-network.tfstate' } });
  });
});

describe('an environment', () => {
  const variant = (change: Partial<EnvironmentInput>) =>
    synthesize([parseEnvironment({ ...staging, topology: {}, workers: {}, ...change })]);

  test('may stand in a network that exists', () => {
    const privateSubnets = ['a', 'b'].map((letter) => ({ id: `subnet-0${letter}`, zone: `eu-west-1${letter}` }));
    const network = { kind: 'existing' as const, vpcId: 'vpc-0a1b', privateSubnets };
    const services = { cache: { kind: 'redis', role: 'cache' } } as const;
    const plan = variant({ services, engine: { kind: 'aws', account: '111111111111', region: 'eu-west-1', network } });
    expect(template(plan, 'staging-network').counts()).toEqual({
      ...{ aws_kms_key: 1, aws_kms_alias: 1 },
      ...{ aws_security_group: 1, aws_vpc_security_group_egress_rule: 2 },
    });
    expect(template(plan, 'staging-cache').one('aws_elasticache_subnet_group').subnet_ids).toEqual(['subnet-0a', 'subnet-0b']);
  });

  test('without services has their stacks all the same, empty, so that what was in them is deleted by a plan; it binds nothing', () => {
    const plan = variant({ services: {} });
    for (const part of ['cache', 'search', 'messaging', 'database', 'workers'])
      expect({ part, resources: template(plan, `staging-${part}`).counts() }).toEqual({ part, resources: {} });
    expect(JSON.parse(template(plan, 'staging-topology').text).locals.binding_content.services).toEqual({});
  });

  test('may have several caches, each with its own servers, users and policy', () => {
    const plan = variant({
      services: { cache: { kind: 'redis', role: 'cache' }, jobs: { kind: 'redis', role: 'jobs', overrides: { replicas: 2 } } },
    });
    expect(template(plan, 'staging-cache').counts()).toMatchObject({
      aws_elasticache_replication_group: 2,
      aws_elasticache_user: 2,
      aws_iam_policy: 2,
    });
    expect(Object.keys(template(plan, 'staging-cache').outputs().binding_fragment as object)).toEqual(['cache', 'jobs']);
  });

  test('on the engine process is named and left out', () => {
    const sentence = 'local: the engine process plans nothing; make up ENV=local starts its servers';
    expect(synthesize([environment('local')])).toMatchObject({ leftOut: [sentence], templates: {} });
  });
});
