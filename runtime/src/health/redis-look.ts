import type { Cluster, Redis } from 'ioredis';
import { replyCode } from '../connections/redis/errors.ts';
import type { RedisClient } from '../connections/redis/index.ts';
import { isMillraceError } from '../contracts/errors.ts';
import { type CheckOutcome, type Fault, type HealthCheck, outcomeOf } from './check.ts';
import { type Info, parseInfo, type RedisCheckOptions, redisRules } from './redis-rules.ts';

const slotCount = 16_384;

/** How `redisCheck` looks at what `client` leads to. */
export function redisLook(client: RedisClient, options: RedisCheckOptions): HealthCheck['check'] {
  return client.isCluster ? clusterLook(client as Cluster, options) : serverLook(client as Redis, options);
}

function serverLook(client: Redis, options: RedisCheckOptions): () => Promise<CheckOutcome> {
  const judge = redisRules(options);
  return async () => {
    // PING first, and both at once: a user that may not run INFO still learns whether the server answers.
    const [, info] = await Promise.all([client.ping(), permitted(client.info().then(parseInfo))]);
    return info === undefined ? { status: 'up', observations: [{ measure: 'info', value: 'not permitted' }] } : judge(info);
  };
}

function clusterLook(cluster: Cluster, options: RedisCheckOptions): () => Promise<CheckOutcome> {
  const judges = new Map<string, ReturnType<typeof redisRules>>();
  // A node that was a master a moment ago redirects; nothing fails by it.
  const judgeOf = (address: string) => {
    const judge = judges.get(address) ?? redisRules({ ...options, writable: false });
    judges.set(address, judge);
    return judge;
  };
  // Before the deadline of the check, so that the one that is silent can be named.
  const patienceMs = (options.timeoutMs ?? 1_000) * 0.8;
  return async () => {
    const masters = cluster.nodes('master');
    const looks = await Promise.all(masters.map((node) => lookAtNode(node, judgeOf(addressOf(node)), patienceMs)));
    if (looks.every(({ answered }) => !answered))
      return outcomeOf([{ status: 'down', code: 'REDIS_CLUSTER_DOWN', reason: 'no master of the cluster answers' }], []);
    const state = looks.map(({ cluster: info }) => info).find((info) => info !== undefined);
    const observations = [
      { measure: 'masters', value: masters.length, unit: '{node}' },
      { measure: 'mastersAnswering', value: looks.filter(({ answered }) => answered).length, unit: '{node}' },
      ...(state === undefined ? [] : [{ measure: 'slotsServed', value: Number(state.get('cluster_slots_ok')), unit: '{slot}' }]),
    ];
    return outcomeOf([...(state === undefined ? [] : clusterFaults(state)), ...looks.flatMap(({ faults }) => faults)], observations);
  };
}

interface NodeLook {
  readonly answered: boolean;
  readonly cluster?: Info | undefined;
  readonly faults: readonly Fault[];
}

/** Over the connection that is there; a node without one is not connected to for the sake of a check. */
async function lookAtNode(node: Redis, judge: (info: Info) => CheckOutcome, patienceMs: number): Promise<NodeLook> {
  const address = addressOf(node);
  if (node.status !== 'ready') return silent(address, 'is not connected');
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), patienceMs);
  });
  const asked = Promise.all([
    permitted(node.info().then(parseInfo)),
    permitted(node.cluster('INFO').then((text) => parseInfo(String(text)))),
  ]);
  try {
    const answer = await Promise.race([asked, limit]);
    if (answer === 'late') return silent(address, `has not answered within ${patienceMs} ms`);
    const [info, cluster] = answer;
    const found = info === undefined ? [] : (judge(info).faults ?? []);
    return { answered: true, cluster, faults: found.map((fault) => ({ ...fault, reason: `master ${address}: ${fault.reason}` })) };
  } catch (error) {
    return silent(address, `failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    clearTimeout(timer);
    asked.catch(() => undefined);
  }
}

function silent(address: string, fault: string): NodeLook {
  return { answered: false, faults: [{ status: 'degraded', code: 'REDIS_NODE_SILENT', reason: `master ${address} ${fault}` }] };
}

function clusterFaults(info: Info): Fault[] {
  const number = (field: string): number => Number(info.get(field) ?? 0);
  const unassigned = slotCount - number('cluster_slots_assigned');
  const failing = number('cluster_slots_pfail') + number('cluster_slots_fail');
  const faults: Fault[] = [];
  const found = (status: Fault['status'], reason: string) => faults.push({ status, code: 'REDIS_CLUSTER_DOWN', reason });
  if (info.get('cluster_state') !== 'ok') found('down', 'the cluster refuses commands (cluster_state fail)');
  if (unassigned > 0) found('down', `${unassigned} slots are assigned to no master`);
  if (failing > 0) found('degraded', `the master of ${failing} slots is failing`);
  return faults;
}

function addressOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}

/** Undefined where the user may not ask. */
async function permitted<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isMillraceError(error, 'ACCESS_DENIED') || replyCode(error) === 'NOPERM') return undefined;
    throw error;
  }
}
