import { join } from 'node:path';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';
import { pingRedis } from './ask.ts';
import { type RedisSettings, renderRedisConf } from './config.ts';

export interface RedisProcess {
  readonly name: string;
  /** Path of redis-server or valkey-server. */
  readonly program: string;
  /** Folder of configuration and data. */
  readonly dir: string;
  readonly logFile: string;
  /** Asked at every start: which server is the master changes. */
  readonly settings: () => Omit<RedisSettings, 'bind' | 'dir'> & { readonly host: string };
}

/** One Redis server as a local process. Its configuration is written anew at every start: nothing that `CONFIG REWRITE` put there survives. */
export function redisProcess({ name, program, dir, logFile, settings }: RedisProcess): LocalServer {
  const conf = join(dir, 'redis.conf');
  return {
    spec: { name, program, args: [conf], cwd: dir, logFile },
    // A master first waits for replicas that lag, then writes its snapshot.
    stop: [{ signal: 'SIGTERM', graceMs: 10_000 }],
    readyTimeoutMs: 30_000,
    prepare() {
      const { host, ...rest } = settings();
      makePrivateFolder(dir);
      writePrivateFile(conf, renderRedisConf({ ...rest, bind: [host], dir }));
    },
    probe: () => pingRedis(settings()),
  };
}
