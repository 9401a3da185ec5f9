import { OpenSearch } from '../../constructs/aws/opensearch/index.ts';
import { openSearchMetrics } from '../../constructs/aws/opensearch/metrics.ts';
import { mergeFragments } from '../../constructs/core/binding.ts';
import type { PolicyStatement } from '../../constructs/core/policy.ts';
import { wrap } from '../../runtime/src/binding/index.ts';
import { authorizerFor } from '../../runtime/src/connections/opensearch/authorizer.ts';
import { searchTarget } from '../../runtime/src/connections/opensearch/settings.ts';
import { bindingFragment } from '../../runtime/src/contracts/binding.ts';
import { Template } from '../support/template.ts';
import { define, imported, large, statements } from './opensearch.ts';

const theirs = imported.arn;

/** Whether IAM would allow `action` on `path` of the imported domain, by the statements alone. */
function allows(policy: readonly PolicyStatement[], action: string, path: string): boolean {
  const matches = (pattern: string, text: string) =>
    new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(text);
  return policy.some(
    ({ Action, Resource }) =>
      [Action].flat().some((pattern) => matches(pattern as string, action)) &&
      [Resource].flat().some((pattern) => matches(pattern as string, `${theirs}${path}`)),
  );
}

/** The domain of `imported` in a stack of its own. */
function withImported<T>(use: (domain: ReturnType<typeof OpenSearch.fromAttributes>) => T): { template: Template; result: T } {
  let result: T | undefined;
  const template = Template.of((stack) => {
    result = use(OpenSearch.fromAttributes(stack, 'search', imported));
  });
  return { template, result: result as T };
}

describe('what services get to know', () => {
  test('where, how and as whom to connect, without any secret', () => {
    define({}, {}, (domain) => {
      const fragment = domain.binding();
      expect(bindingFragment.safeParse(fragment)).toMatchObject({ success: true });
      expect(fragment.search).toEqual({
        kind: 'opensearch',
        role: 'search',
        endpoints: [{ purpose: 'primary', host: expect.any(String), port: 443, authMode: 'iam' }],
        tls: {},
        auth: { mode: 'iam' },
        iam: { region: 'eu-central-1', service: 'es', resourceName: 'test-search' },
        resourceArns: [expect.any(String)],
        limits: { dataNodes: 3, zones: 3, maxRequestMiB: 10 },
        administration: {
          roleArn: domain.attributes.masterRoleArn,
          snapshotRepository: {
            type: 's3',
            settings: {
              bucket: domain.attributes.snapshots?.bucketName,
              base_path: 'snapshots',
              role_arn: domain.attributes.snapshots?.roleArn,
              region: 'eu-central-1',
            },
          },
          tiers: 'none',
        },
      });
    });
  });

  test.each([
    [{ warmNodes: 2, coldStorage: false }, 'ultrawarm'],
    [{ warmNodes: 2, coldStorage: true }, 'ultrawarm-and-cold'],
    [{ warmNodes: 0 }, 'none'],
  ])('where older indices can go with %j: %s', (change, tiers) => {
    const attributes = { ...imported, ...change };
    Template.of((stack) => {
      const { administration } = OpenSearch.fromAttributes(stack, 'search', attributes).binding().search!;
      expect(administration).toMatchObject({ tiers });
    });
  });

  test('a repository in us-east-1 has an end point in place of a region', () => {
    const snapshots = { bucketName: 'theirs', roleArn: 'arn:aws:iam::111111111111:role/theirs' };
    Template.of((stack) => {
      const domain = OpenSearch.fromAttributes(stack, 'search', { ...imported, region: 'us-east-1', snapshots });
      const settings = domain.binding().search?.administration?.snapshotRepository?.settings;
      expect(settings).toEqual({ bucket: 'theirs', base_path: 'snapshots', role_arn: snapshots.roleArn, endpoint: 's3.amazonaws.com' });
    });
  });

  test('the runtime finds its way with it, and signs', async () => {
    const { result: fragment } = withImported((domain) => mergeFragments([domain.binding()]));
    const handle = wrap(fragment).service('search', 'opensearch');
    await expect(searchTarget(handle, 1_000)).resolves.toMatchObject({ access: { nodes: ['https://vpc-theirs.example:443'] } });
    const credentials = async () => ({ accessKeyId: 'a', secretAccessKey: 'b' });
    const authorizer = await authorizerFor(handle, credentials);
    const headers = await authorizer.headers({ method: 'GET', path: '/' } as never, new URL('https://vpc-theirs.example:443'));
    expect(JSON.stringify(headers)).toContain('/eu-central-1/es/aws4_request');
  });

  test("the name of one's own, where there is one", () => {
    const customEndpoint = { hostName: 'search.example.com', certificateArn: 'arn:aws:acm:eu-central-1:111111111111:certificate/1' };
    define({ customEndpoint }, {}, (domain) => {
      expect(domain.binding().search?.endpoints).toEqual([{ purpose: 'primary', host: 'search.example.com', port: 443, authMode: 'iam' }]);
    });
  });

  test.each([
    ['t3.medium.search', 10],
    ['m7g.large.search', 10],
    ['m7g.xlarge.search', 100],
    ['r7g.large.search', 100],
  ])('how large a request %s takes', (dataNodeType, maxRequestMiB) => {
    define({ overrides: { ...large, dataNodeType, diskGiB: 100 } }, {}, (domain) => {
      expect(domain.binding().search?.limits).toMatchObject({ maxRequestMiB });
    });
  });

  test('who the master user is, and where snapshots go', () => {
    define({}, {}, ({ attributes }) => {
      expect(attributes).toMatchObject({ domainName: 'test-search', masterRoleArn: expect.any(String) });
      expect(attributes.snapshots?.roleArn).not.toBe(attributes.masterRoleArn);
    });
    define({ snapshotBucket: false }, { deletionProtection: false }, ({ attributes }) =>
      expect(attributes).not.toHaveProperty('snapshots'),
    );
  });
});

