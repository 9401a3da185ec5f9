import { ElastiCache } from '../../constructs/aws/elasticache/index.ts';
import type { ElastiCacheMetric } from '../../constructs/aws/elasticache/metrics.ts';
import type { ElastiCacheAttributes } from '../../constructs/aws/elasticache/props.ts';
import { TerraformOutput } from '../../constructs/core/framework.ts';
import { bindingFragment } from '../../runtime/src/contracts/binding.ts';
import { Template } from '../support/template.ts';
import { define } from './elasticache.ts';

describe('what services get to know', () => {
  test('where, how and as whom to connect, without any secret', () => {
    define({}, {}, (cache) => {
      const fragment = cache.binding();
      expect(bindingFragment.safeParse(fragment)).toMatchObject({ success: true });
      expect(fragment.cache).toMatchObject({
        kind: 'redis',
        role: 'cache',
        endpoints: [
          { purpose: 'primary', port: 6379, authMode: 'iam' },
          { purpose: 'reader', port: 6379, authMode: 'iam' },
        ],
        clusterMode: false,
        tls: {},
        auth: { mode: 'iam', username: 'test-cache-app' },
        iam: { region: 'eu-central-1', service: 'elasticache', resourceName: 'test-cache' },
        limits: { maxMemoryMiB: 384 },
      });
      expect(fragment.cache?.auth).not.toHaveProperty('secretRef');
    });
  });

  test('no reader where there is no replica', () => {
    define({ multiAz: false, overrides: { replicas: 0 } }, { deletionProtection: false }, (cache) => {
      expect(cache.binding().cache?.endpoints.map(({ purpose }) => purpose)).toEqual(['primary']);
    });
  });

  test('of a cluster: its configuration endpoint alone, that it is one, and the memory of all shards', () => {
    define({ overrides: { shards: 3, clusterMode: 'enabled' } }, {}, (cache) => {
      const fragment = cache.binding();
      expect(bindingFragment.safeParse(fragment)).toMatchObject({ success: true });
      expect(fragment.cache).toMatchObject({ clusterMode: true, limits: { maxMemoryMiB: 3 * 384 } });
      expect(fragment.cache?.endpoints).toEqual([{ purpose: 'primary', host: cache.attributes.primaryHost, port: 6379, authMode: 'iam' }]);
    });
    const bound = define({ overrides: { shards: 3, clusterMode: 'enabled' } }, {}, (cache) => {
      new TerraformOutput(cache, 'host', { value: cache.attributes.primaryHost, staticId: true });
    });
    expect(Object.values(bound.outputs())).toEqual([expect.stringMatching(/\.configuration_endpoint_address}$/)]);
  });

  test('is a cluster already while the mode is compatible, so that those who start meet one', () => {
    define({ clusterMode: 'compatible' }, {}, (cache) => expect(cache.binding().cache?.clusterMode).toBe(true));
  });

  test('no memory limit for a node type that the table does not know', () => {
    define({ overrides: { nodeType: 'cache.r7g.large' } }, {}, (cache) => expect(cache.binding().cache).not.toHaveProperty('limits'));
    define({ overrides: { nodeType: 'cache.r7g.large', memoryMiB: 9_000 } }, {}, (cache) => {
      expect(cache.binding().cache?.limits).toEqual({ maxMemoryMiB: 9_000 });
    });
  });
});

const imported: ElastiCacheAttributes = {
  service: 'cache',
  role: 'cache',
  region: 'eu-central-1',
  replicationGroupId: 'theirs',
  arn: 'arn:aws:elasticache:eu-central-1:111111111111:replicationgroup:theirs',
  primaryHost: 'master.theirs.example',
  port: 6379,
  users: [
    { name: 'app', userId: 'theirs-app', arn: 'arn:aws:elasticache:eu-central-1:111111111111:user:theirs-app' },
    { name: 'board', userId: 'theirs-board', arn: 'arn:aws:elasticache:eu-central-1:111111111111:user:theirs-board' },
  ],
  nodes: 2,
  securityGroupId: 'sg-theirs',
};

