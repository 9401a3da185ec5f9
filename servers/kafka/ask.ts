import { readFileSync } from 'node:fs';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { type Admin, Kafka, logLevel } from 'kafkajs';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** One broker, and how to prove who you are. */
export interface KafkaLogin extends BrokerAddress {
  readonly username: string;
  readonly password: string;
  /** PEM file of the authority that signed its certificate; plain text without. */
  readonly caFile?: string | undefined;
}

const answerTimeoutMs = 2_000;

/** One short conversation with a broker: connects once, does not retry, leaves no connection behind. */
export async function askKafka<T>(login: KafkaLogin, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>();
  const admin = clientOf(login, sockets).admin({ retry: { retries: 0 } });
  // The client would wait for an answer even to say good-bye.
  const giveUp = setTimeout(() => {
    for (const socket of sockets) socket.destroy(new Error(`no answer within ${answerTimeoutMs} ms`));
  }, answerTimeoutMs);
  try {
    await admin.connect();
    return await ask(admin);
  } finally {
    await admin.disconnect();
    clearTimeout(giveUp);
    for (const socket of sockets) socket.destroy();
  }
}

function clientOf({ host, port, username, password, caFile }: KafkaLogin, sockets: Set<Socket>): Kafka {
  return new Kafka({
    clientId: 'millrace-servers',
    brokers: [`${host}:${port}`],
    sasl: { mechanism: 'scram-sha-512', username, password },
    ...(caFile === undefined ? {} : { ssl: { ca: readFileSync(caFile, 'utf8') } }),
    connectionTimeout: 1_000,
    authenticationTimeout: answerTimeoutMs,
    requestTimeout: answerTimeoutMs,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
    socketFactory: ({ host: to, port: toPort, ssl, onConnect }) => {
      const target = { host: to, port: toPort };
      const socket = ssl
        ? tlsConnect({ ...target, ...(isIP(to) === 0 && { servername: to }), ...ssl }, onConnect)
        : netConnect(target, onConnect);
      sockets.add(socket);
      return socket;
    },
  });
}

/** Numbers of the brokers that this one knows to be in the cluster. */
export async function brokersSeenBy(login: KafkaLogin): Promise<number[]> {
  return askKafka(login, async (admin) => (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId));
}

/** How many partitions lack a copy that is up to date. */
export function underReplicated(topics: Awaited<ReturnType<Admin['fetchTopicMetadata']>>['topics']): number {
  const partitions = topics.flatMap((topic) => topic.partitions);
  return partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length;
}
