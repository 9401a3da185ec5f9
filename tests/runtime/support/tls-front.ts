import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { Certificate } from '../../../servers/tls/authority.ts';

/** TLS in front of a server that speaks TLS itself: shows another certificate, and may ask the client for one. */
export interface TlsFront {
  readonly port: number;
  close(): Promise<void>;
}

/** @param clientCa authority in PEM whose certificates clients have to show; none is asked for without it */
export async function tlsFront(
  { host, port, ca }: { host: string; port: number; ca: string },
  shown: Certificate,
  clientCa?: string,
): Promise<TlsFront> {
  const sockets = new Set<{ destroy(): void }>();
  const asked = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const server = createServer({ cert: shown.cert, key: shown.key, ...asked }, (near) => {
    const far = connect({ host, port, ca });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
