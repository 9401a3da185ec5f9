import { EventEmitter } from 'node:events';
import type { Channel } from 'amqplib';
import { type ChannelGround, openLife } from '../../../runtime/src/connections/rabbitmq/channel.ts';
import type { Session } from '../../../runtime/src/connections/rabbitmq/session.ts';

type Listener = (reason: Error) => void;

/** A connection that tells who waits for its end. */
function session(): { readonly session: Session; readonly waiting: Set<Listener> } {
  const waiting = new Set<Listener>();
  const whenEnded = (listener: Listener) => {
    waiting.add(listener);
    return () => void waiting.delete(listener);
  };
  return { waiting, session: { model: {}, isOpen: true, whenEnded } as unknown as Session };
}

const ground = { settings: { setupTimeoutMs: 1_000 } } as ChannelGround;
const newChannel = () => Promise.resolve(new EventEmitter() as unknown as Channel);

test('a channel that has ended is forgotten by its connection, which may live for months', async () => {
  const { session: own, waiting } = session();
  for (let n = 0; n < 10; n++) {
    const life = await openLife(ground, own, newChannel);
    life.channel.emit('close');
    await life.ended;
  }
  await Promise.resolve();
  expect(waiting.size).toBe(0);
});

test('a channel ends with its connection', async () => {
  const { session: own, waiting } = session();
  const life = await openLife(ground, own, newChannel);
  const reason = new Error('the connection was closed');
  for (const tell of waiting) tell(reason);
  expect(life.isOpen).toBe(false);
  expect(await life.ended).toBe(reason);
});
