import { join } from 'node:path';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';
import { type ServerTls, writeCertificate } from '../tls/server-tls.ts';
import { brokerCondition, openAndClose } from './ask.ts';
import { adminUser, enabledPlugins, hashPassword, type RabbitSettings, renderDefinitions, renderRabbitConf } from './config.ts';
import { type NodeIdentity, nodeFiles, serverEnvironment } from './environment.ts';

export interface RabbitProcess extends NodeIdentity, Omit<RabbitSettings, 'definitionsFile' | 'tls'> {
  readonly name: string;
  /** Folder of RabbitMQ's programs. */
  readonly programs: string;
  readonly logFile: string;
  /** Of the user `admin`. */
  readonly password: string;
  /** Secret by which nodes and rabbitmqctl trust each other. */
  readonly cookie: string;
  /** Speak TLS to clients, and nothing else. @default plain text */
  readonly tls?: ServerTls | undefined;
}

/**
 * One RabbitMQ node as a local process; it needs the epmd of its cluster. It may run as root: the cookie alone lets others in, and its folder is private.
 *
 * At every start the administrator gets the password of then.
 */
export function rabbitProcess(node: RabbitProcess): LocalServer {
  const { name, programs, dir, logFile, host, port, managementPort, password, nodeNames, tls } = node;
  const caFile = tls?.caFile;
  return {
    spec: { name, program: join(programs, 'rabbitmq-server'), args: [], cwd: dir, logFile, env: serverEnvironment(node) },
    // 6 s as a rule, 5 of which the management agent waits for an answer that a stopping node cannot give.
    stop: [{ signal: 'SIGTERM', graceMs: 12_000 }],
    readyTimeoutMs: 90_000,
    prepare: () => writeFiles(node),
    probe: (signal) => openAndClose({ host, port, password, caFile }, signal),
    condition: (signal) => brokerCondition({ host, port: managementPort, user: adminUser, password, caFile }, nodeNames.length, signal),
  };
}

async function writeFiles(node: RabbitProcess): Promise<void> {
  const { dir, cookie, password, tls } = node;
  const files = nodeFiles(dir);
  makePrivateFolder(dir);
  writePrivateFile(files.cookie, cookie);
  writePrivateFile(files.plugins, enabledPlugins);
  writePrivateFile(files.definitions, renderDefinitions({ user: adminUser, passwordHash: hashPassword(password) }));
  const certificate = tls && (await writeCertificate(dir, tls));
  writePrivateFile(files.conf, renderRabbitConf({ ...node, definitionsFile: files.definitions, tls: certificate }));
}
