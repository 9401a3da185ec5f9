import { connectRedis, type RedisClient } from '../../connections/redis/index.ts';
import { nodesOf } from '../../connections/redis/nodes.ts';
import { redisCheck } from '../../health/redis-check.ts';
import { type Info, parseInfo } from '../../health/redis-rules.ts';
import { counted } from '../../wording.ts';
import { noteClock } from '../clock.ts';
import { type Examination, type Ground, note, noteCheck, noteLatency, observed } from '../examination.ts';
import { obstaclesAt } from '../reach.ts';

export const redisExamination: Examination = { purposes: ['primary', 'node'], examine: examineRedis };

/** A server, a master with replicas or a cluster. */
export async function examineRedis(ground: Ground): Promise<void> {
  const { handle, limits, notes } = ground;
  const { role, clusterMode } = handle.service;
  const { connectMs: connectTimeoutMs, answerMs: commandTimeoutMs } = limits;
  const options = { name: 'millrace-doctor', cluster: true, connectTimeoutMs, commandTimeoutMs, closeTimeoutMs: 500 } as const;
  await using redis = await connectRedis(handle, options);
  const { client } = redis;
  await noteLatency(notes, () => client.ping());
  notes.version = await versionOf(client);
  const replicas = clusterMode === true ? 0 : Math.max(0, nodesOf(handle).length - 1);
  const check = redisCheck(redis, { forStreams: role !== 'cache', minReplicas: replicas, timeoutMs: commandTimeoutMs });
  const outcome = await noteCheck(ground, check);
  const masters = observed(outcome, 'masters');
  const connected = observed(outcome, 'connectedReplicas');
  if (masters !== undefined) notes.state = `cluster of ${counted(Number(masters), 'master')}`;
  else
    notes.state = [observed(outcome, 'role') ?? 'may not tell its role', connected && counted(Number(connected), 'replica')]
      .filter(Boolean)
      .join(', ');
  await noteClock(notes, async () => {
    const [seconds, micros] = await client.time();
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  });
  if (outcome.faults?.some(({ code }) => code === 'REDIS_REPLICA_MISSING') === true) await noteMissingNodes(ground);
}

/** Of a user that may not run INFO, the version is not known. */
async function versionOf(client: RedisClient): Promise<string | undefined> {
  const info: Info = await client.info('server').then(parseInfo, () => new Map());
  const valkey = info.get('valkey_version');
  return valkey === undefined ? info.get('redis_version') : `valkey ${valkey}`;
}

/** Which of the nodes that the binding names it is, and why. */
async function noteMissingNodes({ handle, limits, notes }: Ground): Promise<void> {
  const { obstacles } = await obstaclesAt(handle, nodesOf(handle), limits.answerMs);
  for (const { code, sentence } of obstacles) note(notes, 'degraded', code, sentence);
}
