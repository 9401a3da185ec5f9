import { type KafkaSettings, renderServerProperties } from '../../servers/kafka/config.ts';

const lines = (settings: KafkaSettings) => renderServerProperties(settings).trimEnd().split('\n');

const minimal: KafkaSettings = {
  ...{ nodeId: 1, host: '127.0.0.1', ports: { clients: 9092, peers: 9093, controller: 9094 }, dataDir: '/data' },
  controllers: [{ nodeId: 1, host: '127.0.0.1', port: 9094 }],
  ...{ replicationFactor: 1, minInSyncReplicas: 1, username: 'admin', password: 'p4ss' },
};
const tls = { caFile: '/tls/ca.pem', keyStoreFile: '/tls/server.pem' };
const three = [1, 2, 3].map((nodeId) => ({ nodeId, host: '127.0.0.1', port: 9000 + nodeId }));

test('minimal: one broker that is its own controller, SCRAM for clients, small', () => {
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="p4ss" user_admin="p4ss";';
  expect(lines(minimal)).toEqual([
    'process.roles=broker,controller',
    'node.id=1',
    'controller.quorum.voters=1@127.0.0.1:9094',
    'log.dirs=/data',
    'listeners=CLIENTS://127.0.0.1:9092,PEERS://127.0.0.1:9093,CONTROLLER://127.0.0.1:9094',
    'advertised.listeners=CLIENTS://127.0.0.1:9092,PEERS://127.0.0.1:9093',
    'listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,PEERS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    'inter.broker.listener.name=PEERS',
    'controller.listener.names=CONTROLLER',
    'sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN',
    'listener.name.clients.sasl.enabled.mechanisms=SCRAM-SHA-512',
    'listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'sasl.mechanism.inter.broker.protocol=PLAIN',
    'sasl.mechanism.controller.protocol=PLAIN',
    'listener.name.peers.sasl.enabled.mechanisms=PLAIN',
    'listener.name.controller.sasl.enabled.mechanisms=PLAIN',
    `listener.name.peers.plain.sasl.jaas.config=${login}`,
    `listener.name.controller.plain.sasl.jaas.config=${login}`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found=true',
    'super.users=User:admin',
    'auto.create.topics.enable=false',
    'default.replication.factor=1',
    'min.insync.replicas=1',
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'controlled.shutdown.enable=true',
    'offsets.topic.num.partitions=8',
    'transaction.state.log.num.partitions=4',
    'share.coordinator.state.topic.num.partitions=4',
    'num.network.threads=2',
    'listener.name.peers.num.network.threads=1',
    'listener.name.controller.num.network.threads=1',
    'num.io.threads=4',
    'num.replica.fetchers=1',
    'num.recovery.threads.per.data.dir=1',
    'background.threads=2',
    'group.coordinator.threads=1',
    'share.coordinator.threads=1',
    'log.cleaner.threads=1',
    'log.cleaner.dedupe.buffer.size=16777216',
    'log.segment.bytes=67108864',
    'log.retention.check.interval.ms=10000',
    'broker.heartbeat.interval.ms=500',
    'broker.session.timeout.ms=3000',
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
  ]);
});

test('with certificates servers know each other by them, and no password stands in the file', () => {
  const conf = lines({ ...minimal, tls });
  expect(conf).toEqual(
    expect.arrayContaining([
      'listener.security.protocol.map=CLIENTS:SASL_SSL,PEERS:SSL,CONTROLLER:SSL',
      'sasl.enabled.mechanisms=SCRAM-SHA-512',
      'ssl.keystore.type=PEM',
      'ssl.keystore.location=/tls/server.pem',
      'ssl.truststore.type=PEM',
      'ssl.truststore.location=/tls/ca.pem',
      'listener.name.peers.ssl.client.auth=required',
      'listener.name.controller.ssl.client.auth=required',
      'ssl.principal.mapping.rules=RULE:^.*$/admin/',
    ]),
  );
  expect(conf.join()).not.toContain('p4ss');
  expect(conf.join()).not.toContain('PlainLoginModule');
});

test('everything set', () => {
  const conf = lines({
    ...{ ...minimal, nodeId: 2, controllers: three, replicationFactor: 3, minInSyncReplicas: 2 },
    tls: { ...tls, clientsKeyStoreFile: '/tls/clients.pem' },
    advertised: { host: 'kafka.example', port: 443 },
    settings: { 'log.segment.bytes': '1048576', 'message.max.bytes': '2097152' },
  });
  expect(conf).toEqual(
    expect.arrayContaining([
      'controller.quorum.voters=1@127.0.0.1:9001,2@127.0.0.1:9002,3@127.0.0.1:9003',
      'advertised.listeners=CLIENTS://kafka.example:443,PEERS://127.0.0.1:9093',
      'listener.name.clients.ssl.keystore.location=/tls/clients.pem',
      'default.replication.factor=3',
      'min.insync.replicas=2',
      'transaction.state.log.min.isr=2',
      'controlled.shutdown.enable=false',
      'message.max.bytes=2097152',
    ]),
  );
  expect(conf.filter((line) => line.startsWith('log.segment.bytes='))).toEqual(['log.segment.bytes=1048576']);
});

test('a node whose number is not among the controllers is a broker alone', () => {
  const conf = lines({ ...minimal, nodeId: 4, controllers: three });
  expect(conf).toContain('process.roles=broker');
  expect(conf).toContain('listeners=CLIENTS://127.0.0.1:9092,PEERS://127.0.0.1:9093');
});

test('what means something in a properties file is escaped', () => {
  const conf = lines({ ...minimal, password: 'a"b\\c', settings: { banner: ' two\nlines' } });
  expect(conf.join('\n')).toContain(String.raw`password="a\\"b\\\\c" user_admin="a\\"b\\\\c";`);
  expect(conf).toContain(String.raw`banner=\ two\nlines`);
});
