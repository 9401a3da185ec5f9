import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { replyCode } from '../../connections/redis/errors.ts';

/** A Lua script with the digest that Redis caches it under. */
export interface Script {
  readonly lua: string;
  readonly sha1: string;
}

/** @param lua source; give it once per process, the digest is computed here. */
export function defineScript(lua: string): Script {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** Runs a script by its digest, and in full when the server does not know it (after a restart or a fail-over). Strings come back as buffers. */
export async function runScript(
  client: Pick<Redis, 'callBuffer'>,
  script: Script,
  keys: readonly string[],
  args: readonly (string | Buffer)[],
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args];
  try {
    return await client.callBuffer('EVALSHA', [script.sha1, ...rest]);
  } catch (error) {
    if (replyCode(error) !== 'NOSCRIPT') throw error;
    return client.callBuffer('EVAL', [script.lua, ...rest]);
  }
}
