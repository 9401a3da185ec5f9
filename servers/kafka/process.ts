import { join } from 'node:path';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { askKafka, brokersSeenBy, type KafkaLogin, underReplicated } from './ask.ts';
import { type KafkaSettings, type KafkaTls, renderServerProperties } from './config.ts';
import { dataFolder, type FormatTarget } from './format.ts';
import { javaOptions, type KafkaPrograms, log4jFile, log4jProperties } from './java.ts';

export interface KafkaProcess {
  readonly name: string;
  readonly programs: KafkaPrograms;
  /** Folder of configuration and data. */
  readonly dir: string;
  readonly logFile: string;
  /** Heap; the process takes 100 to 150 MiB more. */
  readonly memoryMiB: number;
  readonly settings: Omit<KafkaSettings, 'dataDir' | 'tls'>;
  /** Fills the folder of a new node, and refuses that of another cluster. */
  readonly format: (target: FormatTarget, signal: AbortSignal | undefined) => Promise<void>;
  /** Brokers that the cluster has when all are up. */
  readonly brokers: number;
  /** @default plain text */
  readonly tls?: ServerTls | undefined;
  /** What clients are shown instead. @default tls */
  readonly clientsTls?: Pick<ServerTls, 'issue'> | undefined;
}

/** One broker, and controller when its number is among theirs, as a local process. */
export function kafkaProcess(server: KafkaProcess): LocalServer {
  const { name, programs, dir, logFile, memoryMiB, settings, format, brokers, tls } = server;
  const conf = join(dir, 'server.properties');
  const { nodeId, host, ports, username, password } = settings;
  const login: KafkaLogin = { host, port: ports.clients, username, password, caFile: tls?.caFile };
  return {
    spec: { name, program: programs.java, args: [...javaOptions(dir, memoryMiB), 'kafka.Kafka', conf], cwd: programs.home, logFile },
    // Flushes and closes its logs, so that the next start need not check them.
    stop: [{ signal: 'SIGTERM', graceMs: 8_000 }],
    readyTimeoutMs: 60_000,
    async prepare(signal) {
      makePrivateFolder(dir);
      writePrivateFile(log4jFile(dir), log4jProperties);
      const files = await writeKeyStores(server);
      const properties = (dataDir: string) => renderServerProperties({ ...settings, tls: files, dataDir });
      await format({ name, nodeId, dir, properties, logFile }, signal);
      writePrivateFile(conf, properties(dataFolder(dir)));
    },
    probe: async () => {
      const seen = await brokersSeenBy(login);
      if (!seen.includes(nodeId)) throw new Error('it has not been let into the cluster yet');
    },
    condition: () =>
      askKafka(login, async (admin) => {
        const [cluster, { topics }] = [await admin.describeCluster(), await admin.fetchTopicMetadata()];
        const lagging = underReplicated(topics);
        const copies = lagging === 0 ? [] : [`under-replicated partitions: ${lagging}`];
        return [`${cluster.brokers.length} of ${brokers} brokers`, ...copies].join(', ');
      }),
  };
}

/** Kafka wants the private key and the certificate in one file. */
async function writeKeyStores({ dir, tls, clientsTls }: KafkaProcess): Promise<KafkaTls | undefined> {
  if (tls === undefined) return undefined;
  const [own, clients] = await Promise.all([tls.issue(), clientsTls?.issue()]);
  const write = (file: string, text: string): string => {
    writePrivateFile(join(dir, file), text);
    return join(dir, file);
  };
  return {
    caFile: write('ca.pem', own.ca),
    keyStoreFile: write('server.pem', own.key + own.cert),
    ...(clients && { clientsKeyStoreFile: write('clients.pem', clients.key + clients.cert) }),
  };
}
