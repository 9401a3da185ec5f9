import { Command, InvalidArgumentError } from 'commander';
import { isMillraceError } from '../contracts/errors.ts';
import { type Mark, parseMark } from '../replay/bounds.ts';
import {
  cancelReplay,
  failuresOfReplay,
  listReplays,
  type PlannedReplay,
  planReplay,
  type ReplayStanding,
  replayStanding,
  requestReplay,
} from '../replay/requests.ts';
import { readTopology } from '../topology/index.ts';
import { counted } from '../wording.ts';
import { withBinding } from './binding.ts';
import { type LogFlags, type LogGround, openLogGround } from './log-ground.ts';
import { problemFound, report } from './outcome.ts';
import { followReplay, sentenceOfReplay } from './replay-progress.ts';
import { atLeast, stopSignal } from './serving.ts';
import { table } from './table.ts';

interface Flags extends LogFlags {
  readonly json: boolean;
  readonly topic?: string;
  readonly group?: string;
  readonly from?: Mark;
  readonly to?: Mark;
  readonly tenant?: string;
  readonly key?: string;
  readonly run?: string;
  readonly missed?: boolean;
  readonly rate?: number;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

const details = `
Examples:
  millrace replay --topic orders.created --group inventory --from 2026-11-01T00:00:00Z --dry-run   counts the events
  millrace replay --topic orders.created --group inventory --from 2026-11-01T00:00:00Z --run again-1 --wait
  millrace replay --topic orders.created --group inventory --from 4711 --to 4711                   one event, by its id in the log
  millrace replay --topic orders.created --group inventory --from 2026-11-22T09:58:00Z --missed    what a fail-over to a standby that was behind has undone

The events come from the outbox log, as they were written but for what was redacted since; processes of the group that have \`startReplays\` carry it out beside
live consumption. Inboxes take each event once in each run; with --missed they
take what they do not have, as if it had come live. What the log no longer has comes back with \`millrace archive restore\`.

Exit codes: 0 done, or asked for without --wait; 1 it failed or was cancelled; 2 the log does not reach back, or events were given up.`;

/** `millrace replay`: has a group handle events of the log again. */
export function replayCommand(): Command {
  return verb('replay', 'have a group handle part of the log again, while live consumption goes on')
    .option('--topic <name>', 'topic of the events')
    .option('--group <name>', 'consumer group that shall handle them')
    .option('--from <mark>', 'first event: a time, the id of an event, or an id of the log', mark)
    .option('--to <mark>', 'last event; of a time what is before it (default: all that is there now)', mark)
    .option('--tenant <id>', 'only events of this tenant')
    .option('--key <key>', 'only events of this key')
    .option('--missed', 'only what the inbox of the group does not have, after its database has lost commits')
    .option('--run <name>', 'name of the replay, in each delivery (default: made from group and time)')
    .option('--rate <events>', 'events a second at most (default: as fast as the handlers)', atLeast(1))
    .option('--dry-run', 'count the events, and ask for nothing')
    .option('--wait', 'wait until it has ended (default: on a terminal)')
    .option('--no-wait', 'do not')
    .addHelpText('after', details)
    .action((flags: Flags, command: Command) => {
      for (const name of ['topic', 'group', 'from'] as const) if (flags[name] === undefined) command.error(`error: give --${name}`);
      return ask(flags as Flags & Required<Pick<Flags, 'topic' | 'group' | 'from'>>);
    })
    .addCommand(verb('list', 'list replays and how they stand').action((_, command: Command) => list(command.optsWithGlobals())))
    .addCommand(
      verb('show', 'show one replay and what it has given up', '<run>').action((run: string, _, command: Command) =>
        show(run, command.optsWithGlobals()),
      ),
    )
    .addCommand(
      verb('cancel', 'end a replay where it is', '<run>').action((run: string, _, command: Command) =>
        cancel(run, command.optsWithGlobals()),
      ),
    );
}

function verb(name: string, description: string, argument?: string): Command {
  const command = withBinding(new Command(name).description(description))
    .option('--json', 'print JSON, one document a line', false)
    .option('--database <name>', 'postgres service of the binding with the log (default: the only one)');
  return argument === undefined ? command : command.argument(argument);
}

async function ask(flags: Flags & Required<Pick<Flags, 'topic' | 'group' | 'from'>>): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace replay');
  const { topic, group, from, to, tenant, key, missed, rate, run = nameOf(group) } = flags;
  let planned: PlannedReplay;
  try {
    planned = await planReplay(ground.client, await readTopology(ground.binding), {
      run,
      topic,
      group,
      from,
      to,
      tenant,
      key,
      missed,
      rate,
    });
  } catch (error) {
    if (!isMillraceError(error, 'REPLAY_OUT_OF_LOG')) throw error;
    process.stderr.write(`millrace: ${error.code}: ${error.message}\n`);
    process.exitCode = problemFound;
    return;
  }
  if (planned.tooOld > 0)
    process.stderr.write(
      `${counted(planned.tooOld, 'event')} of them are of days that the inbox has dropped: inboxes set them aside in millrace.inbox_parked\n`,
    );
  const { bounds, expected } = planned;
  const what = `${counted(expected, 'event')} of ${topic} for ${group}, ids ${bounds.from} to ${bounds.to}`;
  if (flags.dryRun === true)
    return report(flags.json, { dryRun: true, topic, group, from: bounds.from, to: bounds.to, expected }, `would replay ${what}`);
  await requestReplay(ground.client, planned);
  const waits = flags.wait ?? process.stdout.isTTY === true;
  if (waits) {
    process.stderr.write(`replay ${run}: ${what}\n`);
    return await follow(flags, ground, run); // the ground is closed at the end of this function
  }
  report(
    flags.json,
    { run, topic, group, from: bounds.from, to: bounds.to, expected },
    `replay ${run} is asked for: ${what}; millrace replay show ${run} tells how it stands`,
  );
}

