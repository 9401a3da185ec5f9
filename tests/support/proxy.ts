import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay between a client and a server, whose line a test can break in the ways a network does. */
export interface TestProxy {
  readonly host: string;
  readonly port: number;
  /** Sockets of clients that are open. */
  connections(): number;
  /** Swallows every byte of both sides while connections stay open, as a dropped route or a frozen host does; new connections are accepted and hang. */
  blackHole(): void;
  /** Ends the black hole; what was swallowed stays lost, so old connections are cut. */
  restore(): void;
  /** Resets every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a relay to `target` on a free port of 127.0.0.1. */
export async function startProxy(target: { host: string; port: number }): Promise<TestProxy> {
  const pairs = new Map<Socket, Socket | undefined>();
  let swallowing = false;
  const server = createServer((near) => {
    if (swallowing) {
      pairs.set(near, undefined);
      near.on('data', () => undefined);
    } else {
      pairs.set(
        near,
        join(near, target, () => swallowing),
      );
    }
    near.on('error', () => near.destroy());
    near.on('close', () => {
      pairs.get(near)?.destroy();
      pairs.delete(near);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const cut = (): void => {
    for (const near of pairs.keys()) near.resetAndDestroy();
  };
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    connections: () => pairs.size,
    blackHole() {
      swallowing = true;
    },
    restore() {
      swallowing = false;
      cut();
    },
    cut,
    close: () => closeServer(server, cut),
  };
}

function join(near: Socket, { host, port }: { host: string; port: number }, isSwallowing: () => boolean): Socket {
  const far = connect({ host, port });
  near.on('data', (bytes) => !isSwallowing() && far.write(bytes));
  far.on('data', (bytes) => !isSwallowing() && near.write(bytes));
  far.on('error', () => near.destroy());
  far.on('close', () => !isSwallowing() && near.destroy());
  return far;
}

function closeServer(server: Server, cut: () => void): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    cut();
  });
}
