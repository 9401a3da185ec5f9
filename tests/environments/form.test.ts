import { parseEnvironment } from '../../environments/schema.ts';
import { minimal, onStreams, refusal, withEngine, withServices } from './declaration.ts';

test('the minimal declaration is accepted', () => expect(refusal(minimal())).toEqual([]));

describe('form: fails if', () => {
  test.each<[string, unknown, string[]]>([
    ['it is no object', 'staging', ['must be an object, got "staging"']],
    ['the name is too long', { ...minimal(), name: 'a-very-long-name' }, ['name: must have at most 12 characters, got "a-very-long-name"']],
    [
      'the size is misspelt',
      { ...minimal(), size: 'smal' },
      ['size: must be one of small, medium, large, got "smal"; did you mean small?'],
    ],
    ['a key is unknown', { ...minimal(), sevices: {} }, ['sevices: unknown key, did you mean services?']],
    ['the engine is unknown', { ...minimal(), engine: { kind: 'gcp' } }, ['engine.kind: must be one of aws, docker, process, got "gcp"']],
    ['the engine is missing', { ...minimal(), engine: undefined }, ['engine: is required: give an object']],
    ['the account is no number of 12 digits', withEngine({ account: '42' }), ['engine.account: must be of the form /^\\d{12}$/, got "42"']],
    [
      'the network is too small for three zones',
      withEngine({ network: { kind: 'own', cidr: '10.0.0.0/24' } }),
      ['engine.network.cidr: must be an IPv4 network of /16 to /22 such as 10.20.0.0/16, got "10.0.0.0/24"'],
    ],
    [
      'the network starts in the middle of its range',
      withEngine({ network: { kind: 'own', cidr: '10.0.1.0/16' } }),
      ['engine.network.cidr: must be an IPv4 network of /16 to /22 such as 10.20.0.0/16, got "10.0.1.0/16"'],
    ],
    [
      'a peer is the world',
      withEngine({
        network: { kind: 'own', cidr: '10.1.0.0/16', peers: [{ vpcId: 'vpc-1', cidr: '0.0.0.0/0', routeTableIds: ['rtb-1'] }] },
      }),
      ['engine.network.peers.0.cidr: must be an IPv4 network of /16 to /28 such as 10.0.0.0/16, got "0.0.0.0/0"'],
    ],
    [
      'a peer has no way back',
      withEngine({ network: { kind: 'own', cidr: '10.1.0.0/16', peers: [{ vpcId: 'vpc-1', cidr: '10.0.0.0/16', routeTableIds: [] }] } }),
      ['engine.network.peers.0.routeTableIds: must have at least 1 entry, got []'],
    ],
    [
      'an existing network names no second subnet',
      withEngine({ network: { kind: 'existing', vpcId: 'vpc-1', privateSubnets: [{ id: 'subnet-1', zone: 'eu-central-1a' }] } }),
      ['engine.network.privateSubnets: must have at least 2 entries, got [{"id":"subnet-1","zone":"eu-central-1a"}]'],
    ],
    [
      'a port base is privileged',
      { ...minimal(), engine: { kind: 'process', ports: { base: 80 } } },
      ['engine.ports.base: must be at least 1024, got 80'],
    ],
    [
      'an override is unknown to its kind',
      withServices({ cache: { kind: 'redis', role: 'cache', overrides: { nodetype: 'cache.t4g.small' } as object } }),
      ['services.cache.overrides.nodetype: unknown key, did you mean nodeType?'],
    ],
    [
      'an override belongs to another kind',
      withServices({ cache: { kind: 'redis', role: 'cache', overrides: { brokers: 3 } as object } }),
      [
        'services.cache.overrides.brokers: unknown key, known are nodeType, replicas, memoryMiB, maxMemoryPolicy, engine, userEngine, engineVersion, shards, clusterMode, applyImmediately, serverless',
      ],
    ],
    [
      'RabbitMQ is to have two nodes',
      withServices({ tasks: { kind: 'rabbitmq', role: 'tasks', overrides: { nodes: 2 as 3 } } }),
      ['services.tasks.overrides.nodes: must be one of 1, 3, got 2'],
    ],
    [
      'an alert is overridden without a reason',
      { ...minimal(), alerts: { overrides: { 'redis-memory': { threshold: 90 } } } },
      ['alerts.overrides.redis-memory.reason: is required: give a string'],
    ],
    [
      'a check is suppressed for no real reason',
      { ...minimal(), checks: { suppress: { CKV_AWS_29: { reason: 'because' } } } },
      ['checks.suppress.CKV_AWS_29.reason: must have at least 10 characters, got "because"'],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));
});

test('all problems are reported at once, those between parts beside those of form, and a broken part is reported once', () => {
  const input = {
    ...minimal(),
    size: 'tiny',
    services: {
      ...minimal().services,
      events: { kind: 'redis-sentinel', rle: 'events', role: 'cahe' },
      database: { kind: 'postgres', role: 'log' },
    },
    topology: {
      topics: {
        paid: onStreams,
        refunded: { transports: [{ kind: 'kafka', service: 'cache' }], shards: 0 },
        sent: { transports: [{ kind: 'kafka', service: 'tasks' }] },
      },
      bindings: [{ exchange: 'a' }, { exchange: 'x', queue: 'y' }, { queue: 'b' }],
    },
    retention: { inboxDays: 1 },
  };
  expect(refusal(input)).toEqual([
    'size: must be one of small, medium, large, got "tiny"',
    'services.events.role: must be one of cache, events, jobs, log, tasks, search, database, metrics, alerts, got "cahe"; did you mean cache?',
    'services.events.rle: unknown key, did you mean role?',
    'topology.topics.refunded.shards: must be at least 1, got 0',
    'topology.bindings.0.queue: is required: give a string',
    'topology.bindings.2.exchange: is required: give a string',
    'services.database.role: must be one of database for the kind postgres, got "log", which is for kafka',
    'services.database.existing: is required on the engine aws, which provisions no database: say how to reach yours',
    'retention.inboxDays: must be at least the 7 days of retention.outboxDays, got 1: events replayed from the log would be set aside as too old',
    'topology.topics.sent.transports.0.service: must name a service of kind kafka for the transport kafka, got "tasks" of kind rabbitmq; choose log',
  ]);
});

test('the message names the environment and counts its problems', () => {
  expect(() => parseEnvironment({ ...minimal(), size: 'tiny' })).toThrow(/^the environment "trial" has 1 problem:\n {2}- size: /);
  expect(() => parseEnvironment({ size: 'tiny' })).toThrow(/^the environment has 3 problems:\n/);
});
