import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';
import { askRedis, pingRedis, type RedisAddress } from '../redis/ask.ts';
import { listenOn } from '../redis/process.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { readSentinelMemory, renderSentinelConf, type SentinelMemory, type SentinelSettings } from './config.ts';

export interface SentinelProcess {
  readonly name: string;
  /** Path of redis-server or valkey-server: with `--sentinel` it is a sentinel. */
  readonly program: string;
  /** Folder of sentinel.conf, which Sentinel rewrites. */
  readonly dir: string;
  readonly logFile: string;
  /** Asked at every start: which server is the master changes. */
  readonly settings: () => Omit<SentinelSettings, 'bind' | 'dir' | 'memory' | 'tls'> & { readonly host: string };
  /** Speak TLS, with clients and with the servers that it watches. @default plain text */
  readonly tls?: ServerTls | undefined;
}

/** One sentinel as a local process. */
export function sentinelProcess({ name, program, dir, logFile, settings, tls }: SentinelProcess): LocalServer {
  const conf = sentinelConf(dir);
  return {
    spec: { name, program, args: [conf, '--sentinel'], cwd: dir, logFile },
    stop: [{ signal: 'SIGTERM', graceMs: 3_000 }],
    readyTimeoutMs: 10_000,
    async prepare() {
      const { host, ...rest } = settings();
      const memory = recall(dir, rest.master.name)?.lines ?? [];
      makePrivateFolder(dir);
      writePrivateFile(conf, renderSentinelConf({ ...rest, ...(await listenOn(rest.port, dir, tls)), memory, bind: [host], dir }));
    },
    probe: () => pingRedis({ ...settings(), caFile: tls?.caFile }),
  };
}

/** What the sentinel of this folder wrote down when it last ran, or undefined when it never did. */
export function recall(dir: string, masterName: string): SentinelMemory | undefined {
  const conf = sentinelConf(dir);
  return existsSync(conf) ? readSentinelMemory(readFileSync(conf, 'utf8'), masterName) : undefined;
}

function sentinelConf(dir: string): string {
  return join(dir, 'sentinel.conf');
}

/** What one sentinel must see before the set counts as ready. */
export interface ExpectedSet {
  readonly masterName: string;
  readonly replicas: number;
  readonly otherSentinels: number;
}

/** Throws what is missing until this sentinel could carry out a fail-over: master and replicas in touch, every other sentinel connected. */
export async function checkQuorum(sentinel: RedisAddress, { masterName, replicas, otherSentinels }: ExpectedSet): Promise<void> {
  await askRedis(sentinel, async (client) => {
    await client.call('SENTINEL', 'CKQUORUM', masterName);
    const listed = async (what: 'REPLICAS' | 'SENTINELS') => rows(await client.call('SENTINEL', what, masterName)).filter(isInTouch).length;
    const [seenReplicas, seenSentinels] = [await listed('REPLICAS'), await listed('SENTINELS')];
    if (seenReplicas >= replicas && seenSentinels >= otherSentinels) return;
    throw new Error(`it sees ${seenReplicas} of ${replicas} replicas and ${seenSentinels} of ${otherSentinels} other sentinels`);
  });
}

/** Address of the master as this sentinel knows it. */
export async function masterAddress(sentinel: RedisAddress, masterName: string): Promise<{ host: string; port: number }> {
  const [host, port] = (await askRedis(sentinel, (client) => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName))) as [
    string,
    string,
  ];
  return { host, port: Number(port) };
}

/** Sentinel answers with lists of name, value, name, value. */
function rows(reply: unknown): Record<string, string>[] {
  return (reply as string[][]).map((flat) =>
    Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index]!, flat[2 * index + 1]!])),
  );
}

function isInTouch(row: Record<string, string>): boolean {
  const flags = (row.flags ?? '').split(',');
  const linkIsUp = row['master-link-status'] === undefined || row['master-link-status'] === 'ok';
  return linkIsUp && !flags.some((flag) => flag === 's_down' || flag === 'disconnected');
}