describe('a domain that someone else keeps', () => {
  test('is bound, granted and watched alike, and adds no server', () => {
    const { template } = withImported((domain) => {
      domain.grantRead('Orders', { roleName: 'orders' });
      domain.connections.allowFrom('Orders', { securityGroupId: 'sg-orders' });
      expect(domain.securityGroupId).toBe('sg-theirs');
    });
    expect(template.counts()).toEqual({
      aws_iam_role_policy: 1,
      aws_vpc_security_group_egress_rule: 1,
      aws_vpc_security_group_ingress_rule: 1,
    });
    expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({
      security_group_id: 'sg-theirs',
      referenced_security_group_id: 'sg-orders',
      from_port: 443,
    });
  });

  test('fails if it has no bucket, or no known master user, and they are granted', () => {
    const { masterRoleArn: _master, snapshots: _snapshots, ...others } = imported;
    Template.of((stack) => {
      const domain = OpenSearch.fromAttributes(stack, 'search', others);
      expect(() => domain.snapshotStatements()).toThrow(new RangeError('search must have a bucket for snapshots, got none'));
      expect(() => domain.administerStatements()).toThrow(new RangeError('search must have a known master role, got none'));
    });
  });
});

type Request = readonly [action: string, path: string];
const documentRead: readonly Request[] = [
  ['es:ESHttpGet', '/logs-1/_doc/7'],
  ['es:ESHttpHead', '/logs-1'],
  ['es:ESHttpPost', '/logs-1/_search'],
  ['es:ESHttpPost', '/_search/scroll'],
  ['es:ESHttpDelete', '/_search/scroll'],
  ['es:ESHttpGet', '/'],
];
const documentWrite: readonly Request[] = [
  ['es:ESHttpPut', '/logs-1/_doc/7'],
  ['es:ESHttpPut', '/logs-1/_create/7'],
  ['es:ESHttpPost', '/logs-1/_doc'],
  ['es:ESHttpPost', '/logs-1/_update/7'],
  ['es:ESHttpPost', '/logs-1/_bulk'],
  ['es:ESHttpPost', '/_bulk'],
  ['es:ESHttpDelete', '/logs-1/_doc/7'],
  ['es:ESHttpGet', '/'],
];
const administration: readonly Request[] = [
  ['es:ESHttpPut', '/logs-1'],
  ['es:ESHttpDelete', '/logs-1'],
  ['es:ESHttpPut', '/_cluster/settings'],
  ['es:ESHttpPut', '/_plugins/_security/api/rolesmapping/all_access'],
  ['es:ESHttpPatch', '/_plugins/_security/api/rolesmapping'],
  ['es:ESHttpPut', '/_snapshot/mine'],
  ['es:ESHttpPost', '/_reindex'],
  ['es:DeleteDomain', ''],
  ['es:UpdateDomainConfig', ''],
];
const otherIndex: readonly Request[] = [
  ['es:ESHttpGet', '/orders/_doc/7'],
  ['es:ESHttpPost', '/orders/_search'],
  ['es:ESHttpPut', '/orders/_doc/7'],
  ['es:ESHttpPost', '/orders/_bulk'],
  ['es:ESHttpDelete', '/orders/_doc/7'],
];

