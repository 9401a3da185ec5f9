import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import type { SignatureV4 } from '@smithy/signature-v4';
import { loadPeer } from '../connections/peer.ts';
import { type AwsCredentialProvider, awsCredentials } from './credentials.ts';

/** Whose requests are signed for which service. */
export interface SigningScope {
  readonly region: string;
  /** Name that AWS signs the service under: `es` for OpenSearch domains, `aoss` for OpenSearch Serverless. */
  readonly service: string;
  /** @default the chain of the AWS SDK */
  readonly credentials?: AwsCredentialProvider | undefined;
}

/** A request as it goes over the wire: path and query in the form that is sent. */
export interface SignableRequest {
  readonly method: string;
  /** `https:` */
  readonly protocol: string;
  readonly hostname: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** Decoded names and values. */
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
}

/** The signer of `@smithy/signature-v4` for `scope`. @throws {MillraceError} CLIENT_NOT_INSTALLED without it. */
export async function signatureV4({ region, service, credentials }: SigningScope): Promise<SignatureV4> {
  const [smithy, provider] = await Promise.all([
    loadPeer('@smithy/signature-v4', () => import('@smithy/signature-v4')),
    credentials ?? awsCredentials(),
  ]);
  return new smithy.SignatureV4({ region, service, credentials: provider, sha256: Sha256 });
}

/**
 * Signs requests with Signature Version 4: gives the headers to add (`authorization`, `x-amz-*`, `host`).
 *
 * Host, `content-type` and `x-amz-*` are signed and must arrive as they are; other headers may be changed on the way. A body that is a stream cannot be signed.
 *
 * @throws {MillraceError} AWS_CREDENTIALS_UNAVAILABLE; CLIENT_NOT_INSTALLED without `@smithy/signature-v4`.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function requestSigner(scope: SigningScope): (request: SignableRequest) => Promise<Record<string, string>> {
  let signer: Promise<SignatureV4> | undefined;
  return async ({ query = {}, headers, ...request }) => {
    signer ??= signatureV4(scope).catch((error: unknown) => {
      signer = undefined;
      throw error;
    });
    const signed = await (await signer).sign({
      ...request,
      query: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]])),
      headers: signedHeaders(headers, request.hostname),
    });
    return signed.headers;
  };
}

function signedHeaders(headers: SignableRequest['headers'], hostname: string): Record<string, string> {
  const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { host: hostname, ...Object.fromEntries(lowerCase.filter(([name]) => /^(host|content-type|x-amz-.*)$/.test(name))) };
}

/** SHA-256 of Node as the signer wants it: an HMAC when there is a key. */
class Sha256 {
  readonly #key: string | Uint8Array | undefined;
  #state: Hash | Hmac;

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#key = typeof key === 'string' || key === undefined ? key : bytesOf(key);
    this.#state = this.#begin();
  }

  #begin(): Hash | Hmac {
    return this.#key === undefined ? createHash('sha256') : createHmac('sha256', this.#key);
  }

  reset(): void {
    this.#state = this.#begin();
  }

  update(chunk: Uint8Array): void {
    this.#state.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#state.digest();
  }
}

function bytesOf(source: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
}
