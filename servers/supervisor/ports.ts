import { createServer } from 'node:net';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { listenerOn } from './holders.ts';

/** Gives out port numbers from `base` upwards, never one of `taken`. */
export function portsFrom(base: number, taken: Iterable<number>): () => number {
  const given = new Set(taken);
  return () => {
    let port = base;
    while (given.has(port)) port++;
    given.add(port);
    return port;
  };
}

/** @throws {MillraceError} PORT_IN_USE naming every port of `wanted` that somebody listens on, and who. */
export async function requireFreePorts(host: string, wanted: readonly { readonly name: string; readonly port: number }[]): Promise<void> {
  const checked = await Promise.all(wanted.map(async (server) => ({ ...server, free: await canListen(host, server.port) })));
  const held = checked.filter(({ free }) => !free);
  if (held.length === 0) return;
  const what = held.map(({ name, port }) => `port ${port} for ${name} is held by ${holder(port)}`).join(', ');
  throw new MillraceError('PORT_IN_USE', `${what}; stop that process, or choose another engine.ports.base in the environment`);
}

function holder(port: number): string {
  const pid = listenerOn(port);
  return pid === undefined ? 'another process (of which user is not known here)' : `process ${pid}`;
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else
        reject(
          new MillraceError('PORT_IN_USE', `port ${port} cannot be used (${error.code}); choose another engine.ports.base`, {
            cause: error,
          }),
        );
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
