import { mkdtempSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { AssemblyTools } from '../find/distribution.ts';
import { updatePublicFile } from '../local-process/files.ts';
import { signalProcess } from '../local-process/identity.ts';
import { startServer } from '../local-process/start.ts';
import { stopProcess } from '../local-process/stop.ts';
import { createAuthority, issueCertificate } from '../tls/authority.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { clusterNodes, type KafkaCluster } from './cluster.ts';
import { archivingOptions } from './java.ts';

const host = '127.0.0.1';
const memoryMiB = 128;
/** It takes 3 s on two idle cores. */
const writeTimeoutMs = 120_000;

/**
 * Runs a broker once, as up would, and has Java keep the classes that it has loaded: every later start takes 1.3 s of CPU instead of 2.1 s. The archive has
 * 50 MB. What it needs for this run lies beside the distribution's folder, which is the draft's.
 *
 * @throws {MillraceError} SERVER_START_FAILED when it does not start; it would not either when it is needed.
 */
export async function archiveClasses(home: string, { java, signal, onLaunched }: AssemblyTools): Promise<void> {
  const dir = mkdtempSync(join(dirname(home), 'archive-'));
  const [clients, peers, controller] = await unusedPorts(3);
  const cluster: KafkaCluster = {
    ...{ name: 'archive', programs: { java, home }, host, memoryMiB, password: 'for-this-run', replicationFactor: 1, minInSyncReplicas: 1 },
    nodes: [
      {
        ...{ name: 'kafka-archive', dir: join(dir, 'node'), logFile: join(dir, 'log') },
        ports: { clients: clients!, peers: peers!, controller: controller! },
      },
    ],
    tls: await ownTls(dir),
  };
  const server = clusterNodes(cluster)[0]!;
  const spec = { ...server.spec, args: archivingOptions(server.spec.args) };
  const launched = await startServer({ ...server, spec }, { signal, onLaunched });
  const giveUp = () => void signalProcess(launched, 'SIGKILL');
  signal?.addEventListener('abort', giveUp, { once: true });
  await stopProcess(launched, [{ signal: 'SIGTERM', graceMs: writeTimeoutMs }]);
  signal?.removeEventListener('abort', giveUp);
  signal?.throwIfAborted();
}

async function ownTls(dir: string): Promise<() => ServerTls> {
  const authority = await createAuthority();
  const caFile = join(dir, 'ca.pem');
  updatePublicFile(caFile, authority.cert);
  return () => ({ caFile, issue: () => issueCertificate(authority, { hosts: [host] }) });
}

async function unusedPorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen() {
  return new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => resolve(server));
  });
}
