import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPrograms } from '../../servers/find/index.ts';
import { postgresProgram } from '../../servers/postgres/program.ts';
import { redisProgram } from '../../servers/redis/program.ts';

/** Once before all tests: on Debian as root, servers that are missing are installed, as `up` would; elsewhere one sentence says what to install. */
export default async function installServers(): Promise<void> {
  await findPrograms([redisProgram, postgresProgram], {
    env: process.env,
    cwd: tmpdir(),
    installLog: join(tmpdir(), 'millrace-apt.log'),
    onInstall: (packages) => process.stderr.write(`installing ${packages.join(', ')} with apt-get (their own daemons are not started)\n`),
  });
}
