import { connect } from 'amqplib';
import type { ServiceHandle } from '../../src/binding/index.ts';
import type { MillraceEvent } from '../../src/contracts/event.ts';
import { shardOf } from '../../src/hash.ts';
import { parcelOf } from '../../src/transports/rabbitmq/codec.ts';

/** Messages without an answer, as the documentation of RabbitMQ advises: hundreds. */
const unconfirmed = 500;

/** Milliseconds of amqplib alone, until every event is confirmed: persistent, mandatory, with the routing keys of the driver, a window of unconfirmed messages. */
export async function throughAmqplib(
  handle: ServiceHandle,
  topic: string,
  shards: number,
  pages: readonly (readonly MillraceEvent[])[],
): Promise<number> {
  const { endpoints, auth, vhost = '/' } = handle.service;
  const { host: hostname, port } = endpoints[0]!;
  const password = auth.secretRef && (await handle.secret(auth.secretRef));
  const connection = await connect({
    hostname,
    port,
    vhost,
    ...(auth.username && { username: auth.username }),
    ...(password && { password }),
  });
  const channel = await connection.createConfirmChannel();
  let refused: unknown;
  channel.on('return', () => {
    refused = new Error(`no queue took a message of ${topic}`);
  });
  let waiting = 0;
  let resume = (): void => undefined;
  const confirmed = (error: unknown): void => {
    refused ??= error ?? undefined;
    waiting -= 1;
    resume();
  };
  const room = (below: number): Promise<void> | undefined =>
    waiting < below
      ? undefined
      : new Promise((resolve) => {
          resume = () => waiting < below && resolve();
        });
  const startedAt = performance.now();
  for (const event of pages.flat()) {
    await room(unconfirmed);
    const { content, options } = parcelOf(event);
    waiting += 1;
    const routingKey = `${shardOf(event.partitionkey ?? event.id, shards)}.${event.tenantid ?? '-'}`;
    channel.publish(topic, routingKey, content, { ...options, persistent: true, mandatory: true }, confirmed);
  }
  await room(1);
  const took = performance.now() - startedAt;
  await connection.close();
  if (refused !== undefined) throw refused;
  return took;
}
