import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { findProgram } from '../../servers/find/program.ts';
import type { RedisSettings } from '../../servers/redis/config.ts';
import { redisProcess } from '../../servers/redis/process.ts';
import { redisProgram } from '../../servers/redis/program.ts';
import type { ServerTls } from '../../servers/tls/server-tls.ts';
import { testFolder } from './folders.ts';
import { onFreePorts } from './port-retry.ts';
import { runTestServer, type TestProcess, type TestServer } from './test-server.ts';

/** A Redis server of a test's own. */
export interface TestRedis extends TestProcess {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** PEM file of the authority that signed its certificate, when it speaks TLS. */
  readonly caFile: string | undefined;
  readonly dir: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /** Further directives of redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Speak TLS and nothing else; a `TestAuthority` is one. @default plain text */
  readonly tls?: ServerTls | undefined;
  /** Where it keeps its files. @default a folder that is removed at its end */
  readonly dir?: string | undefined;
}

/** What a test's Redis has unless it asks for something else: streams, kept on disk as in production. */
export const testRedisSettings = { maxMemoryMiB: 512, maxMemoryPolicy: 'noeviction' } as const satisfies Partial<RedisSettings>;

export const testHost = '127.0.0.1';

/** Starts a Redis server with streams' settings on a free port, in its own folder. */
export async function startTestRedis({ settings = {}, tls, ...options }: TestRedisOptions = {}): Promise<TestRedis> {
  const program = requireRedis();
  const folder = await testFolder('redis');
  const { dir = join(folder.path, 'data') } = options;
  const password = randomBytes(12).toString('base64url');
  return onFreePorts(folder, 1, async (port) => {
    const server = await runTestServer(
      redisProcess({
        ...{ name: 'test-redis', program, dir, logFile: join(folder.path, 'log'), tls },
        settings: () => ({ ...testRedisSettings, host: testHost, port, password, settings }),
      }),
    );
    return testRedis(server, { host: testHost, port, password, caFile: tls?.caFile, dir }, folder.remove);
  });
}

/** @throws {Error} when the machine has no Redis. */
export function requireRedis(): string {
  const program = findProgram(redisProgram, process.env);
  if (program === undefined) throw new Error(`tests need ${redisProgram.title}: install ${redisProgram.debianPackage}`);
  return program;
}

export function testRedis(
  server: TestServer,
  address: Pick<TestRedis, 'host' | 'port' | 'password' | 'caFile' | 'dir'>,
  removeFiles: () => Promise<void>,
): TestRedis {
  return {
    ...address,
    get pid() {
      return server.pid;
    },
    stop: async () => {
      await server.end();
      await removeFiles();
    },
    kill: server.kill,
    pause: server.pause,
    resume: server.resume,
    restart: server.restart,
  };
}
