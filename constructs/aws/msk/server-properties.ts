/**
 * Server properties that MSK lets one set; `express` marks those that Express brokers take as well.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-configuration-properties.html
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/msk-configuration-express-read-write.html
 */
const settable = {
  'allow.everyone.if.no.acl.found': 'express',
  'auto.create.topics.enable': 'express',
  'compression.type': 'express',
  'connections.max.idle.ms': 'express',
  'default.replication.factor': 'standard',
  'delete.topic.enable': 'express',
  'group.initial.rebalance.delay.ms': 'express',
  'group.max.session.timeout.ms': 'express',
  'group.min.session.timeout.ms': 'standard',
  'leader.imbalance.per.broker.percentage': 'standard',
  'log.cleaner.delete.retention.ms': 'standard',
  'log.cleaner.min.cleanable.ratio': 'standard',
  'log.cleanup.policy': 'express',
  'log.flush.interval.messages': 'standard',
  'log.flush.interval.ms': 'standard',
  'log.message.timestamp.type': 'express',
  'log.retention.bytes': 'express',
  'log.retention.hours': 'standard',
  'log.retention.minutes': 'standard',
  'log.retention.ms': 'express',
  'log.roll.ms': 'standard',
  'log.segment.bytes': 'standard',
  'max.incremental.fetch.session.cache.slots': 'express',
  'message.max.bytes': 'express',
  'min.insync.replicas': 'standard',
  'num.io.threads': 'standard',
  'num.network.threads': 'standard',
  'num.partitions': 'express',
  'num.recovery.threads.per.data.dir': 'standard',
  'num.replica.fetchers': 'standard',
  'offsets.retention.minutes': 'express',
  'offsets.topic.replication.factor': 'standard',
  'replica.fetch.max.bytes': 'express',
  'replica.fetch.response.max.bytes': 'standard',
  'replica.lag.time.max.ms': 'standard',
  'replica.selector.class': 'express',
  'replica.socket.receive.buffer.bytes': 'standard',
  'socket.receive.buffer.bytes': 'express',
  'socket.request.max.bytes': 'express',
  'socket.send.buffer.bytes': 'express',
  'transaction.max.timeout.ms': 'express',
  'transaction.state.log.min.isr': 'standard',
  'transaction.state.log.replication.factor': 'standard',
  'transactional.id.expiration.ms': 'express',
  'unclean.leader.election.enable': 'standard',
} as const satisfies Record<string, 'standard' | 'express'>;

export type ServerProperty = keyof typeof settable;
export type ServerProperties = Readonly<Partial<Record<ServerProperty, string | number | boolean>>>;

/** How many copies there are is decided once, by `replicationFactor` and `minInSyncReplicas`. */
export const replicationProperties = [
  'default.replication.factor',
  'min.insync.replicas',
  'offsets.topic.replication.factor',
  'transaction.state.log.min.isr',
  'transaction.state.log.replication.factor',
] as const satisfies readonly ServerProperty[];

/** Of these Kafka heeds the finest unit that is set. */
export const retentionProperties = [
  'log.retention.ms',
  'log.retention.minutes',
  'log.retention.hours',
] as const satisfies readonly ServerProperty[];

/** Whether MSK lets one set a property on such brokers. */
export function isSettable(name: string, express: boolean): boolean {
  const kind = (settable as Readonly<Record<string, string>>)[name];
  return express ? kind === 'express' : kind !== undefined;
}

/** The properties as MSK takes them: a line each, in the order of their names, so that equal properties are equal text. */
export function serverPropertiesText(properties: ServerProperties): string {
  return Object.entries(properties)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
