import { Command } from 'commander';
import { endRedaction, openRedactions, type RedactOutcome, redact } from '../retention/redact/index.ts';
import { readTopology } from '../topology/index.ts';
import { withBinding } from './binding.ts';
import { type LogFlags, type LogGround, openLogGround } from './log-ground.ts';
import { problemFound, report } from './outcome.ts';
import { stopSignal } from './serving.ts';

interface Flags extends LogFlags {
  readonly json: boolean;
  readonly tenant?: string;
  readonly actor?: string;
  readonly subject?: string;
  readonly key?: string;
  readonly topic?: string[];
  readonly by?: string;
  readonly reason?: string;
  readonly auditTopic?: string;
  readonly dryRun: boolean;
  readonly open: boolean;
  readonly resume?: string;
  readonly end?: string;
}

const details = `
Examples:
  millrace redact --tenant acme --by admin-7 --reason TICKET-123 --dry-run   counts what would go
  millrace redact --tenant acme --key customer-9 --by admin-7                one customer, found by the key of its events

--tenant, --actor, --subject and --key are compared with tenant, actor, subject and key of an event, whole and exactly; those that are given must all hold.
Not reached: a person who is named in the data of events alone; what services have stored themselves; backups and the write-ahead log of the database.

Exit codes: 0 done; 1 it failed or was stopped: run it again, or go on with --resume; 2 something remains, which is listed.`;

/** `millrace redact`: takes from events of a tenant or person what they said. */
export function redactCommand(): Command {
  return withBinding(new Command('redact'))
    .description('take from events of a tenant or person what they said, in log, archive, streams and indices')
    .option('--tenant <id>', 'events of this tenant')
    .option('--actor <id>', 'events that this actor caused')
    .option('--subject <text>', 'events about this subject')
    .option('--key <text>', 'events of this key')
    .option('--topic <name...>', 'only events of these topics (default: all)')
    .option('--by <id>', 'who asks for it; becomes the actor of the events that tell of it; not needed with --dry-run and --open')
    .option('--reason <text>', 'why, for the audit: a ticket, not a name')
    .option('--audit-topic <name>', 'topic of the events that tell of it (default: audit.logs)')
    .option('--dry-run', 'count, and change nothing', false)
    .option('--open', 'list redactions that were interrupted', false)
    .option('--resume <id>', 'go on with one of them')
    .option('--end <id>', 'end one of them where it is: whom it sought is erased, the rest is not redacted')
    .option('--json', 'print JSON, one document a line', false)
    .option('--database <name>', 'postgres service of the binding with the log (default: the only one)')
    .addHelpText('after', details)
    .action((flags: Flags, command: Command) => {
      const wrong = contradiction(flags);
      if (wrong !== undefined) command.error(`error: ${wrong}`);
      return run(flags);
    });
}

function contradiction({ open, resume, end, dryRun, tenant, actor, subject, key, topic }: Flags): string | undefined {
  const seeks = [tenant, actor, subject, key, topic].some((each) => each !== undefined);
  const ways = [open, resume !== undefined, end !== undefined, seeks].filter(Boolean).length;
  if (ways > 1) return 'give whose events, or one of --open, --resume and --end: those know whose already';
  return dryRun && (open || end !== undefined) ? '--dry-run belongs to a redaction, not to --open or --end' : undefined;
}

async function run(flags: Flags): Promise<void> {
  const signal = stopSignal();
  await using ground = await openLogGround(flags, 'millrace redact');
  if (flags.open) return list(flags, ground);
  const topology = await readTopology(ground.binding);
  const { tenant, actor, subject, key, topic: topics, by, reason, auditTopic, dryRun, resume, end } = flags;
  if (end !== undefined) {
    await endRedaction({ ...ground, topology }, end, { by, reason, auditTopic });
    return report(flags.json, { redaction: end, ended: true }, `redaction ${end} has ended`);
  }
  const told = (place: string, events: number): void => {
    if (!flags.json && events > 0) process.stderr.write(`${place}: ${events} events\n`);
  };
  const sought = { tenant, actor, subject, key, topics };
  tellOutcome(flags, await redact({ ...ground, topology }, { sought, resume, by, reason, auditTopic, dryRun, told, signal }));
}

function tellOutcome({ json, dryRun }: Flags, outcome: RedactOutcome): void {
  const events = Object.values(outcome.counts).reduce((sum, count) => sum + count, 0);
  const lines = outcome.remains.map(({ where, sentence }) => `remains in ${where}: ${sentence}`);
  const what = dryRun
    ? `would redact or remove ${events} copies of events`
    : `redacted or removed ${events} copies of events (redaction ${outcome.redaction})`;
  report(json, { dryRun, ...outcome }, [what, ...lines].join('\n'));
  if (outcome.remains.length > 0 && !dryRun) process.exitCode = problemFound;
}

async function list({ json }: Flags, { client }: LogGround): Promise<void> {
  const open = await openRedactions(client);
  const lines = open.map(
    ({ id, requestedAt, requestedBy, reason }) =>
      `${id}: asked for at ${requestedAt.toISOString()} by ${requestedBy}${reason === null ? '' : ` (${reason})`}`,
  );
  report(json, { open }, lines.length === 0 ? 'no redaction is open' : lines.join('\n'));
}
