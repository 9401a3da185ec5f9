import { MillraceError } from '../contracts/errors.ts';
import { type AwsCredentialProvider, awsCredentials } from './credentials.ts';
import { awsFailure, type Wanted } from './failure.ts';

/** Longest wait for one answer, all attempts together; finding credentials comes on top. */
const totalTimeoutMs = 10_000;

interface ClientConfig {
  readonly credentials: AwsCredentialProvider;
  readonly maxAttempts: number;
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    /** Without it the SDK only writes to the console that time is up. */
    readonly throwOnRequestTimeout: true;
  };
  readonly region?: string;
}

/**
 * How clients of the AWS SDK are made here; an ARN knows its region, for anything else the SDK looks (`AWS_REGION`, profile).
 *
 * @throws {MillraceError} CLIENT_NOT_INSTALLED without `@aws-sdk/credential-providers`.
 */
export async function clientConfig(arnOrName: string): Promise<ClientConfig> {
  const region = /^arn:[^:]+:[^:]+:([^:]+):/.exec(arnOrName)?.[1];
  return {
    credentials: await awsCredentials(),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 4_000, throwOnRequestTimeout: true },
    ...(region !== undefined && { region }),
  };
}

interface Client {
  readonly config: { readonly region: () => Promise<string> };
  destroy(): void;
}

/** One answer of AWS, within 10 s. The client is closed afterwards: what is read here is read once, or every few minutes. */
export async function ask<T>(client: Client, wanted: Wanted, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    await requireRegion(client, wanted);
    return await request(AbortSignal.timeout(totalTimeoutMs));
  } catch (error) {
    throw awsFailure(error, wanted);
  } finally {
    client.destroy();
  }
}

async function requireRegion({ config }: Client, { code, what }: Wanted): Promise<void> {
  try {
    await config.region();
  } catch (cause) {
    throw new MillraceError(code, `${what} cannot be read: no AWS region is set; set AWS_REGION, or use an ARN`, {
      cause,
      retriable: false,
    });
  }
}
