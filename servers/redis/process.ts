import { join } from 'node:path';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';
import { type ServerTls, writeCertificate } from '../tls/server-tls.ts';
import { type AclUser, renderAclFile } from './acl.ts';
import { askRedis, pingRedis } from './ask.ts';
import { type RedisSettings, renderRedisConf } from './config.ts';
import type { RedisTls } from './directives.ts';
import { sha256 } from './users.ts';

export interface RedisProcess {
  readonly name: string;
  /** Path of redis-server or valkey-server. */
  readonly program: string;
  /** Folder of configuration and data. */
  readonly dir: string;
  readonly logFile: string;
  /** Asked at every start: which server is the master changes. */
  readonly settings: () => Omit<RedisSettings, 'bind' | 'dir' | 'tls'> & { readonly host: string };
  /** Speak TLS on the port, and nothing else. @default plain text */
  readonly tls?: ServerTls | undefined;
  /** ACL users besides the default one, in a file that `ACL SAVE` may write to. @default no file: users are gone after a restart */
  readonly users?: readonly AclUser[] | undefined;
}

/** One Redis server as a local process. Its configuration is written anew at every start: nothing that `CONFIG REWRITE` or `ACL SAVE` put there survives. */
export function redisProcess({ name, program, dir, logFile, settings, tls, users }: RedisProcess): LocalServer {
  const conf = join(dir, 'redis.conf');
  const address = () => ({ ...settings(), caFile: tls?.caFile });
  return {
    spec: { name, program, args: [conf], cwd: dir, logFile },
    // A master first waits for replicas that lag, then writes its snapshot.
    stop: [{ signal: 'SIGTERM', graceMs: 10_000 }],
    readyTimeoutMs: 30_000,
    async prepare() {
      const { host, ...rest } = settings();
      makePrivateFolder(dir);
      const acl = users === undefined ? {} : { aclFile: join(dir, 'users.acl') };
      if (acl.aclFile !== undefined) writePrivateFile(acl.aclFile, renderAclFile(users ?? [], sha256(rest.password)));
      writePrivateFile(conf, renderRedisConf({ ...rest, ...acl, ...(await listenOn(rest.port, dir, tls)), bind: [host], dir }));
    },
    probe: () => pingRedis(address()),
    condition: () =>
      askRedis(address(), async (client) => (/^role:(\w+)/m.exec(await client.info('replication'))?.[1] ?? '').replace('slave', 'replica')),
  };
}

/** What a Redis program listens on: `port` in plain text, or with TLS and nothing else. */
export async function listenOn(
  port: number,
  dir: string,
  tls: ServerTls | undefined,
): Promise<{ readonly port: number; readonly tls?: RedisTls }> {
  return tls === undefined ? { port } : { port: 0, tls: { port, ...(await writeCertificate(dir, tls)) } };
}
