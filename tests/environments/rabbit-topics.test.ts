import type { TopologyInput } from '../../runtime/src/contracts/topology.ts';
import { refusal, withTopology } from './declaration.ts';

type Topic = NonNullable<TopologyInput['topics']>[string];

const topic = (change: Partial<Topic> = {}): Topic => ({
  transports: [{ kind: 'rabbitmq', service: 'tasks' }],
  consumers: [{ group: 'emails' }],
  ...change,
});
const mirrored: Topic['transports'] = [
  { kind: 'redis-streams', service: 'events' },
  { kind: 'rabbitmq', service: 'tasks', phase: 'mirror' },
];

test('topics may be routed to RabbitMQ', () => {
  expect(
    refusal(
      withTopology({ topics: { paid: topic({ shards: 4 }), chat: topic({ isolation: 'tenant' }), quiet: topic({ consumers: [] }) } }),
    ),
  ).toEqual([]);
});

test('a topic that RabbitMQ only mirrors may block keys', () => {
  expect(refusal(withTopology({ topics: { paid: topic({ transports: mirrored, onExhausted: 'block' }) } }))).toEqual([]);
});

describe('topics on RabbitMQ: fails if', () => {
  const long = 'p'.repeat(101);
  const makes = 'topics make an exchange TOPIC and queues TOPIC.GROUP.SHARD and TOPIC.dead.GROUP; choose another name';
  test.each<[string, Parameters<typeof withTopology>[0], string[]]>([
    [
      'a key would have to wait behind what was given up',
      { topics: { paid: topic({ onExhausted: 'block' }) } },
      [
        'topology.topics.paid.onExhausted: must be skip while RabbitMQ is the live transport, got block: it cannot hold back the later events of one key; or make another transport live',
      ],
    ],
    [
      'a name leaves no room for what goes with it',
      { topics: { [long]: topic() } },
      [
        `topology.topics.${long}: must have a name of at most 100 characters on RabbitMQ, got 101: queues and routing keys have it with group, tenant and delay in 255 bytes`,
      ],
    ],
    [
      'an exchange has its name',
      { topics: { paid: topic() }, exchanges: { paid: { service: 'tasks', type: 'fanout' } } },
      [`topology.topics.paid: must not need exchange paid twice on tasks: ${makes}`],
    ],
    [
      'a queue has the name of one of its own',
      { topics: { paid: topic() }, queues: { 'paid.emails.0': { service: 'tasks' } } },
      [`topology.topics: must not need queue paid.emails.0 twice on tasks: ${makes}`],
    ],
    [
      'a group is called as dead letters are',
      { topics: { paid: topic({ consumers: [{ group: 'dead' }, { group: '0' }] }) } },
      [`topology.topics: must not need queue paid.dead.0 twice on tasks: ${makes}`],
    ],
  ])('%s', (_, topology, expected) => expect(refusal(withTopology(topology))).toEqual(expected));
});