describe('grants', () => {
  const policies = withImported((domain) => ({
    read: domain.readStatements(),
    write: domain.writeStatements(),
    indexRead: domain.indexReadStatements('logs-*'),
    indexWrite: domain.indexWriteStatements('logs-*'),
    oneIndexRead: domain.indexReadStatements('logs-1'),
  })).result;

  const expected: readonly (readonly [policy: keyof typeof policies, allowed: readonly Request[], refused: readonly Request[]])[] = [
    [
      'read',
      [...documentRead, ...otherIndex.slice(0, 2), ['es:ESHttpPost', '/_msearch']],
      [...documentWrite.slice(0, -1), ...administration],
    ],
    ['write', [...documentWrite, ...otherIndex.slice(2)], [...documentRead.slice(0, -1), ...administration]],
    ['indexRead', documentRead, [...documentWrite.slice(0, -1), ...administration, ...otherIndex]],
    ['oneIndexRead', documentRead, [['es:ESHttpGet', '/logs-2/_doc/7'], ['es:ESHttpGet', '/logs-10/_doc/7'], ...otherIndex]],
    ['indexWrite', documentWrite, [...documentRead.slice(0, -1), ...administration, ...otherIndex]],
  ];
  test.each(expected)('%s allows what it is for and nothing else', (name, allowed, refused) => {
    expect(allowed.filter(([action, path]) => !allows(policies[name], action, path))).toEqual([]);
    expect(refused.filter(([action, path]) => allows(policies[name], action, path))).toEqual([]);
  });

  test('of snapshots: the role of the bucket is handed over, requests go to snapshots alone', () => {
    const { template, result } = withImported((domain) => domain.grantSnapshots('Backup', { roleName: 'backup' }));
    expect(result.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      ['iam:PassRole', imported.snapshots?.roleArn],
      [
        ['es:ESHttpGet', 'es:ESHttpHead', 'es:ESHttpPut', 'es:ESHttpPost', 'es:ESHttpDelete'],
        [`${theirs}/_snapshot`, `${theirs}/_snapshot/*`],
      ],
    ]);
    expect(template.one('aws_iam_role_policy')).toMatchObject({ name: 'snapshots-theirs', role: 'backup' });
  });

  test('of administration: one role may be assumed', () => {
    const { template, result } = withImported((domain) => domain.grantAdminister('Apply', { roleName: 'apply' }));
    expect(result).toEqual([{ Sid: 'BecomeMasterUser', Effect: 'Allow', Action: 'sts:AssumeRole', Resource: imported.masterRoleArn }]);
    expect(statements(template.one('aws_iam_role_policy').policy)).toEqual(result);
  });

  test('several of one role stand beside each other', () => {
    const sink = { roleName: 'sink' };
    const { template } = withImported((domain) => {
      domain.grantRead('Read', sink);
      domain.grantWrite('Write', sink);
      for (const index of ['logs-*', 'events']) {
        domain.grantIndexRead(`Read-${index}`, sink, index);
        domain.grantIndexWrite(`Write-${index}`, sink, index);
      }
    });
    const names = template.all('aws_iam_role_policy').map(({ name }) => name as string);
    expect(new Set(names).size).toBe(6);
    expect(names.every((name) => /^(read|write)(-[0-9a-f]{8})?-theirs$/.test(name))).toBe(true);
  });

  test.each(['', '*', '_all', 'Logs', 'a/b', '-logs', 'a,b', 'a b', '_plugins'])('fails if the index is %j', (index) => {
    withImported((domain) => {
      const message = 'index must be the name or pattern of one, of lower-case letters, digits and . _ - *, got';
      expect(() => domain.indexReadStatements(index)).toThrow(RangeError);
      expect(() => domain.indexWriteStatements(index)).toThrow(message);
    });
  });
});

describe('metrics', () => {
  test('one is of the domain, in the account that it belongs to', () => {
    withImported((domain) => {
      expect(domain.metric('ClusterStatus.red')).toEqual([
        { namespace: 'AWS/ES', metricName: 'ClusterStatus.red', dimensions: { DomainName: 'theirs', ClientId: '222222222222' } },
      ]);
    });
  });

  test('room in the warm tier is counted for all of its nodes together', () => {
    define({}, { size: 'large' }, (domain) => {
      const { warmNodes } = domain.attributes;
      expect(warmNodes).toBeGreaterThan(1);
      expect(domain.alarmTarget().limits.warmStorageMiB).toBe(warmNodes * 1.5 * 2 ** 20);
    });
  });

  test('there is none of nodes that the domain does not have', () => {
    define({}, {}, (domain) => {
      expect(domain.metric('MasterCPUUtilization')).toEqual([]);
      expect(domain.metric('WarmCPUUtilization')).toEqual([]);
      expect(domain.metric('CPUUtilization')).toHaveLength(1);
    });
    define({}, { size: 'large' }, (domain) => {
      expect(domain.metric('MasterCPUUtilization')).toHaveLength(1);
      expect(domain.metric('WarmCPUUtilization')).toHaveLength(1);
    });
  });

  test('what must not fall is watched at its lowest, what must not rise at its highest', () => {
    const lowest = Object.entries(openSearchMetrics).flatMap(([name, { statistic }]) => (statistic === 'Minimum' ? [name] : []));
    expect(lowest).toEqual(['FreeStorageSpace', 'Nodes', 'MasterReachableFromNode']);
    // In S3, of all warm nodes together.
    expect(openSearchMetrics.WarmFreeStorageSpace.statistic).toBe('Sum');
    expect(openSearchMetrics.JVMMemoryPressure.statistic).toBe('Maximum');
  });
});
