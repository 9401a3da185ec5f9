import { Network, type NetworkReference } from '../../constructs/aws/network/index.ts';
import type { NetworkProps } from '../../constructs/aws/network/props.ts';
import { subnetRanges } from '../../constructs/aws/network/ranges.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { Template } from '../support/template.ts';

const minimal: NetworkProps = { cidr: '10.20.0.0/16', encryptionKeyArn: 'arn:aws:kms:key' };
const define = (props: Partial<NetworkProps> = {}, identity: Partial<EnvironmentIdentity> = {}) =>
  Template.of((stack) => void new Network(stack, 'Network', { ...minimal, ...props }), identity);

describe('minimal', () => {
  const template = define();

  test('has a private subnet in every zone of the environment', () => {
    expect(
      template
        .all('aws_subnet')
        .map(({ availability_zone, cidr_block, map_public_ip_on_launch }) => [availability_zone, cidr_block, map_public_ip_on_launch]),
    ).toEqual([
      ['eu-central-1a', '10.20.0.0/19', false],
      ['eu-central-1b', '10.20.32.0/19', false],
      ['eu-central-1c', '10.20.64.0/19', false],
    ]);
  });

  test('has no way to the internet', () => {
    for (const way of ['aws_internet_gateway', 'aws_nat_gateway', 'aws_route', 'aws_eip']) expect(template.all(way)).toEqual([]);
    expect(template.one('aws_route_table')).not.toHaveProperty('route');
    expect(template.text).not.toContain('0.0.0.0/0');
  });

  test('reaches AWS services through endpoints', () => {
    const services = template.all('aws_vpc_endpoint').map(({ service_name, vpc_endpoint_type }) => `${vpc_endpoint_type} ${service_name}`);
    const interfaces = ['ecr.api', 'ecr.dkr', 'kms', 'logs', 'secretsmanager', 'ssm', 'ssmmessages'].map(
      (name) => `Interface com.amazonaws.eu-central-1.${name}`,
    );
    expect(services.sort()).toEqual(['Gateway com.amazonaws.eu-central-1.s3', ...interfaces]);
  });

  test("leaves through the S3 endpoint only to the account's own buckets, image layers and packages of Amazon Linux", () => {
    const { Statement } = JSON.parse(template.one('aws_vpc_endpoint', { vpc_endpoint_type: 'Gateway' }).policy as string);
    expect(Statement).toEqual([
      expect.objectContaining({ Condition: { StringEquals: { 'aws:ResourceAccount': '111111111111' } } }),
      expect.objectContaining({
        Action: 's3:GetObject',
        Resource: ['arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*', 'arn:aws:s3:::al2023-repos-eu-central-1-de612dc2/*'],
      }),
    ]);
  });

  test('has a closed default security group', () => {
    const group = template.one('aws_default_security_group');
    expect(group).not.toHaveProperty('ingress');
    expect(group).not.toHaveProperty('egress');
  });

  test('logs all connections to an encrypted group', () => {
    expect(template.one('aws_flow_log')).toMatchObject({ traffic_type: 'ALL', log_destination_type: 'cloud-watch-logs' });
    expect(template.one('aws_cloudwatch_log_group')).toMatchObject({ kms_key_id: 'arn:aws:kms:key', retention_in_days: 365 });
  });

  test('every rule of every security group says what it is for', () => {
    const rules = [...template.all('aws_vpc_security_group_ingress_rule'), ...template.all('aws_vpc_security_group_egress_rule')];
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) expect(rule.description).toEqual(expect.stringMatching(/\w/));
  });
});

