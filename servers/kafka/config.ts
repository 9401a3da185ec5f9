import type { BrokerAddress } from './ask.ts';

/** Paths of PEM files on the machine that the broker runs on; a key store is a private key and the certificate that belongs to it. */
export interface KafkaTls {
  readonly caFile: string;
  readonly keyStoreFile: string;
  /** What clients are shown, where that differs from what brokers show each other. */
  readonly clientsKeyStoreFile?: string | undefined;
}

/** Everything that server.properties says, whoever hosts the broker. */
export interface KafkaSettings {
  readonly nodeId: number;
  /** Address to listen on. */
  readonly host: string;
  readonly ports: KafkaPorts;
  /** Folder of the logs. */
  readonly dataDir: string;
  /** The nodes that vote, by number; every other one is a broker alone. */
  readonly controllers: readonly (BrokerAddress & { readonly nodeId: number })[];
  readonly replicationFactor: number;
  readonly minInSyncReplicas: number;
  /** The super user's. */
  readonly username: string;
  readonly password: string;
  /** @default plain text */
  readonly tls?: KafkaTls | undefined;
  /** How clients reach this broker, where that differs from the address it listens on. */
  readonly advertised?: BrokerAddress | undefined;
  /** Further lines; one that stands here replaces the one of the same name. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

export interface KafkaPorts {
  readonly clients: number;
  /** For clients that reach `host` itself, where `advertised` is an address for the others. @default none: there is one kind of clients */
  readonly network?: number;
  /** For the other brokers: what leads clients through a proxy must not lead replication through it. */
  readonly peers: number;
  readonly controller: number;
}

/** The super user's name. */
export const superUser = 'admin';

/** How many of the nodes vote: two would have to be up both, so there is one, or three of which any may be down. */
export function votersAmong(nodes: number): number {
  return nodes < 3 ? 1 : 3;
}

/** server.properties for `settings`. */
export function renderServerProperties(settings: KafkaSettings): string {
  const lines = {
    ...clusterLines(settings),
    ...listenerLines(settings),
    ...(settings.tls === undefined ? plainLines(settings) : tlsLines(settings.tls, settings.username)),
    ...accessLines(settings),
    ...copyLines(settings),
    ...shutdownLines(settings),
    ...smallMachine,
    ...quickReaction,
    ...settings.settings,
  };
  return `${Object.entries(lines)
    .map(([name, value]) => `${name}=${escaped(value)}`)
    .join('\n')}\n`;
}

type Lines = Record<string, string>;

function clusterLines({ nodeId, controllers, dataDir }: KafkaSettings): Lines {
  const votes = controllers.some((controller) => controller.nodeId === nodeId);
  return {
    'process.roles': votes ? 'broker,controller' : 'broker',
    'node.id': String(nodeId),
    'controller.quorum.voters': controllers.map((controller) => `${controller.nodeId}@${controller.host}:${controller.port}`).join(','),
    'log.dirs': dataDir,
  };
}

function listenerLines({ nodeId, controllers, host, ports, advertised, tls }: KafkaSettings): Lines {
  const votes = controllers.some((controller) => controller.nodeId === nodeId);
  const network = ports.network === undefined ? [] : [`NETWORK://${host}:${ports.network}`];
  const listeners = [`CLIENTS://${host}:${ports.clients}`, `PEERS://${host}:${ports.peers}`, ...network];
  const clients = advertised ?? { host, port: ports.clients };
  const [forClients, forPeers] = tls === undefined ? ['SASL_PLAINTEXT', 'SASL_PLAINTEXT'] : ['SASL_SSL', 'SSL'];
  return {
    listeners: [...listeners, ...(votes ? [`CONTROLLER://${host}:${ports.controller}`] : [])].join(','),
    'advertised.listeners': [`CLIENTS://${clients.host}:${clients.port}`, `PEERS://${host}:${ports.peers}`, ...network].join(','),
    'listener.security.protocol.map': [
      ...[`CLIENTS:${forClients}`, `PEERS:${forPeers}`, `CONTROLLER:${forPeers}`],
      ...network.map(() => `NETWORK:${forClients}`),
    ].join(','),
    'inter.broker.listener.name': 'PEERS',
    'controller.listener.names': 'CONTROLLER',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    ...passwordLines('clients'),
    ...(network.length > 0 && passwordLines('network')),
  };
}

