import type { MillraceError } from '../../contracts/errors.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import type { Consumer } from './consumer.ts';
import { takeUpAgain } from './held-stream.ts';

/** Consumer of a group to whom entries are given that shall be delivered again; the holder of the stream takes them up. */
export const redriveConsumer = 'redrive';
/** Of an entry that was added again for one group, because the first one was trimmed. */
export const addresseeAttribute = 'millraceredrivefor';

/** Streams that are looked at in one round, so that holding those of thousands of tenants does not load the server. */
const streamsPerRound = 200;

/** Looks, of some held streams in turn, whether events were redriven, and takes up what is delivered again. Call it about once a second. */
export function createRedriveWatch({ control, held, group }: Pick<Consumer, 'control' | 'held' | 'group'>): () => Promise<void> {
  let next = 0;
  return async () => {
    const streams = [...held.values()];
    const start = next < streams.length ? next : 0;
    const some = streams.slice(start, start + streamsPerRound);
    next = start + some.length;
    await Promise.all(
      some.map(async (stream) => {
        if (stream.phase === 'pending') return; // is being taken up anyway
        const waiting = await control.xpending(stream.name, group, '-', '+', 1, redriveConsumer);
        if (waiting.length > 0) takeUpAgain(stream);
      }),
    );
  };
}

/** For which group alone an event was added again; undefined for one that is everybody's. */
export function addresseeOf(event: MillraceEvent | MillraceError): string | undefined {
  return isMillraceError(event) ? undefined : event.extensions?.[addresseeAttribute];
}

/** The event as it was before it was added again. */
export function withoutAddressee(event: MillraceEvent): MillraceEvent {
  const { extensions, ...attributes } = event;
  const { [addresseeAttribute]: _, ...rest } = extensions ?? {};
  return Object.keys(rest).length === 0 ? attributes : { ...attributes, extensions: rest };
}
