import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import type { DeadLetters } from '../dead-letters.ts';
import { grouped } from '../grouped.ts';
import { relayGroup } from '../outbox/dead-letters.ts';
import { counted } from '../wording.ts';
import { withBinding } from './binding.ts';
import { type Found, openShelves, pick, type ShelfFlags, type Shelves } from './dlq-shelves.ts';
import { letterDocument, lettersTable, letterText, noteOf } from './dlq-show.ts';
import { problemFound, report } from './outcome.ts';
import { atLeast } from './serving.ts';

interface Flags extends ShelfFlags {
  readonly json: boolean;
}

interface ChangeFlags extends Flags {
  readonly all?: true;
  readonly yes?: true;
}

/** Dead letters that are changed with one call: on RabbitMQ and Kafka each call reads all that lie there. What was done is told after it. */
const atOnce = 5_000;

const details = `
Examples:
  millrace dlq list --topic orders.created                       what groups, and relays, have given up of it
  millrace dlq show 0/1763700000000-0                            its event and the history of its errors
  millrace dlq redrive 0/1763700000000-0 --group inventory       deliver it again, to the group that gave it up alone
  millrace dlq redrive --all --topic orders.created --group inventory
  millrace dlq drop 0/1763700000000-0 --yes                      forget it; what it was is printed

An id is the dead letter's own, or that of its event. Dead letters of relays, which could not be published, are of the group ${relayGroup}.

Exit codes: 0 done; 1 a server did not answer, or nothing was done; 2 a dead letter was not there any more.`;

/** `millrace dlq`: what consumers and relays have given up, and what shall become of it. */
export function dlqCommand(): Command {
  const change = (name: string, description: string): Command =>
    verb(name, description).argument('[ids...]', 'dead letters').option('--all', 'all that the flags mean');
  return new Command('dlq')
    .description('dead letters: list and show them, deliver them again, drop them')
    .addHelpText('after', details)
    .addCommand(verb('list', 'list dead letters').option('--limit <count>', 'most to list', atLeast(1), 100).action(list))
    .addCommand(verb('show', 'show a dead letter: its event and all its errors').argument('<id>').action(show))
    .addCommand(change('redrive', 'deliver dead letters again, with their attempts counted anew; mend the cause first').action(redrive))
    .addCommand(change('drop', 'forget dead letters; nothing else may have a copy').option('--yes', 'do not ask').action(drop));
}

function verb(name: string, description: string): Command {
  return withBinding(new Command(name).description(description))
    .option('--topic <name>', 'of this topic alone')
    .option('--group <name>', `of this group alone; ${relayGroup} for relays`)
    .option('--service <name>', 'on this service of the binding alone')
    .option('--database <name>', 'postgres service of the binding with the log (default: the only one)')
    .option('--json', 'print JSON, one document a line', false);
}

async function list(flags: Flags & { readonly limit: number }): Promise<void> {
  await using shelves = await openShelves(flags);
  const found: Found[] = [];
  let more = false;
  for await (const each of shelves.found()) {
    more = found.length === flags.limit;
    if (more) break;
    found.push(each);
  }
  if (flags.json) for (const each of found) report(true, letterDocument(each), '');
  else process.stdout.write(`${found.length === 0 ? 'there are no dead letters' : lettersTable(found)}\n`);
  if (more) process.stderr.write(`there are more than ${flags.limit}: give --limit, or --topic and --group\n`);
}

async function show(id: string, flags: Flags): Promise<void> {
  await using shelves = await openShelves(flags);
  for (const each of await pick(shelves, [id])) report(flags.json, letterDocument(each), letterText(each));
}

async function redrive(ids: readonly string[], flags: ChangeFlags, command: Command): Promise<void> {
  await using shelves = await openShelves(flags);
  await change(flags, await meant(shelves, ids, flags, command), 'redriven', (letters, some) => letters.redrive(some));
}

async function drop(ids: readonly string[], flags: ChangeFlags, command: Command): Promise<void> {
  await using shelves = await openShelves(flags);
  const found = await meant(shelves, ids, flags, command);
  if (found.length > 0 && flags.yes !== true && !(await confirmed(found, command))) {
    process.stderr.write('nothing was dropped\n');
    process.exitCode = 1;
    return;
  }
  await change(flags, found, 'dropped', (letters, some) => letters.drop(some));
}

async function meant(shelves: Shelves, ids: readonly string[], { all }: ChangeFlags, command: Command): Promise<Found[]> {
  if ((ids.length === 0) === (all === undefined)) command.error('error: give ids of dead letters, or --all');
  if (all === undefined) return pick(shelves, ids);
  const found: Found[] = [];
  // Without their data: there may be many.
  for await (const { letter, ...place } of shelves.found()) found.push({ ...place, letter: withoutData(letter) });
  return found;
}

function withoutData(letter: Found['letter']): Found['letter'] {
  const { event, failures, ...rest } = letter;
  const { data: _, ...attributes } = event ?? {};
  return { ...rest, failures: failures.slice(-1), ...(event && { event: attributes as typeof event }) };
}

async function change(
  { json }: ChangeFlags,
  found: readonly Found[],
  what: 'redriven' | 'dropped',
  act: (letters: DeadLetters, ids: readonly string[]) => Promise<number>,
): Promise<void> {
  let done = 0;
  for (const [letters, ofOne] of grouped(found, ({ letters }) => letters)) {
    for (let i = 0; i < ofOne.length; i += atOnce) {
      const some = ofOne.slice(i, i + atOnce);
      done += await act(
        letters,
        some.map(({ letter }) => letter.id),
      );
      if (!json) for (const each of some) process.stdout.write(`${what} ${noteOf(each)}\n`);
    }
  }
  const gone = found.length - done;
  report(
    json,
    { [what]: done, gone, ids: found.map(({ letter }) => letter.id) },
    `${what} ${counted(done, 'dead letter')}${gone === 0 ? '' : `; ${gone} were not there any more`}`,
  );
  if (gone > 0) process.exitCode = problemFound;
}

async function confirmed(found: readonly Found[], command: Command): Promise<boolean> {
  if (!process.stdin.isTTY) command.error('error: give --yes: nothing else may have a copy of what is dropped');
  for (const each of found.slice(0, 20)) process.stderr.write(`${noteOf(each)}\n`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await asking.question(`drop ${counted(found.length, 'dead letter')}? Nothing else may have a copy. [y/N] `));
  } finally {
    asking.close();
  }
}