function passwordLines(listener: 'clients' | 'network'): Lines {
  return {
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: 'SCRAM-SHA-512',
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  };
}

/** Servers of one cluster know each other by certificates of their authority, all of which stand for the super user: no password has to be kept here. */
function tlsLines({ caFile, keyStoreFile, clientsKeyStoreFile }: KafkaTls, username: string): Lines {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keyStoreFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': caFile,
    'listener.name.peers.ssl.client.auth': 'required',
    'listener.name.controller.ssl.client.auth': 'required',
    'ssl.principal.mapping.rules': `RULE:^.*$/${username}/`,
    ...(clientsKeyStoreFile === undefined ? {} : { 'listener.name.clients.ssl.keystore.location': clientsKeyStoreFile }),
  };
}

/** Without certificates they present the password, by a mechanism that needs no credentials in the cluster's own metadata, which is not there yet. */
function plainLines({ username, password }: KafkaSettings): Lines {
  const quoted = JSON.stringify(password);
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required username="${username}" password=${quoted} user_${username}=${quoted};`;
  return {
    // Kafka asks that the list for all listeners has it too.
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.peers.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.peers.plain.sasl.jaas.config': login,
    'listener.name.controller.plain.sasl.jaas.config': login,
  };
}

/** As Amazon MSK has it: whoever has proved who he is may do everything until somebody writes an ACL about the topic, group or cluster. */
function accessLines({ username }: KafkaSettings): Lines {
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'true',
    'super.users': `User:${username}`,
    // Topics are declared; one that a client misspells must not come to be.
    'auto.create.topics.enable': 'false',
  };
}

/** What applications do not set per topic, and the topics of the servers themselves. */
function copyLines({ replicationFactor, minInSyncReplicas }: KafkaSettings): Lines {
  const [copies, inSync] = [String(replicationFactor), String(minInSyncReplicas)];
  return {
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
  };
}

/**
 * A broker that leaves in good order hands its partitions over, and is let in again at once; otherwise only when its session has timed out. But brokers are
 * stopped together: with three controllers the last would wait for minutes for those that must agree and are gone.
 */
function shutdownLines({ nodeId, controllers }: KafkaSettings): Lines {
  const rulesAlone = controllers.length === 1 && controllers[0]!.nodeId === nodeId;
  return { 'controlled.shutdown.enable': String(rulesAlone) };
}

/** The defaults are for a machine of its own: 50 partitions of offsets, 128 MiB to compact with, a thread for every kind of work on every core. */
const smallMachine: Lines = {
  'offsets.topic.num.partitions': '8',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.num.partitions': '4',
  'num.network.threads': '2',
  'listener.name.peers.num.network.threads': '1',
  'listener.name.controller.num.network.threads': '1',
  'num.io.threads': '4',
  'num.replica.fetchers': '1',
  'num.recovery.threads.per.data.dir': '1',
  'background.threads': '2',
  'group.coordinator.threads': '1',
  'share.coordinator.threads': '1',
  'log.cleaner.threads': '1',
  'log.cleaner.dedupe.buffer.size': '16777216',
  // Only whole segments are deleted, so retention is seen with little data too.
  'log.segment.bytes': '67108864',
  'log.retention.check.interval.ms': '10000',
};

/** A developer waits: nothing between brokers of one machine takes seconds, and a consumer that starts alone need not wait 3 s for others. */
const quickReaction: Lines = {
  'broker.heartbeat.interval.ms': '500',
  'broker.session.timeout.ms': '3000',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
};

/** Backslashes and line breaks mean something in a properties file, and a blank at the start is dropped. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replace(/^ /, '\\ ');
}
