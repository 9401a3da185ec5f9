import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { askPostgres } from '../../servers/postgres/process.ts';
import { askRedis } from '../../servers/redis/ask.ts';
import type { Certificate } from '../../servers/tls/authority.ts';
import { certificateFiles } from '../../servers/tls/server-tls.ts';
import type { TestPostgres } from './test-postgres.ts';
import type { TestRedis } from './test-redis.ts';

/**
 * Makes a running server show `certificate` from the next connection on; `restart()` brings a good one back.
 *
 * The servers of tests are asked over TLS whether they are ready, so none can be started with a certificate that does not hold.
 */
export async function showOnRedis(server: TestRedis, certificate: Certificate): Promise<void> {
  await askRedis(server, async (client) => {
    const { certFile, keyFile } = put(server.dir, certificate);
    await client.config('SET', 'tls-cert-file', certFile, 'tls-key-file', keyFile);
  });
}

/** As `showOnRedis`; the server takes it up a moment later. */
export async function showOnPostgres(server: TestPostgres, certificate: Certificate): Promise<void> {
  await askPostgres(server, async (client) => {
    put(dirname(server.dataDir), certificate);
    await client.query('select pg_reload_conf()');
  });
}

/** Into the files that are there, so that they stay those of the server's user. */
function put(dir: string, { cert, key }: Certificate): { certFile: string; keyFile: string } {
  const files = certificateFiles(dir);
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
  return files;
}
