import { AmazonMq } from '../constructs/aws/amazon-mq/index.ts';
import { Msk } from '../constructs/aws/msk/index.ts';
import { MskServerless } from '../constructs/aws/msk-serverless/index.ts';
import { RedisSentinel } from '../constructs/aws/redis-sentinel/index.ts';
import type { Construct } from '../constructs/core/framework.ts';
import { readersOver } from '../constructs/core/readers.ts';
import { carriedBy } from '../runtime/src/contracts/topology.ts';
import { aclUsersOf, probeUserOf } from './acl-users.ts';
import type { Offer } from './offers.ts';
import { type DeclarationOf, overridesOf, type ServerGround, type ServerPlan, ServerStack, type ServerStackProps } from './server-stack.ts';

type Broker = AmazonMq | Msk | MskServerless | RedisSentinel;
type BrokerKind = 'kafka' | 'rabbitmq' | 'redis-sentinel';

const plan: ServerPlan<BrokerKind, Broker> = {
  define(scope, { declaration, backup, topology, props }) {
    switch (declaration.kind) {
      case 'kafka':
        return defineKafka(scope, declaration, props);
      case 'rabbitmq':
        return new AmazonMq(scope, props.service, { ...props, ...overridesOf(declaration) });
      case 'redis-sentinel':
        return new RedisSentinel(scope, props.service, {
          ...props,
          backup,
          users: aclUsersOf(topology, props.service),
          ...overridesOf(declaration),
        });
    }
  },
  alarmTarget(broker, topology) {
    const { service } = broker.attributes;
    if (broker instanceof Msk) return broker.alarmTarget(readersOver(topology, 'kafka', service));
    if (!(broker instanceof MskServerless)) return broker.alarmTarget();
    const partitions = carriedBy(topology, 'kafka', service).map(([name, topic]) => [name, topic.partitions] as const);
    return broker.alarmTarget(Object.fromEntries(partitions), readersOver(topology, 'kafka', service));
  },
  watchStatements(broker) {
    if (broker instanceof RedisSentinel) return broker.connectStatements(probeUserOf(broker.attributes.users));
    return broker instanceof AmazonMq ? broker.connectStatements() : broker.watchStatements();
  },
  offers(broker) {
    const { service } = broker.attributes;
    const connect: Offer = { name: ['connect'], description: `connect to ${service}`, statements: broker.connectStatements() };
    if (broker instanceof RedisSentinel) return [connect, ...redisOffers(broker)];
    return broker instanceof AmazonMq ? [connect] : [connect, ...kafkaOffers(broker)];
  },
};

function defineKafka(scope: Construct, declaration: DeclarationOf<'kafka'>, props: ServerGround<'kafka'>['props']): Msk | MskServerless {
  const all = { ...props, ...overridesOf(declaration) };
  return declaration.overrides?.serverless === true ? new MskServerless(scope, props.service, all) : new Msk(scope, props.service, all);
}

/** One a user of the topology, and one to set them all, which is apply's. */
function redisOffers(set: RedisSentinel): Offer[] {
  const { service, users = [] } = set.attributes;
  return [
    ...users.map(({ name }) => ({
      name: ['connect', name],
      description: `connect to ${service} as ${name}`,
      statements: set.connectStatements(name),
    })),
    { name: ['administer'], description: `set the users of ${service}; not for services`, statements: set.adminStatements() },
  ];
}

/** All topics and groups: which service may touch which is the topology's business, and `grantProduce` and `grantConsume` take names. */
function kafkaOffers(cluster: Msk | MskServerless): Offer[] {
  const { service } = cluster.attributes;
  return [
    { name: ['produce'], description: `write to every topic of ${service}`, statements: cluster.produceStatements({ topics: ['*'] }) },
    {
      name: ['consume'],
      description: `read every topic of ${service} in any group`,
      statements: cluster.consumeStatements({ topics: ['*'], groups: ['*'] }),
    },
    { name: ['administer'], description: `create, change and delete topics of ${service}`, statements: cluster.adminStatements() },
  ];
}

/** Every broker of an environment: Redis Sentinel, Kafka and RabbitMQ. */
export class MessagingStack extends ServerStack<BrokerKind, Broker> {
  constructor(scope: Construct, props: ServerStackProps<BrokerKind>) {
    super(scope, 'messaging', props, plan);
  }
}
