import { type AwsCredentialProvider, awsCredentials } from './credentials.ts';
import { signatureV4 } from './signer.ts';

/** A password for some minutes. */
export interface IamToken {
  readonly token: string;
  /** When a server refuses it at the latest: its own end, or that of the credentials it was signed with. */
  readonly expiresAt: Date;
}

/** Longest life that both services give a token. */
const lifetimeSeconds = 900;

export interface ElastiCacheTokenOptions {
  /** Id of the user, which is also its name. */
  readonly username: string;
  /** Id of the replication group, or name of the serverless cache; not the host. */
  readonly cacheName: string;
  readonly region: string;
  /** @default false */
  readonly serverless?: boolean | undefined;
  /** @default the chain of the AWS SDK */
  readonly credentials?: AwsCredentialProvider | undefined;
}

/**
 * Password of an ElastiCache user that proves itself through IAM; good for 15 minutes to open connections, which then live up to 12 hours.
 *
 * Made here, without a request to AWS: whether AWS accepts it, the server says.
 *
 * @throws {MillraceError} AWS_CREDENTIALS_UNAVAILABLE; CLIENT_NOT_INSTALLED without `@smithy/signature-v4`.
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
 */
export async function elastiCacheToken(options: ElastiCacheTokenOptions): Promise<IamToken> {
  const { username, region, serverless = false, credentials } = options;
  const query = { Action: 'connect', User: username, ...(serverless && { ResourceType: 'ServerlessCache' }) };
  // ElastiCache keeps names in lower case, however they were given.
  const host = options.cacheName.toLowerCase();
  const { signedQuery, expiresAt } = await presigned({ service: 'elasticache', region, credentials, host, query, protocol: 'http:' });
  return { token: `${host}/?${queryText(signedQuery)}`, expiresAt };
}

export interface MskTokenOptions {
  readonly region: string;
  /** @default the chain of the AWS SDK */
  readonly credentials?: AwsCredentialProvider | undefined;
}

/**
 * Bearer token for SASL/OAUTHBEARER of Amazon MSK (IAM access control); good for 15 minutes, after which brokers want a new one.
 *
 * Made here, without a request to AWS: whether AWS accepts it, the broker says.
 *
 * @throws {MillraceError} AWS_CREDENTIALS_UNAVAILABLE; CLIENT_NOT_INSTALLED without `@smithy/signature-v4`.
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/iam-access-control.html
 */
export async function mskToken({ region, credentials }: MskTokenOptions): Promise<IamToken> {
  const host = `kafka.${region}.amazonaws.com`;
  const query = { Action: 'kafka-cluster:Connect' };
  const { signedQuery, expiresAt } = await presigned({ service: 'kafka-cluster', region, credentials, host, query, protocol: 'https:' });
  // Outside the signature: brokers log it.
  const url = `https://${host}/?${queryText({ ...signedQuery, 'User-Agent': 'millrace' })}`;
  return { token: Buffer.from(url).toString('base64url'), expiresAt };
}

interface PresignOptions {
  readonly service: string;
  readonly region: string;
  readonly credentials: AwsCredentialProvider | undefined;
  readonly protocol: string;
  readonly host: string;
  readonly query: Readonly<Record<string, string>>;
}

async function presigned(options: PresignOptions): Promise<{ signedQuery: Record<string, string>; expiresAt: Date }> {
  const { service, region, protocol, host, query } = options;
  // Once, so that the end of the token is that of the credentials in it.
  const identity = await (options.credentials ?? (await awsCredentials()))();
  const signer = await signatureV4({ service, region, credentials: async () => identity });
  const signingDate = new Date();
  const request = { method: 'GET', protocol, hostname: host, path: '/', query: { ...query }, headers: { host } };
  const signed = await signer.presign(request, { expiresIn: lifetimeSeconds, signingDate });
  const ends = signingDate.getTime() + lifetimeSeconds * 1_000;
  return {
    signedQuery: signed.query as Record<string, string>,
    expiresAt: new Date(Math.min(ends, identity.expiration?.getTime() ?? ends)),
  };
}

function queryText(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .join('&');
}

/** As RFC 3986 wants it, which AWS signs by; `encodeURIComponent` leaves five signs alone. */
function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
