import { loadPeer } from '../connections/peer.ts';
import { type AwsCredentialProvider, type AwsCredentials, awsCredentials, boundedProvider } from './credentials.ts';

/** A quarter of an hour is the least that STS gives; an apply takes seconds. */
const sessionSeconds = 900;
/** Requests that are signed now must still be valid when they arrive. */
const renewBeforeMs = 60_000;

/**
 * Credentials of the role that may administer a domain, assumed with those of this process when they are first needed.
 *
 * @param region of STS; as the process has it when absent.
 * @throws {MillraceError} CLIENT_NOT_INSTALLED without `@aws-sdk/credential-providers`. The provider throws AWS_CREDENTIALS_UNAVAILABLE.
 */
export async function assumedRole(roleArn: string, region: string | undefined): Promise<AwsCredentialProvider> {
  const [{ fromTemporaryCredentials }, masterCredentials] = await Promise.all([
    loadPeer('@aws-sdk/credential-providers', () => import('@aws-sdk/credential-providers')),
    awsCredentials(),
  ]);
  return kept(
    boundedProvider(
      fromTemporaryCredentials({
        masterCredentials,
        params: { RoleArn: roleArn, RoleSessionName: 'millrace-apply', DurationSeconds: sessionSeconds },
        ...(region !== undefined && { clientConfig: { region } }),
      }),
    ),
  );
}

/** A provider is called for every signature, and several at once. */
function kept(provider: AwsCredentialProvider): AwsCredentialProvider {
  let current: Promise<AwsCredentials> | undefined;
  let expiresAt = Number.POSITIVE_INFINITY;
  const renew = async (): Promise<AwsCredentials> => {
    const credentials = await provider();
    expiresAt = credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    return credentials;
  };
  return () => {
    if (current !== undefined && Date.now() < expiresAt - renewBeforeMs) return current;
    expiresAt = Number.POSITIVE_INFINITY;
    current = renew().catch((error: unknown) => {
      current = undefined;
      throw error;
    });
    return current;
  };
}
