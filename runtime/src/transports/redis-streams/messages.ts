import type { MessageBroker } from '../../consuming/consumer.ts';
import { keyOf } from '../../consuming/message.ts';
import { acknowledge } from './acknowledge.ts';
import type { Consumer } from './consumer.ts';
import { giveUp } from './give-up.ts';
import { type HeldStream, leave, shedFollowers, takeUpAgain } from './held-stream.ts';
import { attemptScript } from './holder.lua.ts';
import { isSuperseded, isSure, runAsHolder } from './lease.ts';

/** What Redis does with the entries of held streams. */
export function streamMessages(consumer: Consumer): MessageBroker<HeldStream> {
  return {
    isSure: ({ lease }) => isSure(lease),
    // Reading or claiming counted the first attempt; later ones are counted before they begin.
    begin: ({ lease }, { id, attempt }) =>
      attempt === 1 ? undefined : runAsHolder(consumer.control, attemptScript, consumer, lease, [id, String(attempt)]),
    acknowledge: (held, { id }, onConfirmed) => acknowledge(consumer, held, id, onConfirmed),
    giveUp: (lane, message) => giveUp(consumer, lane, message),
    isOwing: () => [...consumer.held.values()].some(({ acknowledging }) => acknowledging),
    isSuperseded,
    lose: (held) => consumer.lose(held),
    lease: ({ name, lease: { fence } }) => ({ scope: name, fence }),
    onWait: shedFollowers,
    leave: (held, message) => leave(held, keyOf(message), message),
    onEmpty({ source: held, key }) {
      if (held.shed.delete(key)) takeUpAgain(held);
    },
  };
}
