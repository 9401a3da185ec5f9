import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { nowMs } from '../../../../examples/order-service/src/journal.ts';
import type { Blow, Nemesis } from './blow.ts';
import type { Scene } from './scene.ts';

const everywhere: Nemesis['on'] = ['redis', 'sentinel', 'kafka', 'rabbitmq'];

const ended = (what: string, fromMs: number): Blow => ({ what, fromMs, mendedMs: nowMs() });

/** A write transaction that stays open for a while. */
async function leftOpen({ database, server }: Scene, name: string): Promise<Blow> {
  const { host, port, user, password } = server.primary();
  const client = new Client({ host, port, user, password, database: name });
  client.on('error', () => undefined);
  await client.connect();
  const fromMs = nowMs();
  await client.query('begin; select pg_current_xact_id()');
  if (name === database.name) await client.query("select nextval('millrace.outbox_id')");
  await pause(5_000);
  await client.query('rollback');
  await client.end();
  // Nobody may have to wait for it: what is committed meanwhile counts from its beginning.
  return {
    what: `a write transaction left open for 5 s in ${name === database.name ? 'this' : 'another'} database`,
    fromMs,
    mendedMs: fromMs,
  };
}

/** What happens to PostgreSQL. */
export const databaseNemeses: readonly Nemesis[] = [
  {
    ...{ name: 'PostgreSQL restarts', on: everywhere, repeats: ['relay', 'consumer'] },
    async strike({ server }) {
      const fromMs = nowMs();
      await server.primary().kill('SIGQUIT');
      await server.primary().restart();
      return ended('restart of PostgreSQL', fromMs);
    },
  },
  {
    ...{ name: 'PostgreSQL is away', on: everywhere, repeats: ['relay', 'consumer'] },
    // Longer than all attempts at an event last: none may become a dead letter by it.
    async strike({ server }) {
      const fromMs = nowMs();
      await server.primary().kill('SIGQUIT');
      await pause(10_000);
      await server.primary().restart();
      return ended('PostgreSQL away for 10 s', fromMs);
    },
  },
  {
    ...{ name: 'pg_terminate_backend of everybody', on: everywhere, repeats: ['relay', 'consumer'] },
    async strike({ database }) {
      const fromMs = nowMs();
      await database.rows(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      return ended('pg_terminate_backend of every session', fromMs);
    },
  },
  {
    ...{ name: 'fail-over to an asynchronous standby', on: everywhere, repeats: ['relay', 'consumer'], forgets: true },
    async strike({ server }) {
      const standby = await server.standby();
      await standby.cut();
      await pause(500);
      const fromMs = nowMs();
      await standby.promote();
      return ended('fail-over to a standby that has missed 0.5 s', fromMs);
    },
  },
  {
    ...{ name: 'a write transaction is left open', on: everywhere, repeats: [] },
    strike: (scene) => leftOpen(scene, scene.database.name),
  },
  {
    ...{ name: 'a write transaction is left open in another database', on: everywhere, repeats: [] },
    strike: (scene) => leftOpen(scene, 'postgres'),
  },
  {
    ...{ name: 'the way to PostgreSQL is a black hole', on: everywhere, repeats: ['relay', 'consumer'] },
    async strike({ server }) {
      const fromMs = nowMs();
      server.proxy.blackHole();
      await pause(3_000);
      server.proxy.restore();
      return ended('black hole before PostgreSQL for 3 s', fromMs);
    },
  },
];
