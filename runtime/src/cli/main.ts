#!/usr/bin/env -S node --max-semi-space-size=4
// A small young generation: a relay that works off a backlog peaks at 135 MiB instead of 170 (`npm run bench -- idle`).
import { readFileSync } from 'node:fs';
import { type Command, program } from 'commander';
import { exitWith, surviveClosedPipes } from './outcome.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  apply: async () => (await import('./apply.ts')).applyCommand(),
  archive: async () => (await import('./archive.ts')).archiveCommand(),
  compare: async () => (await import('./compare.ts')).compareCommand(),
  dlq: async () => (await import('./dlq.ts')).dlqCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  groups: async () => (await import('./groups.ts')).groupsCommand(),
  janitor: async () => (await import('./janitor.ts')).janitorCommand(),
  migrate: async () => (await import('./migrate.ts')).migrateCommand(),
  probe: async () => (await import('./probe.ts')).probeCommand(),
  redact: async () => (await import('./redact.ts')).redactCommand(),
  relay: async () => (await import('./relay.ts')).relayCommand(),
  replay: async () => (await import('./replay.ts')).replayCommand(),
};

program
  .name('millrace')
  .description('Programs of the Millrace runtime. Exit codes: 0 ok, 1 failed, 2 difference or problem found.')
  .version(version);

surviveClosedPipes();
exitWith(main());

async function main(): Promise<void> {
  // Only the command that is meant is loaded: all of them take 60 ms more. Help, and a name that is none, need all.
  const [name = ''] = process.argv.slice(2);
  const meant = Object.hasOwn(commands, name) ? [commands[name]!] : Object.values(commands);
  for (const load of meant) program.addCommand(await load());
  // Without a command: what there is, and nothing failed.
  if (process.argv.length === 2) program.help();
  await program.parseAsync();
}
