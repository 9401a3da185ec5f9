import { isAbsolute } from 'node:path';
import { loadPeer } from '../connections/peer.ts';
import { MillraceError } from '../contracts/errors.ts';
import { ask, clientConfig } from './request.ts';

interface ParameterBinding {
  readonly document: unknown;
  readonly origin: string;
  readonly baseDir: string;
}

/**
 * The binding in the parameter `name` (or ARN; `:VERSION` or `:LABEL` at its end is understood) of AWS Systems Manager.
 *
 * @throws {MillraceError} BINDING_INVALID with the name and what to do, retriable when AWS throttles or does not answer; AWS_CREDENTIALS_UNAVAILABLE;
 * CLIENT_NOT_INSTALLED without `@aws-sdk/client-ssm` or `@aws-sdk/credential-providers`.
 */
export async function bindingFromParameter(name: string, parse: (text: string, origin: string) => unknown): Promise<ParameterBinding> {
  const origin = `parameter ${name}`;
  const document = parse(await readParameter(name), origin);
  refuseRelativePaths(document, origin);
  return { document, origin, baseDir: '/' };
}

async function readParameter(name: string): Promise<string> {
  const sdk = await loadPeer('@aws-sdk/client-ssm', () => import('@aws-sdk/client-ssm'));
  const client = new sdk.SSMClient(await clientConfig(name));
  const command = new sdk.GetParameterCommand({ Name: name, WithDecryption: true });
  return ask(client, { code: 'BINDING_INVALID', what: `binding parameter ${name}` }, async (abortSignal) => {
    const { Parameter } = await client.send(command, { abortSignal });
    return Parameter?.Value ?? '';
  });
}

/** A parameter lies in no folder. */
function refuseRelativePaths(document: unknown, origin: string): void {
  const paths = relativePaths(document, '');
  if (paths.length === 0) return;
  throw new MillraceError(
    'BINDING_INVALID',
    `binding from ${origin} has relative paths, and a parameter lies in no folder that they could start from: ${paths.join(', ')}; ` +
      'put secrets into AWS Secrets Manager and the topology into S3, or write absolute paths',
  );
}

function relativePaths(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { from, id, location } = value as Readonly<Record<string, unknown>>;
  if (from === 'file' && isRelative(id)) return [`${path}.id ${JSON.stringify(id)}`];
  if (path === 'topology' && isRelative(location)) return [`${path}.location ${JSON.stringify(location)}`];
  return Object.entries(value).flatMap(([key, entry]) => relativePaths(entry, path === '' ? key : `${path}.${key}`));
}

function isRelative(path: unknown): boolean {
  return typeof path === 'string' && !isAbsolute(path) && !/^[a-z0-9]+:\/\//i.test(path);
}
