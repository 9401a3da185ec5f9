import { loadPeer } from '../connections/peer.ts';
import { MillraceError } from '../contracts/errors.ts';
import { ask, clientConfig } from './request.ts';

/** Far above any topology; a larger object is not one. */
const maxBytes = 4 * 1_024 * 1_024;

/**
 * The object at `s3://BUCKET/KEY`, of at most 4 MiB.
 *
 * @throws {MillraceError} BINDING_INVALID with the address and what to do, retriable when AWS throttles or does not answer; AWS_CREDENTIALS_UNAVAILABLE;
 * CLIENT_NOT_INSTALLED without `@aws-sdk/client-s3` or `@aws-sdk/credential-providers`.
 */
export async function readObject(address: string): Promise<Buffer> {
  const { bucket, key } = parsed(address);
  const sdk = await loadPeer('@aws-sdk/client-s3', () => import('@aws-sdk/client-s3'));
  // The bucket may lie in another region than the process.
  const client = new sdk.S3Client({ ...(await clientConfig(address)), followRegionRedirects: true });
  const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key });
  return ask(client, { code: 'BINDING_INVALID', what: `topology at ${address}` }, async (abortSignal) => {
    const { Body } = await client.send(command, { abortSignal });
    return bounded((Body ?? []) as AsyncIterable<Uint8Array>, address);
  });
}

function parsed(address: string): { bucket: string; key: string } {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(address) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  throw new MillraceError('BINDING_INVALID', `topology must be at s3://BUCKET/KEY, got ${address}`);
}

/** Leaving the loop early closes the connection. */
async function bounded(body: AsyncIterable<Uint8Array>, address: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes)
      throw new MillraceError('BINDING_INVALID', `topology at ${address} is larger than ${maxBytes} bytes; it must be another object`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
