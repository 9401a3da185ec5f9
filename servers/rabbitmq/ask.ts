import { readFileSync } from 'node:fs';
import { connect, type Options } from 'amqplib';
import { askHttp, askSuccess, type HttpAddress } from '../local-process/ask-http.ts';
import { adminUser, vhost } from './config.ts';

export interface RabbitAddress {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** PEM file of the authority that signed its certificate; plain text without. */
  readonly caFile?: string | undefined;
}

/** Returns once the node lets the administrator in; leaves no connection behind, whatever it answers. */
export async function openAndClose({ host, port, password, caFile }: RabbitAddress, signal: AbortSignal): Promise<void> {
  const line = new AbortController();
  const given = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const url = { hostname: host, port, username: adminUser, password, vhost: encodeURIComponent(vhost), heartbeat: 0 };
  try {
    await Promise.race([given, shakeHands({ ...url, protocol: caFile === undefined ? 'amqp' : 'amqps' }, caFile, line.signal)]);
  } finally {
    // amqplib only half-closes a socket, and waits without end for one that has gone silent.
    line.abort();
  }
}

async function shakeHands(url: Options.Connect, caFile: string | undefined, signal: AbortSignal): Promise<void> {
  const tls = caFile === undefined ? {} : { ca: readFileSync(caFile) };
  // Node destroys the socket when the signal comes; the types of amqplib do not know of it.
  const socket = { ...tls, signal, clientProperties: { connection_name: 'millrace probe' } };
  const connection = await connect(url, socket);
  // The end of the line is reported here as well; whoever waits is told by the promise.
  connection.on('error', () => undefined);
  await connection.close();
}

/** What the management interface says about the broker, in a word or three. */
export async function brokerCondition(management: HttpAddress, nodes: number, signal: AbortSignal): Promise<string> {
  const { status, body } = await askHttp(management, { path: '/api/health/checks/alarms', signal });
  const { alarms = [] } = JSON.parse(body) as { alarms?: readonly { resource: string }[] };
  if (alarms.length > 0) return [...new Set(alarms.map(({ resource }) => `${resource} alarm`))].join(', ');
  if (status !== 200) throw new Error(`the management interface answers with status ${status}`);
  if (nodes === 1) return 'running, no alarms';
  const running = await runningNodes(management, signal);
  return `${running} of ${nodes} nodes`;
}

/** Nodes that run in the cluster, as the asked one sees it. */
export async function runningNodes(management: HttpAddress, signal: AbortSignal): Promise<number> {
  const answer = await askSuccess(management, { path: '/api/nodes?columns=name,running', signal });
  const nodes = JSON.parse(answer) as { running: boolean }[];
  return nodes.filter(({ running }) => running).length;
}
