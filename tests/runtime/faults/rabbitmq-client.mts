import { setTimeout as pause } from 'node:timers/promises';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { connectRabbit } from '../../../runtime/src/connections/rabbitmq/index.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';
import type { RabbitClientSettings } from './rabbitmq-child.ts';

/**
 * Publishes a message every 20 ms and consumes it, until SIGTERM; says what happens, a line each: `confirmed N`, `refused N CODE`, `delivered N`,
 * `error CODE`, and `cpu MS` every half second. It then closes and must end by itself: whatever is left open keeps it alive.
 */
const { service, env, queue, options } = JSON.parse(process.argv[2]!) as RabbitClientSettings;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const codeOf = (error: unknown): string => String(isMillraceError(error) ? error.code : ((error as { code?: unknown }).code ?? error));

let ending = false;
process.once('SIGTERM', () => {
  ending = true;
});
const cpu = setInterval(() => {
  const { user, system } = process.cpuUsage();
  say(`cpu ${Math.round((user + system) / 1_000)}`);
}, 500);

const connection = await connectRabbit(wrap({ tasks: service }, { env }).service('tasks'), {
  ...options,
  onError: (error) => say(`error ${codeOf(error)}`),
});
const publisher = await connection.openPublisher((channel) => channel.assertQueue(queue, { durable: true }));
await connection.openConsumer(async ({ channel, consume }) => {
  await channel.assertQueue(queue, { durable: true });
  await channel.prefetch(50);
  await consume(queue, (delivery) => {
    if (delivery.ack()) say(`delivered ${delivery.message.content}`);
  });
});
for (let n = 0; !ending; n++) {
  publisher.publish('', queue, Buffer.from(String(n))).then(
    () => say(`confirmed ${n}`),
    (error: unknown) => say(`refused ${n} ${codeOf(error)}`),
  );
  await pause(20);
}
clearInterval(cpu);
const startedAt = performance.now();
await connection.close();
say(`closed ${Math.round(performance.now() - startedAt)}`);
