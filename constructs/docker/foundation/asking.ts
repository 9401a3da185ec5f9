import type { Files } from '../../../servers/containers/manifest.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { certificatePaths, paths } from './paths.ts';

/** A request that tells whether a server answers; its password travels in a file, not among the arguments. */
export interface Asking {
  readonly files: Files;
  readonly command: readonly string[];
}

/** Asks over HTTP, as `admin` with the password of that name. */
export function askingHttp(
  url: { readonly port: number; readonly path: string },
  { tls, user, password }: { readonly tls: boolean; readonly user: string; readonly password: string },
): Asking {
  const lines = [
    `url = "${tls ? 'https' : 'http'}://localhost:${url.port}${url.path}"`,
    ...(tls ? [`cacert = "${certificatePaths.caFile}"`] : []),
    `user = "${user}:${given.password(password)}"`,
    ...['silent', 'show-error', 'fail', 'max-time = 4', 'output = "/dev/null"'],
  ];
  return { files: { 'health.curl': `${lines.join('\n')}\n` }, command: ['curl', '--config', `${paths.configuration}/health.curl`] };
}

/** Asks a Redis program; its client ends well with most refusals too, so the answer is looked at. */
export function askingRedis(
  port: number,
  words: readonly string[],
  answer: RegExp,
  { tls, password }: { readonly tls: boolean; readonly password: string },
): Asking {
  const client = [
    'redis-cli',
    '--no-auth-warning',
    ...(tls ? ['--tls', '--cacert', certificatePaths.caFile] : []),
    '-h',
    'localhost',
    '-p',
    String(port),
  ];
  const script = `export REDISCLI_AUTH='${given.password(password)}'\n${[...client, ...words].join(' ')} | grep -q '${answer.source}'\n`;
  return { files: { health: script }, command: ['bash', '-o', 'pipefail', `${paths.configuration}/health`] };
}

/** Whether somebody listens on the port. */
export function askingPort(port: number): readonly string[] {
  return ['bash', '-c', `exec 3<> /dev/tcp/localhost/${port}`];
}
