import { loadPeer } from '../connections/peer.ts';
import type { SecretRef } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';
import { ask, clientConfig } from './request.ts';
import { type ReadOptions, secretCache } from './secret-cache.ts';

/** Ids of versions have 32 characters or more; anything shorter is a stage, such as AWSPREVIOUS. */
const versionIdLength = 32;

/** One for the process: all connections of all bindings share what was read. */
const cached = secretCache();

/**
 * The secret `ref.id` (ARN or name) of AWS Secrets Manager, of `ref.version` (id of a version, or stage) or AWSCURRENT.
 *
 * @throws {MillraceError} SECRET_UNAVAILABLE with the ARN and what to do; retriable when AWS throttles or does not answer.
 * AWS_CREDENTIALS_UNAVAILABLE; CLIENT_NOT_INSTALLED without `@aws-sdk/client-secrets-manager` or `@aws-sdk/credential-providers`.
 */
export function readSecret({ id, version }: SecretRef, options?: ReadOptions): Promise<string> {
  return cached(JSON.stringify([id, version]), () => fetchSecret(id, version), options);
}

async function fetchSecret(id: string, version: string | undefined): Promise<string> {
  const sdk = await loadPeer('@aws-sdk/client-secrets-manager', () => import('@aws-sdk/client-secrets-manager'));
  const client = new sdk.SecretsManagerClient(await clientConfig(id));
  const command = new sdk.GetSecretValueCommand({ SecretId: id, ...versionOf(version) });
  const what = `secret ${id}${version === undefined ? '' : ` (version ${version})`} of AWS Secrets Manager`;
  return ask(client, { code: 'SECRET_UNAVAILABLE', what }, async (abortSignal) => {
    const { SecretString, SecretBinary } = await client.send(command, { abortSignal });
    const text = SecretString ?? Buffer.from(SecretBinary ?? []).toString('utf8');
    if (text === '') throw new MillraceError('SECRET_UNAVAILABLE', `${what} is empty; store the secret in it`, { retriable: false });
    return text;
  });
}

function versionOf(version: string | undefined): { VersionId?: string; VersionStage?: string } {
  if (version === undefined) return {};
  return version.length >= versionIdLength ? { VersionId: version } : { VersionStage: version };
}
