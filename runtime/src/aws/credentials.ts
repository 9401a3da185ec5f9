import { loadPeer } from '../connections/peer.ts';
import { MillraceError } from '../contracts/errors.ts';

/** What requests to AWS are signed with. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Present with temporary credentials, as of a task role. */
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Gives credentials that are valid now; called for every signature, so it keeps them itself. */
export type AwsCredentialProvider = () => Promise<AwsCredentials>;

/** Longest wait for the whole chain: files, a program, the metadata service of a container or an instance. */
const chainTimeoutMs = 10_000;
/** Off AWS the metadata service does not answer; its address only times out. */
const metadata = { timeout: 1_000, maxRetries: 2 };

const ignore = (): void => undefined;
/** The SDK writes its advice to the console otherwise. */
const quiet = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

let shared: AwsCredentialProvider | undefined;

/**
 * The credential chain of the AWS SDK (variables, profile, SSO, web identity, container, instance), one for the process; it keeps credentials and renews
 * them before they expire.
 *
 * The provider throws AWS_CREDENTIALS_UNAVAILABLE when there are none, or none came within 10 s.
 *
 * @throws {MillraceError} CLIENT_NOT_INSTALLED without `@aws-sdk/credential-providers`.
 */
export async function awsCredentials(): Promise<AwsCredentialProvider> {
  const { fromNodeProviderChain } = await loadPeer('@aws-sdk/credential-providers', () => import('@aws-sdk/credential-providers'));
  shared ??= boundedProvider(fromNodeProviderChain({ ...metadata, logger: quiet }));
  return shared;
}

/** `provider` with a limit to its patience, and one kind of error. */
export function boundedProvider(provider: AwsCredentialProvider, timeoutMs: number = chainTimeoutMs): AwsCredentialProvider {
  return async () => {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unavailable(`none came within ${timeoutMs} ms`)), timeoutMs);
    });
    const credentials = provider().catch((cause: unknown) => {
      throw unavailable(cause instanceof Error ? cause.message : 'no reason given', cause);
    });
    try {
      return await Promise.race([credentials, limit]);
    } finally {
      clearTimeout(timer);
    }
  };
}

function unavailable(reason: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'AWS_CREDENTIALS_UNAVAILABLE',
    `no AWS credentials: ${reason}; give the process a task role or an instance profile, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    { cause },
  );
}
