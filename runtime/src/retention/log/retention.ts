import type { Client } from 'pg';
import { endClient } from '../../connections/postgres/end-client.ts';
import type { Topology } from '../../contracts/topology.ts';
import { makePartitions } from '../../schema/partitions.ts';
import { counted } from '../../wording.ts';
import { type ArchiveStore, isArchiveFailure } from '../archive/store.ts';
import { ensureArchived } from '../archive/write.ts';
import type { Held, Task, TaskReport } from '../task.ts';
import { cutLog } from './cut.ts';
import { finishLeaving, keptByTransaction, removePartition } from './detach.ts';
import { dropInboxDays } from './inbox.ts';
import { inTurn } from './lock.ts';
import { filledPartitions, type LogPartition, newestAgeSeconds, reasonToKeep, sinkPlaces } from './partitions.ts';

export interface LogRetentionOptions {
  /** Name of the bound service with the log. */
  readonly service: string;
  /** Opens a dedicated connection; `connectPostgres(...).openClient` fits. */
  readonly openClient: (name: string) => Promise<Client>;
  readonly topology: Topology;
  /** Where partitions go before they are dropped. @default they are dropped without a copy */
  readonly archive?: ArchiveStore | undefined;
  /** @default 60_000 */
  readonly everyMs?: number;
}

const daySeconds = 86_400;

/**
 * Keeps log and inbox within `retention` of the topology: partitions whose newest row is older are archived, detached and dropped.
 *
 * A partition is kept, and told of in `held`, while a sink has not passed it, one of its events is parked, or a restore asked for it. Nothing is dropped
 * when the topology has no `retention`. Writers wait for at most 100 ms at the boundary of a day, and never for a drop.
 */
export function logRetention(options: LogRetentionOptions): Task {
  return {
    name: `retention of the log of ${options.service}`,
    everyMs: options.everyMs ?? 60_000,
    async run(signal) {
      const client = await options.openClient('millrace janitor');
      try {
        return (
          (await inTurn(client, () => keepLog(client, options, signal))) ?? idle('another janitor, archive command or redaction is at it')
        );
      } finally {
        await endClient(client, 1_000);
      }
    },
  };
}

interface Tally {
  readonly dropped: string[];
  readonly archived: string[];
  readonly held: Held[];
  /** Earlier versions in the archive that could not be removed. */
  readonly unpurged: string[];
  overdueSeconds: number;
}

async function keepLog(client: Client, options: LogRetentionOptions, signal: AbortSignal): Promise<TaskReport> {
  const { retention } = options.topology;
  if (retention === undefined) return idle('the topology has no retention for the database');
  await makePartitions(client);
  const cut = await cutLog(client, retention.outboxDays);
  const tally: Tally = { dropped: [], archived: [], held: [], unpurged: [], overdueSeconds: 0 };
  for (const name of await finishLeaving(client)) tally.held.push(keptByTransaction(name));
  if (tally.held.length === 0) {
    // First: archiving may take long, and fail.
    await dropInboxDays(client, retention.inboxDays, tally, signal);
    await dropLog(client, options, retention.outboxDays, tally, signal);
  }
  return {
    sentence: `dropped ${counted(tally.dropped.length, 'partition')}, archived ${tally.archived.length}, kept ${tally.held.length} over their retention`,
    details: { dropped: tally.dropped, archived: tally.archived, skippedIds: cut ?? null, unpurged: tally.unpurged },
    held: tally.held,
    gauges: [{ signal: 'outbox.retention_held', labels: { service: options.service }, value: tally.overdueSeconds }],
  };
}

async function dropLog(client: Client, options: LogRetentionOptions, days: number, tally: Tally, signal: AbortSignal): Promise<void> {
  for (const partition of await filledPartitions(client)) {
    if (signal.aborted) return;
    const age = await newestAgeSeconds(client, partition.name);
    const overdueSeconds = age === undefined ? 0 : age - days * daySeconds;
    if (overdueSeconds < 0) continue;
    // Asked anew for each: archiving the one before may have taken minutes.
    const reason = await reasonToKeep(client, partition, await sinkPlaces(client, options.topology));
    const outcome = reason === undefined ? await archiveAndDrop(client, partition, options.archive, tally, signal) : { kept: reason };
    if (outcome.stuck) return;
    if (outcome.kept === undefined) continue;
    tally.held.push({ name: partition.name, sentence: `${partition.name} is over its retention and kept: ${outcome.kept}` });
    tally.overdueSeconds = Math.max(tally.overdueSeconds, Math.round(overdueSeconds));
  }
}

/**
 * @returns why it has to stay when its archive cannot be relied on, or `stuck` when an open transaction keeps it: no other can be detached then.
 */
async function archiveAndDrop(
  client: Client,
  partition: LogPartition,
  archive: ArchiveStore | undefined,
  tally: Tally,
  signal: AbortSignal,
): Promise<{ readonly kept?: string; readonly stuck?: true }> {
  try {
    if (archive !== undefined) {
      const unpurged = (sentence: string) => tally.unpurged.push(sentence);
      const outcome = await ensureArchived(client, archive, partition, signal, { unpurged });
      if (outcome === 'written') tally.archived.push(partition.name);
    }
  } catch (error) {
    if (!isArchiveFailure(error)) throw error;
    return { kept: error.message };
  }
  if (signal.aborted) return {};
  if (await removePartition(client, 'outbox', partition.name)) {
    tally.dropped.push(partition.name);
    return {};
  }
  tally.held.push(keptByTransaction(partition.name));
  return { stuck: true };
}

function idle(sentence: string): TaskReport {
  return { sentence, details: {}, held: [] };
}
