import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can lose sight of the connections on it. */
export interface ForgetfulRelay {
  readonly port: number;
  connections(): number;
  /** Resets every connection. */
  cut(): void;
  /** Lets nothing through on the connections that there are, as a firewall that has forgotten them; new ones are as before. */
  forget(): void;
  close(): Promise<void>;
}

/** Starts one to `target` on a free port of 127.0.0.1. */
export async function startForgetfulRelay(target: { host: string; port: number }): Promise<ForgetfulRelay> {
  const pairs = new Map<Socket, Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    pairs.set(near, far);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
    near.on('close', () => {
      far.destroy();
      pairs.delete(near);
    });
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const near of pairs.keys()) near.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => pairs.size,
    cut,
    forget() {
      for (const [near, far] of pairs) {
        near.unpipe(far).resume();
        far.unpipe(near).resume();
      }
    },
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
