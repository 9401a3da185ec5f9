import type { EnvironmentInput } from '../../environments/schema.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import { staging } from '../../environments/staging.ts';
import { bindingFragment } from '../../runtime/src/contracts/binding.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

function cacheStack(services: NonNullable<EnvironmentInput['services']>): Template {
  const environment = parseEnvironment({ ...staging, topology: {}, services, workers: {} });
  return inTemporaryFolder((outDir) => {
    planOf({ environments: [environment], state: { kind: 'local' }, outDir }).app.synth();
    return Template.read(outDir, 'staging-cache');
  });
}

const template = cacheStack({
  cache: { kind: 'redis', role: 'cache', overrides: { engine: 'redis', engineVersion: '7.0' } },
  sessions: { kind: 'redis', role: 'cache', overrides: { shards: 3, clusterMode: 'enabled' } },
  pages: { kind: 'redis', role: 'cache', overrides: { serverless: { maxStorageGiB: 2, maxEcpuPerSecond: 5_000 } } },
});

test('the declaration decides whether a cache is one server, a cluster or serverless', () => {
  expect(template.counts()).toMatchObject({ aws_elasticache_replication_group: 2, aws_elasticache_serverless_cache: 1 });
  expect(template.one('aws_elasticache_replication_group', { replication_group_id: 'staging-cache' })).toMatchObject({
    ...{ engine: 'redis', engine_version: '7.0', cluster_mode: 'disabled' },
  });
  expect(template.one('aws_elasticache_replication_group', { replication_group_id: 'staging-sessions' })).toMatchObject({
    ...{ engine: 'valkey', cluster_mode: 'enabled', num_node_groups: 3 },
  });
  expect(template.one('aws_elasticache_serverless_cache')).toMatchObject({
    ...{ name: 'staging-pages', cache_usage_limits: [{ data_storage: [{ maximum: 2 }], ecpu_per_second: [{ maximum: 5_000 }] }] },
  });
});

test('each is bound as what it is', () => {
  const fragment = bindingFragment.parse(template.outputs().binding_fragment);
  expect(Object.entries(fragment).map(([name, { clusterMode, iam }]) => [name, clusterMode, iam?.serverless ?? false])).toEqual([
    ['cache', false, false],
    ['pages', true, true],
    ['sessions', true, false],
  ]);
});

test('each has a policy that lets a service connect, by an output', () => {
  expect(Object.keys(template.outputs()).filter((name) => name.endsWith('_policy_arn'))).toEqual([
    ...['cache_connect_policy_arn', 'pages_connect_policy_arn', 'sessions_connect_policy_arn'],
  ]);
  const policy = template.one('aws_iam_policy', { name: 'staging-pages-connect' }).policy as string;
  expect(JSON.parse(policy).Statement).toEqual([
    {
      ...{ Sid: 'ConnectToCache', Effect: 'Allow', Action: 'elasticache:Connect' },
      Resource: [expect.stringContaining('aws_elasticache_serverless_cache.'), expect.stringContaining('aws_elasticache_user.')],
    },
  ]);
});
