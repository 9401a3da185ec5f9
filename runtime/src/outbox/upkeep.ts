import type { Client } from 'pg';
import { endClient, socketOf } from '../connections/postgres/end-client.ts';
import { Pause } from '../pause.ts';
import { makePartitions, type PartitionOptions } from '../schema/partitions.ts';
import type { RelayLogger } from './logger.ts';

export interface Upkeep {
  /** Ids that could be drawn at the last check; undefined before the first. */
  headroom(): number | undefined;
  close(): Promise<void>;
}

const everyMs = 60_000;
/** Attempts that meet locks take four seconds at most; what takes longer waits for a server that has gone. */
const answerMs = 15_000;

/**
 * Keeps partitions of log and inbox made ahead, once a minute, over a connection that is opened for it: a transaction must not share one with the relay.
 *
 * Standing relays do this too, so that a stuck one does not let the writers run out of partitions.
 */
export function startUpkeep(options: {
  openClient: (name: string) => Promise<Client>;
  partitions: PartitionOptions;
  logger: RelayLogger;
}): Upkeep {
  const closing = new AbortController();
  let headroom: number | undefined;
  const once = async (): Promise<void> => {
    try {
      const client = await options.openClient('millrace upkeep');
      client.on('error', () => undefined); // the statement in flight tells; without a listener the process would end
      const cut = setTimeout(() => socketOf(client)?.destroy(), answerMs);
      try {
        headroom = (await makePartitions(client, options.partitions)).headroom;
      } finally {
        clearTimeout(cut);
        await endClient(client, 1_000);
      }
    } catch (error) {
      options.logger.warn({ error: String(error) }, 'partitions could not be made ahead, trying again in a minute');
    }
  };
  const running = (async () => {
    while (!closing.signal.aborted) {
      await once();
      await new Pause().wait(everyMs, closing.signal);
    }
  })();
  return {
    headroom: () => headroom,
    close: () => {
      closing.abort();
      return running;
    },
  };
}
