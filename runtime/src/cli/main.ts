#!/usr/bin/env node
import { program } from 'commander';
import { migrateCommand } from './migrate.ts';
import { exitWith } from './outcome.ts';
import { relayCommand } from './relay.ts';

program
  .name('millrace')
  .description('Programs of the Millrace runtime. Exit codes: 0 ok, 1 failed, 2 difference or problem found.')
  .addCommand(migrateCommand())
  .addCommand(relayCommand());

exitWith(program.parseAsync());
