import { Command } from 'commander';
import { redact } from '../retention/redact/index.ts';
import { readTopology } from '../topology/index.ts';
import { withBinding } from './binding.ts';
import { type LogFlags, openLogGround } from './log-ground.ts';
import { problemFound, report } from './outcome.ts';

interface Flags extends LogFlags {
  readonly json: boolean;
  readonly tenant?: string;
  readonly actor?: string;
  readonly subject?: string;
  readonly topic?: string[];
  readonly by: string;
  readonly reason?: string;
  readonly auditTopic?: string;
  readonly dryRun: boolean;
}

/** `millrace redact`: takes from events of a tenant or person what they said. */
export function redactCommand(): Command {
  return withBinding(new Command('redact'))
    .description(
      'redact events of a tenant or person in log, archive, streams and indices; several of --tenant, --actor and --subject must all hold. ' +
        'Exit code 2 when something remains, which is listed; after an interruption run it again',
    )
    .option('--tenant <id>', 'events of this tenant')
    .option('--actor <id>', 'events that this actor caused')
    .option('--subject <text>', 'events about this subject')
    .option('--topic <name...>', 'only events of these topics (default: all)')
    .requiredOption('--by <id>', 'who asks for it; becomes the actor of the events that tell of it')
    .option('--reason <text>', 'why, for the audit: a ticket, not a name')
    .option('--audit-topic <name>', 'topic of the events that tell of it (default: audit.logs)')
    .option('--dry-run', 'count, and change nothing', false)
    .option('--json', 'print JSON, one document a line', false)
    .option('--database <name>', 'postgres service of the binding with the log (default: the only one)')
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  await using ground = await openLogGround(flags, 'millrace redact');
  const topology = await readTopology(ground.binding);
  const { tenant, actor, subject, topic: topics, by, reason, auditTopic, dryRun } = flags;
  const told = (place: string, events: number): void => {
    if (!flags.json && events > 0) process.stderr.write(`${place}: ${events} events\n`);
  };
  const outcome = await redact(
    { ...ground, topology },
    { sought: { tenant, actor, subject, topics }, by, reason, auditTopic, dryRun, told },
  );
  const events = Object.values(outcome.counts).reduce((sum, count) => sum + count, 0);
  const lines = outcome.remains.map(({ where, sentence }) => `remains in ${where}: ${sentence}`);
  const what = dryRun
    ? `would redact or remove ${events} copies of events`
    : `redacted or removed ${events} copies of events (redaction ${outcome.redaction})`;
  report(flags.json, { dryRun, ...outcome }, [what, ...lines].join('\n'));
  if (outcome.remains.length > 0 && !dryRun) process.exitCode = problemFound;
}