test('everything set', () => {
  const template = define({
    cidr: '10.40.0.0/22',
    zones: ['eu-central-1a', 'eu-central-1b'],
    interfaceEndpoints: ['ecr.dkr'],
    readableBucketArns: ['arn:aws:s3:::other/*'],
    flowLogs: false,
  });
  expect(template.all('aws_subnet').map(({ cidr_block }) => cidr_block)).toEqual(['10.40.0.0/25', '10.40.0.128/25']);
  expect(template.all('aws_vpc_endpoint').map(({ service_name }) => service_name)).toEqual([
    'com.amazonaws.eu-central-1.s3',
    'com.amazonaws.eu-central-1.ecr.dkr',
  ]);
  expect(template.all('aws_flow_log')).toEqual([]);
  expect(template.text).toContain('arn:aws:s3:::other/*');
});

test('without interface endpoints there is no group for them', () => {
  expect(define({ interfaceEndpoints: [] }).all('aws_security_group')).toHaveLength(1);
});

test('machines that are no clients learn the ways to AWS services', () => {
  const endpointsOf = (props: Partial<NetworkProps> = {}) => {
    let endpoints: NetworkReference['endpoints'];
    Template.of((stack) => {
      endpoints = new Network(stack, 'Network', { ...minimal, ...props }).endpoints;
    });
    return endpoints;
  };
  expect(endpointsOf()).toMatchObject({ s3PrefixListId: expect.any(String), interfaces: { securityGroupId: expect.any(String) } });
  expect(endpointsOf({ interfaceEndpoints: [] })?.interfaces).toBeUndefined();
});

test('an existing network gets nothing but a group for its clients', () => {
  let network: NetworkReference | undefined;
  const template = Template.of((stack) => {
    network = Network.fromAttributes(stack, 'Network', { vpcId: 'vpc-1', privateSubnetIds: ['subnet-1', 'subnet-2'] });
  });
  expect(network).toMatchObject({ vpcId: 'vpc-1', privateSubnetIds: ['subnet-1', 'subnet-2'] });
  expect(template.counts()).toEqual({ aws_security_group: 1 });
  expect(template.one('aws_security_group')).toMatchObject({ vpc_id: 'vpc-1', name: 'test-clients' });
});

test('five zones share the range in sixteenths', () => {
  expect(subnetRanges('10.0.0.0/16', 5)).toEqual(['10.0.0.0/20', '10.0.16.0/20', '10.0.32.0/20', '10.0.48.0/20', '10.0.64.0/20']);
});

const refusals: readonly (readonly [what: string, props: Partial<NetworkProps>, problem: string])[] = [
  ['the range is none', { cidr: 'all' }, 'cidr must be an IPv4 range of /16 to /22 such as 10.20.0.0/16, got "all"'],
  ['the range is too large', { cidr: '10.0.0.0/8' }, 'got "10.0.0.0/8"'],
  ['the range is too small', { cidr: '10.0.0.0/24' }, 'got "10.0.0.0/24"'],
  ['the range does not begin at its first address', { cidr: '10.0.1.0/16' }, 'got "10.0.1.0/16"'],
  ['there is one zone', { zones: ['eu-central-1a'] }, 'zones must be two to six, so that one can fail, got eu-central-1a'],
  ['a zone is named twice', { zones: ['eu-central-1a', 'eu-central-1a'] }, 'zones must be different, got eu-central-1a twice'],
  [
    'a zone is of another region',
    { zones: ['eu-central-1a', 'eu-west-1b'] },
    'zones must be of eu-central-1 such as eu-central-1a, got eu-west-1b',
  ],
  [
    'an endpoint has a full name',
    { interfaceEndpoints: ['com.amazonaws.x/y'] },
    'interfaceEndpoints must be last parts of endpoint names such as ecr.dkr, got com.amazonaws.x/y',
  ],
  ['an endpoint is named twice', { interfaceEndpoints: ['ssm', 'ssm'] }, 'interfaceEndpoints must be different, got ssm twice'],
  ['S3 is asked for as an interface', { interfaceEndpoints: ['s3'] }, 'interfaceEndpoints must not hold s3'],
];

test.each(refusals)('fails if %s', (_what, props, problem) => {
  expect(() => define(props)).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }));
});
