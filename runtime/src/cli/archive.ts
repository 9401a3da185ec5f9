import { Command } from 'commander';
import { listDrafts } from '../retention/archive/drafts.ts';
import { listManifests, type Manifest } from '../retention/archive/manifest.ts';
import { overlaps, restore } from '../retention/archive/restore.ts';
import { verifyArchived } from '../retention/archive/verify.ts';
import { ensureArchived, logIdentity } from '../retention/archive/write.ts';
import { awaitTurn } from '../retention/log/lock.ts';
import { filledPartitions } from '../retention/log/partitions.ts';
import { counted } from '../wording.ts';
import { withBinding } from './binding.ts';
import { type LogFlags, openLogGround, requireArchive } from './log-ground.ts';
import { problemFound, report } from './outcome.ts';
import { timeOf } from './time.ts';

interface Flags extends LogFlags {
  readonly json: boolean;
  readonly from?: Date;
  readonly to?: Date;
  readonly keepUntil?: Date;
}

const dayMs = 86_400_000;
/** How long a restored partition stays unless it is said. */
const keptDays = 7;

/** `millrace archive`: what has left the log, and the way back. */
export function archiveCommand(): Command {
  const verb = (name: string, description: string): Command =>
    withBinding(new Command(name).description(description))
      .option('--json', 'print JSON, one document a line', false)
      .option('--database <name>', 'postgres service of the binding with the log (default: the only one)');
  const timed = (command: Command): Command =>
    command
      .option('--from <time>', 'only partitions with events from here on', timeOf)
      .option('--to <time>', 'only partitions with events before', timeOf);
  return new Command('archive')
    .description(
      'list, make, verify and restore the archive of the log, which the janitor writes before it drops a partition. Times are dates or times of ' +
        'ISO 8601: 2026-11-21 or 2026-11-21T08:00:00Z. Exit code 0 when it is done, 1 when it failed, 2 when verify finds damage',
    )
    .addCommand(timed(verb('list', 'list what is archived, and what interrupted restores have left')).action(list))
    .addCommand(verb('run', 'archive the partitions that are full now, without dropping them').action(run))
    .addCommand(timed(verb('verify', 'read all of it and compare it with its manifests')).action(verify))
    .addCommand(
      timed(verb('restore', 'put partitions back into the log, where a replay reads them'))
        .option('--keep-until <time>', `drop them again after this (default: in ${keptDays} days)`, timeOf)
        .action(restoreThem),
    );
}

async function list(flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace archive');
  const archive = requireArchive(ground);
  const { rows } = await ground.client.query<{ name: string }>('select name from millrace.outbox_partitions() where not detaching');
  const attached = new Set(rows.map((row) => row.name));
  const found = (await listManifests(archive, await logIdentity(ground.client))).map(({ manifest }) => manifest).filter(within(flags));
  if (found.length === 0) report(flags.json, { archived: [] }, `nothing is archived at ${archive.location}`);
  for (const manifest of found) {
    const { partition, rows: events, firstTime, lastTime, parts } = manifest;
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    const inLog = attached.has(partition);
    const place = inLog ? 'in the log too' : 'not in the log';
    report(
      flags.json,
      { partition, rows: events, firstTime, lastTime, bytes, inLog },
      `${partition}: ${counted(events, 'event')}, ${firstTime} to ${lastTime}, ${counted(bytes, 'byte')}, ${place}`,
    );
  }
  for (const draft of await listDrafts(ground.client)) {
    report(flags.json, { draft }, `millrace.${draft}: left by a restore that was interrupted; run it again, or drop the table`);
  }
}

async function run(flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace archive');
  const archive = requireArchive(ground);
  await awaitTurn(ground.client, async () => {
    const partitions = await filledPartitions(ground.client);
    if (partitions.length === 0) report(flags.json, { archived: [] }, 'nothing to archive: no partition of the log is full');
    for (const partition of partitions) {
      const outcome = await ensureArchived(ground.client, archive, partition, new AbortController().signal);
      report(
        flags.json,
        { partition: partition.name, outcome },
        `${partition.name}: ${outcome === 'written' ? 'archived' : 'was archived before'}`,
      );
    }
  });
}

async function verify(flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace archive');
  const archive = requireArchive(ground);
  for (const { manifest } of await listManifests(archive, await logIdentity(ground.client))) {
    if (!within(flags)(manifest)) continue;
    const problems = await verifyArchived(archive, manifest);
    report(
      flags.json,
      { partition: manifest.partition, problems },
      `${manifest.partition}: ${problems.length === 0 ? 'as its manifest says' : problems.join('; ')}`,
    );
    if (problems.length > 0) process.exitCode = problemFound;
  }
}

async function restoreThem(flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace archive');
  const archive = requireArchive(ground);
  const keepUntil = flags.keepUntil ?? new Date(Date.now() + keptDays * dayMs);
  const range = { from: flags.from ?? new Date(0), to: flags.to ?? new Date(8.64e15), keepUntil };
  const restored = await awaitTurn(ground.client, () =>
    restore(ground.client, archive, range, ({ partition, rows, there }) => {
      const sentence = there ? `${partition}: was there` : `${partition}: ${counted(rows, 'event')} restored`;
      report(flags.json, { partition, rows, there }, `${sentence}, kept until ${keepUntil.toISOString()}`);
    }),
  );
  if (restored.length === 0) report(flags.json, { restored: [] }, 'nothing is archived of that time');
}

function within({ from, to }: Flags): (manifest: Manifest) => boolean {
  if (from === undefined && to === undefined) return () => true;
  return (manifest) => overlaps(manifest, from ?? new Date(0), to ?? new Date(8.64e15));
}
