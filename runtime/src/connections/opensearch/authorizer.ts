import type { ConnectionRequestParams } from '@elastic/elasticsearch';
import type { AwsCredentialProvider } from '../../aws/credentials.ts';
import { requestSigner } from '../../aws/signer.ts';
import type { ServiceHandle } from '../../binding/index.ts';
import type { SecretRef } from '../../contracts/binding.ts';
import { MillraceError } from '../../contracts/errors.ts';

/** Headers by which a request proves who sends it. */
export type AuthHeaders = Readonly<Record<string, string>>;

/** Proves to a node who sends a request. */
export interface Authorizer {
  /** @param url of the node, with the path prefix it may have */
  headers(request: ConnectionRequestParams, url: URL): Promise<AuthHeaders>;
  /** After the server refused `refused`: whether other credentials are at hand now, so that one more attempt makes sense. */
  renewed(refused: AuthHeaders): Promise<boolean>;
}

/** A stolen look at the secret store for every refused request of a busy service would be a storm. */
const minRereadMs = 1_000;

/** The authorizer that the binding asks for. @throws {MillraceError} BINDING_INVALID, SECRET_UNAVAILABLE */
export async function authorizerFor(handle: ServiceHandle, credentials: AwsCredentialProvider | undefined): Promise<Authorizer> {
  const { auth, iam } = handle.service;
  switch (auth.mode) {
    case 'none':
      return { headers: async () => ({}), renewed: async () => false };
    case 'iam':
      if (iam === undefined) throw lacks(handle, 'iam');
      return signing(iam.region, iam.serverless === true ? 'aoss' : 'es', credentials);
    default:
      if (auth.username === undefined) throw lacks(handle, 'auth.username');
      if (auth.secretRef === undefined) throw lacks(handle, 'auth.secretRef');
      return basic(handle, auth.username, auth.secretRef);
  }
}

function lacks({ name, service }: ServiceHandle, part: string): MillraceError {
  return new MillraceError('BINDING_INVALID', `service ${name} has auth.mode ${service.auth.mode} and no ${part}; add it to the binding`);
}

async function basic(handle: ServiceHandle, username: string, secretRef: SecretRef): Promise<Authorizer> {
  const read = async (fresh: boolean): Promise<AuthHeaders> => {
    const password = await handle.secret(secretRef, { fresh });
    return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  };
  let current = await read(false);
  let readAt = 0;
  let reading: Promise<void> | undefined;
  const reread = async (): Promise<void> => {
    readAt = performance.now();
    current = await read(true);
  };
  return {
    headers: async () => current,
    async renewed(refused) {
      if (refused.authorization !== current.authorization) return true;
      if (reading === undefined && readAt !== 0 && performance.now() - readAt < minRereadMs) return false;
      reading ??= reread().finally(() => {
        reading = undefined;
      });
      await reading;
      return refused.authorization !== current.authorization;
    },
  };
}

/** The provider of the credentials renews them itself, so there is nothing to do after a refusal. */
function signing(region: string, service: 'es' | 'aoss', credentials: AwsCredentialProvider | undefined): Authorizer {
  const sign = requestSigner({ region, service, credentials });
  return {
    async headers({ method, path, querystring, headers = {}, body }, url) {
      // As it is sent: requests for what the client has no method for bring their query within the path.
      const target = querystring === undefined || querystring === '' ? path : `${path}?${querystring}`;
      const [plainPath, ...query] = target.split('?');
      const { host: _sentByTheClient, ...signed } = await sign({
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        path: `${pathPrefix(url)}${plainPath}`,
        query: queryOf(query.join('?')),
        headers: { ...textHeaders(headers), host: url.host },
        ...(isText(body) && { body }),
      });
      return signed;
    },
    renewed: async () => false,
  };
}

/** As the client puts it before the path of a request. */
function pathPrefix({ pathname }: URL): string {
  return pathname.replace(/\/$/, '');
}

function queryOf(querystring: string): Record<string, string[]> {
  const query = new URLSearchParams(querystring);
  return Object.fromEntries([...query.keys()].map((name) => [name, query.getAll(name)]));
}

function textHeaders(headers: NonNullable<ConnectionRequestParams['headers']>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
}

function isText(body: ConnectionRequestParams['body']): body is string | Buffer {
  return Buffer.isBuffer(body) || (typeof body === 'string' && body !== '');
}
