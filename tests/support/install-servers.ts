import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSoftware } from '../../servers/find/index.ts';
import { allSoftware } from '../../servers/hostings.ts';
import { pythonWith } from './python.ts';

/**
 * Once before all tests: servers that are missing are installed or fetched, as `up` would, and the AWS stand-in with the stock gRPC client; where that is
 * not possible, one sentence says what to install. What plans carry along is packed.
 */
export default async function installServers(): Promise<void> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  await findSoftware(allSoftware, {
    env: process.env,
    cwd: tmpdir(),
    installLog: join(tmpdir(), 'millrace-install.log'),
    onInstall: (packages) => say(`installing ${packages.join(', ')} with apt-get (their own daemons are not started)`),
    onFetch: ({ title, megabytes, elapsedMs }) =>
      say(`fetching ${title} with Maven, once: ${megabytes} MB, ${Math.round(elapsedMs / 1_000)} s`),
  });
  await pythonWith();
  packFunctions(say);
}

/** Plans carry the code of functions: `make` packs it when a test needs it as it is, here it must only be there. */
function packFunctions(say: (text: string) => void): void {
  const archives = ['dist/lambda/apply.zip', 'dist/lambda/probe.zip'];
  const cwd = join(__dirname, '..', '..');
  if (archives.every((archive) => existsSync(join(cwd, archive)))) return;
  const { status, stderr } = spawnSync('make', ['--silent', ...archives], { cwd, encoding: 'utf8' });
  if (status !== 0) say(`tests of plans will fail, because functions could not be packed:\n${stderr}`);
}
