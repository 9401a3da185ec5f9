import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 that nobody listens on, and as many following ones.
 *
 * Not one that the system hands out (`listen(0)`): those are also the source ports of outgoing connections, so a client that keeps trying to reach a
 * stopped server there can end up connected to itself, and the server cannot come back.
 */
export async function freePorts(count = 1): Promise<number> {
  for (;;) {
    const first = randomInt(20_000, 32_000 - count);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
