import { setTimeout as pause } from 'node:timers/promises';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { connectKafka } from '../../../runtime/src/connections/kafka/index.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import type { KafkaClientSettings } from './kafka-child.ts';

/**
 * Sends a batch with a message for each of three partitions every 20 ms, again until it is acknowledged, and consumes them, until SIGTERM; says what
 * happens, a line each: `sent N`, `acked N`, `failed CODE`, `got N` (all three), `error CODE`, `rebuilt N`, and `cpu MS` every half second. It then closes and
 * must end by itself: whatever is left open keeps it alive.
 */
const { service, env, topic, group, options, consumer: consumerOptions } = JSON.parse(process.argv[2]!) as KafkaClientSettings;

const partitions = 3;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const codeOf = (error: unknown): string => String(isMillraceError(error) ? error.code : ((error as { code?: unknown }).code ?? error));

let ending = false;
process.once('SIGTERM', () => {
  ending = true;
});

const connection = await connectKafka(wrap({ log: service }, { env }).service('log'), {
  ...options,
  onError: (error) => say(`error ${codeOf(error)}`),
});
const seen = new Map<string, Set<number>>();
const consumer = await connection.consumer({
  ...consumerOptions,
  groupId: group,
  topics: [topic],
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) {
      const n = String(value);
      const from = seen.get(n) ?? new Set<number>();
      if (from.has(batch.partition)) continue;
      seen.set(n, from.add(batch.partition));
      if (from.size === partitions) say(`got ${n}`);
    }
  },
});
let rebuilds = 0;
const timer = setInterval(() => {
  const { user, system } = process.cpuUsage();
  say(`cpu ${Math.round((user + system) / 1_000)}`);
  if (consumer.status().rebuilds === rebuilds) return;
  rebuilds = consumer.status().rebuilds;
  say(`rebuilt ${rebuilds}`);
}, 500);
const producer = await connection.producer();

async function deliver(n: number): Promise<void> {
  const messages = Array.from({ length: partitions }, (_, partition) => ({ partition, value: String(n) }));
  while (!ending) {
    try {
      await producer.send([{ topic, messages }]);
      return say(`acked ${n}`);
    } catch (error) {
      say(`failed ${codeOf(error)}`);
      await pause(50);
    }
  }
}
for (let n = 0; !ending; n++) {
  say(`sent ${n}`);
  await deliver(n);
  await pause(20);
}
clearInterval(timer);
const startedAt = performance.now();
await connection.close();
say(`closed ${Math.round(performance.now() - startedAt)}`);
