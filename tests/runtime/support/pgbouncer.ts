import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { unprivilegedOwner } from '../../../servers/local-process/owner.ts';
import { eventually } from '../../support/eventually.ts';
import { testFolder } from '../../support/folders.ts';
import { guardProcess } from '../../support/guard.ts';
import { freePorts } from '../../support/ports.ts';
import type { TestPostgres } from '../../support/servers.ts';

/** PgBouncer in transaction pooling before a PostgreSQL server. */
export interface TestPooler {
  /** Address of a database through the pooler. */
  through(url: string): string;
  /** A command of its console: `pause`, `resume`. */
  command(sql: string): Promise<void>;
  stop(): Promise<void>;
}

export const hasPgbouncer = ((): boolean => {
  try {
    execFileSync('pgbouncer', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

export async function startPooler(postgres: TestPostgres): Promise<TestPooler> {
  const folder = await testFolder('pgbouncer');
  const port = await freePorts();
  const users = join(folder.path, 'users');
  const config = join(folder.path, 'pgbouncer.ini');
  writeFileSync(users, `"${postgres.user}" "${postgres.password}"\n`);
  writeFileSync(
    config,
    `[databases]
* = host=${postgres.host} port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
admin_users = ${postgres.user}
pool_mode = transaction
default_pool_size = 6
server_login_retry = 0.2
ignore_startup_parameters = extra_float_digits
`,
  );
  for (const file of [users, config]) chmodSync(file, 0o644);
  const owner = unprivilegedOwner('postgres', 'nobody');
  const child = spawn('pgbouncer', ['-q', config], { stdio: 'ignore', ...(owner && { uid: owner.uid, gid: owner.gid }) });
  const release = guardProcess(child.pid!);
  const url = (database: string) => `postgres://${postgres.user}:${postgres.password}@127.0.0.1:${port}/${database}`;
  const command = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: url('pgbouncer') });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await eventually(() => command('show version').then(() => true), { what: 'pgbouncer answers' });
  return {
    through: (direct) => url(new URL(direct).pathname.slice(1)),
    command,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      release();
      await folder.remove();
    },
  };
}