describe('a replication group that someone else keeps', () => {
  test('is bound, granted and watched alike, and adds no server', () => {
    const template = Template.of((stack) => {
      const cache = ElastiCache.fromAttributes(stack, 'cache', imported);
      expect(cache.binding().cache?.endpoints).toEqual([
        { purpose: 'primary', host: 'master.theirs.example', port: 6379, authMode: 'iam' },
      ]);
      expect(cache.securityGroupId).toBe('sg-theirs');
      cache.grantConnect('Orders', { roleName: 'orders' });
    });
    expect(template.counts()).toEqual({ aws_iam_role_policy: 1 });
  });

  test('a grant allows one action, on the group and one user', () => {
    const template = Template.of((stack) => {
      const statements = ElastiCache.fromAttributes(stack, 'cache', imported).grantConnect('Board', { roleName: 'board' }, 'board');
      expect(statements).toEqual([
        { Sid: 'ConnectToCache', Effect: 'Allow', Action: 'elasticache:Connect', Resource: [imported.arn, imported.users[1]?.arn] },
      ]);
    });
    expect(JSON.parse(template.one('aws_iam_role_policy').policy as string).Statement).toHaveLength(1);
  });

  test('other users are bound by their names; the plan made them all, and apply may log in as each', () => {
    Template.of((stack) => {
      const cache = ElastiCache.fromAttributes(stack, 'cache', imported);
      expect(cache.binding().cache).toMatchObject({
        auth: { mode: 'iam', username: 'theirs-app' },
        users: { board: { mode: 'iam', username: 'theirs-board' } },
        administration: { usersFrom: 'plan' },
      });
      expect(cache.adminStatements()[0]?.Resource).toEqual([imported.arn, ...imported.users.map(({ arn }) => arn)]);
    });
  });

  test('fails if access is granted to a user that there is not', () => {
    Template.of((stack) => {
      const cache = ElastiCache.fromAttributes(stack, 'cache', imported);
      expect(() => cache.connectStatements('admin')).toThrow('users of cache are app, board, got "admin"');
    });
  });

  test('another group of clients is let in by its port', () => {
    const template = Template.of((stack) => {
      ElastiCache.fromAttributes(stack, 'cache', imported).connections.allowFrom('Orders', { securityGroupId: 'sg-orders' });
    });
    expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({ security_group_id: 'sg-theirs', from_port: 6379 });
  });

  test('is a cluster when it has shards', () => {
    Template.of((stack) => {
      const cluster = ElastiCache.fromAttributes(stack, 'cache', { ...imported, shards: 2 });
      expect(cluster.binding().cache?.clusterMode).toBe(true);
      expect(cluster.metric('ReplicationLag').map(({ dimensions }) => dimensions.CacheClusterId)).toEqual([
        ...['theirs-0001-001', 'theirs-0001-002', 'theirs-0002-001', 'theirs-0002-002'],
      ]);
    });
  });

  const seriesOf = (metricName: ElastiCacheMetric, nodeType: string) => {
    let count = 0;
    define({ overrides: { nodeType } }, {}, (cache) => {
      count = cache.metric(metricName).length;
    });
    return count;
  };

  test('a metric of what lies on disk is one of nodes that have one', () => {
    expect(seriesOf('DatabaseCapacityUsagePercentage', 'cache.r6gd.xlarge')).toBe(2);
    expect(seriesOf('DatabaseCapacityUsagePercentage', 'cache.r6g.xlarge')).toBe(0);
  });

  test('memory that is full means nothing where a disk takes the rest', () => {
    expect(seriesOf('DatabaseMemoryUsagePercentage', 'cache.r6gd.xlarge')).toBe(0);
    expect(seriesOf('DatabaseMemoryUsagePercentage', 'cache.r6g.xlarge')).toBe(2);
  });

  test('a metric is one of every node', () => {
    Template.of((stack) => {
      expect(ElastiCache.fromAttributes(stack, 'cache', imported).metric('EngineCPUUtilization')).toEqual([
        {
          namespace: 'AWS/ElastiCache',
          metricName: 'EngineCPUUtilization',
          dimensions: { CacheClusterId: 'theirs-001', CacheNodeId: '0001' },
        },
        {
          namespace: 'AWS/ElastiCache',
          metricName: 'EngineCPUUtilization',
          dimensions: { CacheClusterId: 'theirs-002', CacheNodeId: '0001' },
        },
      ]);
    });
  });
});
