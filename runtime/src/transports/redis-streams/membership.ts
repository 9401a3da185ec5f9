import type { Redis } from 'ioredis';
import { heartbeatScript } from './lease.lua.ts';
import { runScript } from './script.ts';

/** Place of a consumer among those of its group that are there. */
export interface Standing {
  /** From 0. */
  readonly rank: number;
  readonly members: number;
}

/** Tells the group that `member` is there for another `ttlMs`; 0 leaves. */
export async function heartbeat(client: Redis, registry: string, member: string, ttlMs: number): Promise<Standing> {
  const [rank, members] = (await runScript(client, heartbeatScript, [registry], [member, String(ttlMs)])) as [number, number];
  return { rank, members };
}

/** How many of `streams` a consumer should hold: equal parts, what remains goes to the first ranks. */
export function fairShare(streams: number, { rank, members }: Standing): number {
  return Math.floor(streams / members) + (rank < streams % members ? 1 : 0);
}
