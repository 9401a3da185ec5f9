import type { ServiceHandle } from '../binding/index.ts';

/** Options of `tls.connect` that the binding asks for; undefined where the service speaks plain text. */
export interface TlsOptions {
  readonly ca?: string;
  readonly servername?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads certificates through their references. A client certificate is one PEM text with certificate and key. */
export async function tlsOptions(handle: ServiceHandle): Promise<TlsOptions | undefined> {
  const { tls } = handle.service;
  if (tls === undefined) return undefined;
  const [ca, client] = await Promise.all([
    tls.caRef === undefined ? undefined : handle.secret(tls.caRef),
    tls.clientCertRef === undefined ? undefined : handle.secret(tls.clientCertRef),
  ]);
  return {
    ...(ca !== undefined && { ca }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    ...(client !== undefined && { cert: client, key: client }),
  };
}
