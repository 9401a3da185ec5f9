import { zonesOf } from '../../environments/zones.ts';
import { minimal, refusal, withEngine, withServices } from './declaration.ts';

const existing = {
  host: 'orders.example.com',
  database: 'orders',
  username: 'orders',
  passwordSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-AbCdEf',
  securityGroupId: 'sg-0a1b',
};
const database = { database: { kind: 'postgres', role: 'database', existing } } as const;
const peer = (cidr: string, vpcId = 'vpc-0db', routeTableIds = ['rtb-0db']) => ({ vpcId, cidr, routeTableIds });
const joined = (...peers: object[]) => withEngine({ network: { kind: 'own', cidr: '10.1.0.0/16', peers } });
const subnet = (letter: string, id = `subnet-0${letter}`) => ({ id, zone: `eu-central-1${letter}` });
const within = (...privateSubnets: object[]) => ({ kind: 'existing', vpcId: 'vpc-0a', privateSubnets });
const standing = (...privateSubnets: object[]) => withEngine({ network: within(...privateSubnets) });

describe('where an environment stands: fails if', () => {
  test.each<[string, unknown, string[]]>([
    [
      'a zone is of another region',
      withEngine({ availabilityZones: ['eu-central-1a', 'eu-central-1b', 'eu-west-1c'] }),
      ['engine.availabilityZones.2: must be a zone of eu-central-1 such as eu-central-1a, got "eu-west-1c"'],
    ],
    [
      'a zone is named twice',
      withEngine({ availabilityZones: ['eu-central-1a', 'eu-central-1b', 'eu-central-1c', 'eu-central-1c'] }),
      ['engine.availabilityZones: must name each zone once, got eu-central-1c twice: two copies would fail together'],
    ],
    [
      'the region has no zone b for everybody, and none is named',
      withEngine({ region: 'ap-northeast-1' }),
      [
        'engine.availabilityZones: is required in ap-northeast-1, where not every account has the zones a, b and c: name those that yours has',
      ],
    ],
    [
      'the region is of another partition',
      withEngine({ region: 'cn-north-1' }),
      ['engine.region: must be a region of the partitions aws or aws-us-gov, got "cn-north-1": services have other names there'],
    ],
    [
      'a database that exists stands in a network to which nothing leads',
      withServices(database),
      [
        'engine.network.peers: is required for the service "database", which exists: name the VPC it stands in, or give [] where it stands in this network itself',
      ],
    ],
    [
      'a peer overlaps with the network',
      joined(peer('10.1.128.0/20')),
      [
        "engine.network.peers: must have ranges that overlap neither with each other nor with the network's own, got 10.1.0.0/16 and 10.1.128.0/20",
      ],
    ],
    [
      'two peers overlap',
      joined(peer('10.2.0.0/16'), peer('10.2.8.0/24', 'vpc-1db', ['rtb-1db'])),
      [
        "engine.network.peers: must have ranges that overlap neither with each other nor with the network's own, got 10.2.0.0/16 and 10.2.8.0/24",
      ],
    ],
    [
      'a VPC is a peer twice, with the same way back',
      joined(peer('10.2.0.0/16'), peer('10.3.0.0/16')),
      [
        'engine.network.peers: must name each VPC once, got vpc-0db twice',
        'engine.network.peers: must name each route table once, got rtb-0db twice',
      ],
    ],
    [
      'two subnets are in one zone',
      standing(subnet('a'), subnet('b'), subnet('b', 'subnet-1b'), subnet('c')),
      ['engine.network.privateSubnets: must have one subnet of each zone, got two of eu-central-1b: two copies would fail together'],
    ],
    [
      'a subnet is named twice',
      standing(subnet('a'), subnet('b'), subnet('c', 'subnet-0b')),
      ['engine.network.privateSubnets: must name each subnet once, got subnet-0b twice'],
    ],
    [
      'a subnet is in a zone of another region',
      standing(subnet('a'), subnet('b'), { id: 'subnet-0c', zone: 'eu-west-1c' }),
      ['engine.network.privateSubnets.2.zone: must be a zone of eu-central-1 such as eu-central-1a, got "eu-west-1c"'],
    ],
    [
      'zones are named besides those of the subnets',
      withEngine({ network: within(subnet('a'), subnet('b'), subnet('c')), availabilityZones: ['eu-central-1a', 'eu-central-1b'] }),
      ['engine.availabilityZones: must be left out in a network that exists: its subnets say in which zones they are'],
    ],
    ...['clients', 'endpoints', 'worker-relay'].map((name): [string, unknown, string[]] => [
      `a service is called ${name}`,
      withServices({ [name]: { kind: 'redis', role: 'cache' } }),
      [`services.${name}: must have another name than clients, endpoints or worker-..., which security groups of the environment bear`],
    ]),
    [
      'a worker is called like the role that starts another',
      {
        ...minimal(),
        workers: { relay: { command: 'relay', image: 'millrace:0.1.0' }, 'relay-start': { command: 'relay', image: 'millrace:0.1.0' } },
      },
      ['workers.relay-start: must have another name beside the worker relay, one of whose roles bears it'],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));
});

test.each<[string, unknown]>([
  ['a database that exists is reached over a peering', { ...joined(peer('10.0.0.0/16')), services: database }],
  ['it stands in the own network itself', { ...joined(), services: database }],
  ['it stands in a network that exists', { ...standing(subnet('a'), subnet('b')), services: database }],
  ['subnets that exist say their zones in a region with gaps', existingInTokyo()],
  ['an own network names its zones there', withEngine({ region: 'ap-northeast-1', availabilityZones: ['a', 'c', 'd'].map(inTokyo) })],
  ['names are reserved on AWS alone', { ...onDocker(), services: { clients: { kind: 'redis', role: 'cache' } } }],
])('is accepted: %s', (_, input) => expect(refusal(input)).toEqual([]));

test('zones are those of the subnets that exist, in their order, else those declared, else a, b and c', () => {
  const own = { region: 'eu-central-1', network: { kind: 'own' as const, cidr: '10.1.0.0/16' } };
  const privateSubnets = [subnet('c'), subnet('a')];
  expect(zonesOf({ region: 'eu-central-1', network: { kind: 'existing', vpcId: 'vpc-0a', privateSubnets } })).toEqual([
    'eu-central-1c',
    'eu-central-1a',
  ]);
  expect(zonesOf({ ...own, availabilityZones: ['eu-central-1b', 'eu-central-1a'] })).toEqual(['eu-central-1b', 'eu-central-1a']);
  expect(zonesOf(own)).toEqual(['eu-central-1a', 'eu-central-1b', 'eu-central-1c']);
});

function inTokyo(letter: string): string {
  return `ap-northeast-1${letter}`;
}

function existingInTokyo(): object {
  const privateSubnets = ['a', 'c', 'd'].map((letter) => ({ id: `subnet-0${letter}`, zone: inTokyo(letter) }));
  return withEngine({ region: 'ap-northeast-1', network: within(...privateSubnets) });
}

function onDocker(): object {
  return { ...minimal(), engine: { kind: 'docker' } };
}
