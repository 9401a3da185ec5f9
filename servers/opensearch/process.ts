import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { askHttp, type HttpAddress, type HttpAnswer } from '../local-process/ask-http.ts';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { Owner } from '../local-process/launch.ts';
import type { LocalServer } from '../local-process/start.ts';
import { type Certificate, createAuthority, issueCertificate } from '../tls/authority.ts';
import { certificateFiles, type ServerTls, writeCertificate } from '../tls/server-tls.ts';
import { renderOpenSearchYml } from './config.ts';
import { jvmArguments, log4j2Properties } from './jvm.ts';
import { adminUser, hashPassword, managerName, nodeName, securityFiles, userOf } from './security.ts';

export interface OpenSearchProcess {
  readonly name: string;
  /** Path of java. */
  readonly java: string;
  /** Folder of the distribution. */
  readonly home: string;
  /** Folder of configuration, data and snapshots; its parents must be open to `owner`. */
  readonly dir: string;
  readonly logFile: string;
  /** OpenSearch refuses to run as root. */
  readonly owner?: Owner | undefined;
  /** Of the user `admin`. */
  readonly password: string;
  readonly host: string;
  readonly port: number;
  /** Port of the protocol between nodes. */
  readonly transportPort: number;
  readonly heapMiB: number;
  /** Speak TLS to clients, and nothing else. @default plain text */
  readonly tls?: ServerTls | undefined;
  /** Further lines of opensearch.yml. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** What it takes to ask the server something. */
type Addressed = Pick<OpenSearchProcess, 'host' | 'port' | 'password'> & { readonly tls?: Pick<ServerTls, 'caFile'> | undefined };

/**
 * One OpenSearch server with the security plugin as a local process.
 *
 * Users are written into its index at the first start. Over TLS, a later start gives `admin` the password of then; in plain text the first one stays.
 */
export function openSearchProcess(server: OpenSearchProcess): LocalServer {
  const { name, java, home, dir, logFile, owner, password, heapMiB, tls } = server;
  const folders = foldersIn(dir);
  const address = addressOf(server);
  let manager: Certificate | undefined;
  const health = (query: string, signal: AbortSignal) => askHttp(address, { path: `/_cluster/health${query}`, signal });
  return {
    spec: {
      ...{ name, program: java, cwd: dir, logFile, owner },
      args: jvmArguments({ home, heapMiB, configDir: folders.config, tmpDir: folders.tmp }),
      // Every thread of a JVM would have a pool of memory of its own otherwise.
      env: { MALLOC_ARENA_MAX: '2' },
    },
    stop: [{ signal: 'SIGTERM', graceMs: 10_000 }],
    readyTimeoutMs: 120_000,
    async prepare() {
      manager = await writeFiles(server, folders);
    },
    async probe(signal) {
      const answer = await health('?wait_for_status=yellow&timeout=500ms', signal);
      if (answer.status === 401 && manager !== undefined && tls !== undefined) {
        const { cert, key } = manager;
        const path = `/_plugins/_security/api/internalusers/${adminUser}`;
        const body = userOf(await hashPassword(password));
        expectSuccess(await askHttp(address, { path, method: 'PUT', body, client: { cert, key }, signal }));
      }
      expectSuccess(answer);
    },
    async condition(signal) {
      const answer = await health('', signal);
      expectSuccess(answer);
      const { status, unassigned_shards: unassigned } = JSON.parse(answer.body) as { status: string; unassigned_shards: number };
      return unassigned === 0 ? status : `${status}, ${unassigned} unassigned ${unassigned === 1 ? 'shard' : 'shards'}`;
    },
  };
}

/** There is no second node to put a copy on: indices that do not ask for copies get none, instead of making the cluster yellow. */
export async function wantNoCopies(server: Addressed, signal: AbortSignal): Promise<void> {
  const body = { persistent: { 'cluster.default_number_of_replicas': 0 } };
  expectSuccess(await askHttp(addressOf(server), { path: '/_cluster/settings', method: 'PUT', body, signal }));
}

function addressOf({ host, port, password, tls }: Addressed): HttpAddress {
  return { host, port, user: adminUser, password, caFile: tls?.caFile };
}

function expectSuccess({ status, body }: HttpAnswer): void {
  if (status === 401) throw new Error(`${adminUser}'s password is refused; restore the first one, or start anew with \`down --wipe\``);
  if (status < 200 || status > 299) throw new Error(`status ${status}: ${body.slice(0, 200)}`);
}

function foldersIn(dir: string) {
  const config = join(dir, 'config');
  return {
    ...{ config, node: join(config, 'node'), security: join(config, 'opensearch-security') },
    ...{ data: join(dir, 'data'), logs: join(dir, 'logs'), snapshots: join(dir, 'snapshots'), tmp: join(dir, 'tmp') },
  };
}

/**
 * Writes everything that the process reads.
 *
 * Certificates that make one a node or the manager of users come from an authority of this start alone, whose key is nowhere: with the environment's own,
 * every other server's certificate would be as good.
 *
 * @returns the certificate of the manager.
 */
async function writeFiles(server: OpenSearchProcess, folders: ReturnType<typeof foldersIn>): Promise<Certificate> {
  const { name, owner, dir, tls, password } = server;
  // What a killed process has unpacked there would stay for ever.
  rmSync(folders.tmp, { recursive: true, force: true });
  for (const folder of [dir, ...Object.values(folders)]) makePrivateFolder(folder, owner);
  const authority = await createAuthority();
  const node = await issueCertificate(authority, { hosts: [nodeName] });
  const nodeFiles = await writeCertificate(folders.node, { caFile: certificateFiles(folders.node).caFile, issue: async () => node }, owner);
  const http = tls && { ...(await writeCertificate(folders.config, tls, owner)), clientCaFile: nodeFiles.caFile };
  const yml = renderOpenSearchYml({
    ...server,
    ...{
      clusterName: name,
      nodeName: name,
      folders,
      tls: http,
      nodeTls: nodeFiles,
      nodeDn: `CN=${nodeName}`,
      managerDn: `CN=${managerName}`,
    },
  });
  const write = (folder: string, file: string, text: string) => writePrivateFile(join(folder, file), text, owner);
  write(folders.config, 'opensearch.yml', yml);
  write(folders.config, 'log4j2.properties', log4j2Properties);
  for (const [file, text] of Object.entries(securityFiles(await hashPassword(password)))) write(folders.security, file, text);
  return issueCertificate(authority, { hosts: [managerName] });
}