async function follow({ json }: Flags, { client }: LogGround, run: string): Promise<void> {
  const standing = await followReplay(client, run, stopSignal());
  report(json, standing, sentenceOfReplay(standing));
  if (standing.state === 'failed' || standing.state === 'cancelled') process.exitCode = 1;
  else if (standing.failed > 0) process.exitCode = problemFound;
}

async function list(flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace replay');
  const replays = await listReplays(ground.client);
  const rows = replays.map((each) => [
    each.run,
    each.topic,
    each.group,
    each.tenant ?? '',
    each.state,
    shares(each),
    each.createdAt.toISOString(),
  ]);
  const text =
    rows.length === 0 ? 'there is no replay' : table([['RUN', 'TOPIC', 'GROUP', 'TENANT', 'STATE', 'DONE', 'ASKED FOR'], ...rows]);
  report(flags.json, { replays }, text);
}

async function show(run: string, flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace replay');
  const standing = await replayStanding(ground.client, run);
  const failures = await failuresOfReplay(ground.client, run);
  const rows = failures.map(({ id, eventId, type, key, tenant, errors }) => [
    String(id),
    eventId,
    type,
    key ?? '',
    tenant ?? '',
    errors.at(-1)?.message ?? '',
  ]);
  const given = rows.length === 0 ? [] : [table([['LOG ID', 'EVENT', 'TYPE', 'KEY', 'TENANT', 'LAST ERROR'], ...rows])];
  report(flags.json, { ...standing, failures }, [sentenceOfReplay(standing), ...given].join('\n'));
}

async function cancel(run: string, flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace replay');
  const cancelled = await cancelReplay(ground.client, run);
  const standing = await replayStanding(ground.client, run);
  report(
    flags.json,
    { ...standing, cancelled },
    cancelled ? `replay ${run} is cancelled; it stops within a second` : `replay ${run} had ended: it is ${standing.state}`,
  );
  if (!cancelled) process.exitCode = problemFound;
}

function shares({ handled, failed, expected }: ReplayStanding): string {
  return `${handled} of ${expected}${failed === 0 ? '' : `, ${failed} given up`}`;
}

/** Sorted by time where they are listed, and plain in every log. */
function nameOf(group: string): string {
  return `${group}-${new Date()
    .toISOString()
    .replaceAll(/[-:]/g, '')
    .replace(/\.(\d+)Z$/, '.$1')}`;
}

function mark(text: string): Mark {
  const parsed = parseMark(text);
  if (parsed !== undefined) return parsed;
  throw new InvalidArgumentError(
    `must be a time as 2026-11-01 or 2026-11-01T08:00:00Z, the id of an event, or an id of the log, got ${text}`,
  );
}
