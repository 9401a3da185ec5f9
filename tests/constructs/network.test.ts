import { Network, type NetworkReference } from '../../constructs/aws/network/index.ts';
import type { NetworkProps } from '../../constructs/aws/network/props.ts';
import { subnetRange } from '../../constructs/aws/network/ranges.ts';
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
      ['eu-central-1a', '10.20.0.0/20', false],
      ['eu-central-1b', '10.20.16.0/20', false],
      ['eu-central-1c', '10.20.32.0/20', false],
    ]);
  });

  test('has no way to the internet', () => {
    for (const way of ['aws_internet_gateway', 'aws_nat_gateway', 'aws_route', 'aws_eip']) expect(template.all(way)).toEqual([]);
    expect(template.one('aws_route_table')).not.toHaveProperty('route');
    expect(template.text).not.toContain('0.0.0.0/0');
  });

  test('reaches AWS services through endpoints', () => {
    const services = template.all('aws_vpc_endpoint').map(({ service_name, vpc_endpoint_type }) => `${vpc_endpoint_type} ${service_name}`);
    const interfaces = ['kms', 'logs', 'secretsmanager', 'ssm'].map((name) => `Interface com.amazonaws.eu-central-1.${name}`);
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
  expect(template.all('aws_subnet').map(({ cidr_block }) => cidr_block)).toEqual(['10.40.0.0/26', '10.40.0.64/26']);
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

describe('a network that exists', () => {
  let network: NetworkReference | undefined;
  const template = Template.of((stack) => {
    network = Network.fromAttributes(stack, 'Network', {
      vpcId: 'vpc-1',
      privateSubnets: [
        { id: 'subnet-1', zone: 'eu-central-1a' },
        { id: 'subnet-2', zone: 'eu-central-1c' },
      ],
    });
  });

  test('gets nothing but a group for its clients', () => {
    expect(network).toMatchObject({ vpcId: 'vpc-1', privateSubnetIds: ['subnet-1', 'subnet-2'] });
    expect(template.counts()).toEqual({ aws_security_group: 1, aws_vpc_security_group_egress_rule: 2 });
    expect(template.one('aws_security_group')).toMatchObject({ vpc_id: 'vpc-1', name: 'test-clients' });
  });

  test('lets clients out to AWS services within it, and nowhere else', () => {
    const ways = template.all('aws_vpc_security_group_egress_rule');
    for (const way of ways) {
      expect(way).toMatchObject({ from_port: 443, to_port: 443, ip_protocol: 'tcp', description: expect.stringMatching(/\w/) });
      expect(way.security_group_id).toMatch(/^\$\{aws_security_group\.Network_Clients_/);
    }
    expect(ways.map(({ cidr_ipv4, prefix_list_id }) => cidr_ipv4 ?? prefix_list_id).sort()).toEqual([
      expect.stringMatching(/^\$\{data\.aws_ec2_managed_prefix_list\.Network_S3_\w+\.id\}$/),
      expect.stringMatching(/^\$\{data\.aws_vpc\.Network_Vpc_\w+\.cidr_block\}$/),
    ]);
  });

  test('is planned only where each subnet is in the zone and the network that it is said to be in', () => {
    const subnets = Object.values(JSON.parse(template.text).data.aws_subnet as Record<string, { id: string; lifecycle: unknown }>);
    expect(subnets.map(({ id }) => id)).toEqual(['subnet-1', 'subnet-2']);
    expect(subnets[1]?.lifecycle).toEqual({
      postcondition: [
        {
          condition: `\${self.availability_zone == "eu-central-1c" && self.vpc_id == "vpc-1"}`,
          error_message: 'subnet subnet-2 must be in the zone eu-central-1c and the network vpc-1, as the environment says',
        },
      ],
    });
  });
});

test('a zone more, or less, moves no subnet of another one', () => {
  const rangesOf = (...letters: string[]) => {
    const subnets = define({ zones: letters.map((letter) => `eu-central-1${letter}`) }).all('aws_subnet');
    return Object.fromEntries(subnets.map(({ availability_zone, cidr_block }) => [String(availability_zone).slice(-1), cidr_block]));
  };
  const all = rangesOf('a', 'b', 'c', 'd', 'e', 'f');
  expect(all).toMatchObject({ a: '10.20.0.0/20', d: '10.20.48.0/20', f: '10.20.80.0/20' });
  expect(rangesOf('d', 'a', 'c')).toEqual({ a: all.a, c: all.c, d: all.d });
  expect(new Set(Object.values(all)).size).toBe(6);
});

test('half of the range stays free, whichever zones there are', () => {
  expect(['a', 'h'].map((letter) => subnetRange('10.0.0.0/16', `x${letter}`))).toEqual(['10.0.0.0/20', '10.0.112.0/20']);
});

test('a protected network and its subnets refuse to be destroyed, another does not', () => {
  const refusing = (deletionProtection: boolean) => {
    const template = define({}, { deletionProtection });
    return [...template.all('aws_vpc'), ...template.all('aws_subnet')].map(({ lifecycle }) => lifecycle);
  };
  expect(refusing(true)).toEqual(Array(4).fill({ prevent_destroy: true }));
  expect(refusing(false)).toEqual(Array(4).fill(undefined));
});

describe('a peer', () => {
  const peer = { vpcId: 'vpc-0db', cidr: '10.0.0.0/16', routeTableIds: ['rtb-0db', 'rtb-1db'] };
  const template = define({ peers: [peer] });
  const idOf = (text: unknown) => /^\$\{aws_vpc_peering_connection\.Network_Peer-vpc-0db_\w+\.id\}$/.test(String(text));

  test('is joined at once, and its public names resolve to private addresses', () => {
    expect(template.one('aws_vpc_peering_connection')).toMatchObject({
      vpc_id: expect.stringMatching(/^\$\{aws_vpc\.Network_/),
      peer_vpc_id: 'vpc-0db',
      auto_accept: true,
      accepter: { allow_remote_vpc_dns_resolution: true },
    });
  });

  test('is reached over one route, and reaches back over one in each of its tables', () => {
    const routes = template.all('aws_route');
    expect(routes.every(({ vpc_peering_connection_id }) => idOf(vpc_peering_connection_id))).toBe(true);
    expect(routes.map(({ route_table_id, destination_cidr_block }) => [route_table_id, destination_cidr_block]).sort()).toEqual([
      [expect.stringMatching(/^\$\{aws_route_table\.Network_Routes_\w+\.id\}$/), '10.0.0.0/16'],
      ['rtb-0db', '10.20.0.0/16'],
      ['rtb-1db', '10.20.0.0/16'],
    ]);
  });

  test('opens no security group, and no way to the world', () => {
    const { aws_vpc_security_group_ingress_rule: into, aws_vpc_security_group_egress_rule: out } = define().counts();
    expect(template.counts()).toMatchObject({ aws_vpc_security_group_ingress_rule: into, aws_vpc_security_group_egress_rule: out });
    expect(template.text).not.toContain('0.0.0.0/0');
    for (const way of ['aws_internet_gateway', 'aws_nat_gateway', 'aws_eip']) expect(template.all(way)).toEqual([]);
  });
});

const peer = (cidr: string, vpcId = 'vpc-0db', routeTableIds = ['rtb-0db']) => ({ vpcId, cidr, routeTableIds });
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
    'a zone is none of eight',
    { zones: ['eu-central-1a', 'eu-central-1z'] },
    'zones must be of eu-central-1 such as eu-central-1a, got eu-central-1z',
  ],
  ['a peer is the world', { peers: [peer('0.0.0.0/0')] }, 'ranges of peers must be IPv4 ranges of /16 to /28, got 0.0.0.0/0'],
  [
    'a peer overlaps with the network',
    { peers: [peer('10.20.64.0/24')] },
    "must overlap neither with each other nor with the network's own, got 10.20.0.0/16 and 10.20.64.0/24",
  ],
  [
    'two peers overlap',
    { peers: [peer('10.0.0.0/16'), peer('10.0.8.0/24', 'vpc-1db')] },
    "must overlap neither with each other nor with the network's own, got 10.0.0.0/16 and 10.0.8.0/24",
  ],
  ['a VPC is a peer twice', { peers: [peer('10.0.0.0/16'), peer('10.1.0.0/16')] }, 'peers must be different, got vpc-0db twice'],
  [
    'a peer has no way back',
    { peers: [peer('10.0.0.0/16', 'vpc-0db', [])] },
    'peers must have a route table for the way back, got none of vpc-0db',
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
