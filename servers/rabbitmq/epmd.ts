import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makePrivateFolder } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';

export interface EpmdProcess {
  readonly name: string;
  /** Folder of Erlang's programs. */
  readonly erlang: string;
  readonly dir: string;
  readonly logFile: string;
  readonly host: string;
  readonly port: number;
}

/** NAMES_REQ of the protocol of epmd: length of the request, then its tag. */
const namesRequest = Buffer.from([0, 1, 'n'.charCodeAt(0)]);

/**
 * Erlang's port mapper, through which the nodes of one cluster and rabbitmqctl find each other.
 *
 * Each cluster has its own: two environments never meet, and none is left behind, as the one would be that Erlang starts by itself.
 */
export function epmdProcess({ name, erlang, dir, logFile, host, port }: EpmdProcess): LocalServer {
  return {
    spec: { name, program: join(erlang, 'epmd'), args: ['-address', host, '-port', String(port)], cwd: dir, logFile },
    stop: [{ signal: 'SIGTERM', graceMs: 2_000 }],
    readyTimeoutMs: 5_000,
    prepare: () => makePrivateFolder(dir),
    probe: (signal) => askNames(host, port, signal),
  };
}

/** It answers with its own port, then with the names that it knows. */
async function askNames(host: string, port: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port });
  try {
    socket.end(namesRequest);
    const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
    if (answer.length < 4 || answer.readUInt32BE(0) !== port) throw new Error(`whoever listens on port ${port} is no epmd`);
  } finally {
    socket.destroy();
  }
}
