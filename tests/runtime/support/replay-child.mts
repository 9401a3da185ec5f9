import { setTimeout as pause } from 'node:timers/promises';
import { Client, Pool } from 'pg';
import { jsonData } from '../../../runtime/src/contracts/event.ts';
import { once } from '../../../runtime/src/inbox/index.ts';
import { startReplays } from '../../../runtime/src/replay/index.ts';
import type { Handler } from '../../../runtime/src/transport.ts';
import { replayTopology } from './replay.ts';

/** Carries out replays until it is killed; says `begin ID`, `end ID` and what its replays log, a line each. */
const {
  url,
  name,
  handlerMs = 0,
  poison,
} = JSON.parse(process.argv[2]!) as { url: string; name: string; handlerMs?: number; poison?: string };

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
const log = (details: object, message: string): void => say(`log ${message} ${JSON.stringify(details)}`);

const pool = new Pool({ connectionString: url, max: 8 });
pool.on('error', () => undefined);
const handler: Handler = async (event, delivery) => {
  say(`begin ${event.sequence}`);
  if (event.sequence === poison) process.kill(process.pid, 'SIGKILL');
  await pause(handlerMs);
  await once(pool, 'effects', delivery, async (client) => {
    await client.query('insert into effect (run, key, n, tenant, by) values ($1, $2, $3, $4, $5)', [
      ...[delivery.run, event.partitionkey, jsonData<{ n: number }>(event)!.n, event.tenantid, name],
    ]);
  });
  say(`end ${event.sequence}`);
};
startReplays({
  openClient: async (applicationName) => {
    const client = new Client({ connectionString: url, application_name: applicationName });
    await client.connect();
    return client;
  },
  ...{ topology: replayTopology, group: 'g', consumerName: name, leaseMs: 3_000, pollMs: 100 },
  logger: { info: log, warn: log, error: log },
  handlers: { t: { handler }, frail: { handler } },
});
say('ready');
