import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { startRelay } from '../../../runtime/src/outbox/relay.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { freePorts } from '../../support/ports.ts';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '../../support/servers.ts';
import { openTransport, plainClient, serviceOf, topologyOf } from '../integration/redis-streams-fixture.ts';
import { bindingEnv, builtCli, startCli } from '../support/cli.ts';
import { begin, commitEach, drained, event, openLog, sinkRow, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { plainTopology, startTestRelay } from '../support/relay.ts';
import { judge, sound, streamEntries } from '../support/streams.ts';
import { ledger, ledgerSql, startWriters } from '../support/writers.ts';

const topics = { t: { tenantless: true, shards: 4 } };
const topology = topologyOf(topics);
let postgres: TestPostgres;
let redis: TestRedis;
let folder: TestFolder;
let log: TestLog;

beforeAll(async () => {
  [postgres, redis, folder] = await Promise.all([startTestPostgres(), startTestRedis(), testFolder('lease'), builtCli()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop(), folder.remove()]);
});
beforeEach(async () => {
  log = await openLog(postgres);
  await log.rows(ledgerSql);
});
afterEach(async () => {
  await log.close();
  const client = await plainClient(redis);
  await client.flushall();
  client.disconnect();
});

/** The process id of the relay that holds the sink. */
async function holderPid(): Promise<number> {
  return eventually(
    async () => {
      const [row] = await log.rows<{ holder: string }>(
        'select holder from millrace.sink where lease_until > clock_timestamp() and holder is not null',
      );
      return row === undefined ? undefined : Number(row.holder.split(':')[1]);
    },
    { what: 'a relay holds the sink', timeoutMs: 20_000 },
  );
}

/** What the relay says of itself that serves its health at `port`. */
async function stateAt(port: number): Promise<string | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`);
  const { checks } = (await response.json()) as { checks: Record<string, [{ observedValue: string }]> };
  return checks['relay redis-streams@events:state']?.[0].observedValue;
}

test('kill -9 of the working relay: the one that stands by goes on within 6 s', async () => {
  const env = bindingEnv(folder.path, { database: log.url, redis, topology });
  const port = await freePorts(2);
  const relays = await Promise.all([port, port + 1].map((each) => startCli(['relay', '--http-port', String(each)], env)));
  const writers = startWriters(log, { count: 2, pauseMs: 20 });
  const pid = await holderPid();
  await eventually(async () => (await sinkRow(log))!.low > 20, { what: 'events flow' });
  await eventually(async () => (await stateAt(port)) === 'standby' || (await stateAt(port + 1)) === 'standby', {
    what: 'the other stands by',
  });
  const killed = relays.find((relay) => relay.pid === pid)!;
  killed.kill('SIGKILL');
  const killedAt = performance.now();
  await killed.ended;
  const before = (await streamEntries(redis, topology)).length;
  await eventually(async () => (await streamEntries(redis, topology)).length > before, { what: 'events flow again', timeoutMs: 20_000 });
  const resumedMs = Math.round(performance.now() - killedAt);
  process.stdout.write(`lease: flow resumed ${resumedMs} ms after kill -9 of the relay\n`);
  expect(resumedMs).toBeLessThan(6_000);
  await writers.stop();
  await drained(log);
  for (const relay of relays) relay.kill('SIGTERM');
  await Promise.all(relays.map((relay) => relay.ended));
  expect(judge(await streamEntries(redis, topology), await ledger(log))).toEqual(sound);
});

test('SIGSTOP for longer than the lease: the standby takes over, and what wakes up publishes nothing that counts', async () => {
  const env = bindingEnv(folder.path, { database: log.url, redis, topology });
  const relays = await Promise.all([1, 2].map(() => startCli(['relay', '--lease-ms', '400'], env)));
  const writers = startWriters(log, { count: 4 });
  const epochs = watchEpochs();
  const published = async () => (await sinkRow(log))!.low;
  for (let round = 0; round < 3; round++) {
    const pid = await holderPid();
    const holder = relays.find((relay) => relay.pid === pid)!;
    const begun = await published();
    await eventually(async () => (await published()) > begun + 50, { what: 'the holder publishes' });
    holder.kill('SIGSTOP');
    await eventually(async () => (await holderPid()) !== pid, { what: 'the other has taken over', timeoutMs: 20_000 });
    const before = await published();
    await eventually(async () => (await published()) > before + 50, { what: 'the other publishes', timeoutMs: 20_000 });
    holder.kill('SIGCONT');
    await delay(300);
  }
  await writers.stop();
  await drained(log);
  for (const relay of relays) relay.kill('SIGTERM');
  await Promise.all(relays.map((relay) => relay.ended));
  expect(judge(await streamEntries(redis, topology), await ledger(log))).toEqual(sound);
  expect(await epochs.stop()).toEqual([]);
});

/** Samples the fences of all streams; `stop` gives every step back that it saw, and throws when it has not seen an epoch for each take-over. */
function watchEpochs(): { stop(): Promise<string[]> } {
  let watching = true;
  const backwards: string[] = [];
  const epochsSeen = new Set<string>();
  const done = (async () => {
    const client = await plainClient(redis);
    const last = new Map<string, string>();
    while (watching) {
      for (let shard = 0; shard < 4; shard++) {
        const fence = await client.hgetall(`stream:{t:${shard}}:fence`);
        for (const [field, value] of Object.entries(fence).filter(([name]) => name.endsWith(':epoch'))) {
          const name = `${shard} ${field}`;
          if (value < (last.get(name) ?? '')) backwards.push(`${name}: ${last.get(name)} to ${value}`);
          last.set(name, value);
          epochsSeen.add(value);
        }
      }
      await delay(5);
    }
    client.disconnect();
  })();
  return {
    async stop() {
      watching = false;
      await done;
      if (epochsSeen.size <= 3) throw new Error(`three take-overs make four epochs, the fences showed ${epochsSeen.size}`);
      return backwards;
    },
  };
}

test('an older epoch is refused by the broker itself', async () => {
  const transport = await openTransport(serviceOf(redis), topics);
  await transport.incarnation();
  const one = {
    id: 'a',
    source: '/x',
    type: 'x',
    time: new Date().toISOString(),
    partitionkey: 'k',
    sequence: '1',
    data: Buffer.from('{"n":0}'),
  };
  const publish = (epoch: bigint) => transport.publish('t', [one], { fence: { producer: 'p', epoch } });
  expect(await publish(2n)).toMatchObject([{ status: 'published' }]);
  expect(await publish(1n)).toMatchObject([{ status: 'failed', error: { code: 'RELAY_FENCED', cause: 2n } }]);
  await transport.close();
});

test('a broker that has seen a newer epoch than a restored database gives out is overcome', async () => {
  const transport = await openTransport(serviceOf(redis), topics);
  const [{ identity }] = (await log.rows<{ identity: string }>('select identity from millrace.log')) as [{ identity: string }];
  const client = await plainClient(redis);
  const ahead = String(Date.now() + 86_400_000).padStart(20, '0');
  for (let shard = 0; shard < 4; shard++)
    await client.hset(`stream:{t:${shard}}:fence`, `${identity}:epoch`, ahead, `${identity}:last`, '0'.repeat(20));
  client.disconnect();
  const relay = startTestRelay({ log, transport, topology });
  await commitEach(log, [event('k')]);
  await drained(log);
  expect(BigInt((await sinkRow(log))!.epoch)).toBe(BigInt(ahead) + 1n);
  await relay.close();
  await transport.close();
});

test('close lets the next relay in at once', async () => {
  const broker = recorder();
  const first = startTestRelay({ log, transport: broker.transport, leaseMs: 20_000 });
  await eventually(() => first.status().state === 'active', { what: 'the first works' });
  const second = startTestRelay({ log, transport: broker.transport, leaseMs: 4_000 });
  await eventually(() => second.status().state === 'standby', { what: 'the second stands by' });
  await first.close();
  const closedAt = performance.now();
  await eventually(() => second.status().state === 'active', { what: 'the second works' });
  expect(performance.now() - closedAt).toBeLessThan(8_000);
  expect(first.status().state).toBe('closed');
  await second.close();
});

test('close ends soon even while the broker is away', async () => {
  const broker = recorder();
  const relay = startTestRelay({ log, transport: broker.transport, maxRetryMs: 60_000 });
  broker.answer(() => new Error('away'));
  await commitEach(log, [event('k')]);
  await eventually(() => relay.said.some(({ message }) => message.includes('retrying')), { what: 'the relay waits for the broker' });
  const startedAt = performance.now();
  await relay.close();
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  expect(await sinkRow(log)).toMatchObject({ low: 0, holder: null });
});

/** A relay with its shipped times, and how many statements it has sent. */
function shippedRelay(): { relay: ReturnType<typeof startRelay>; statements: () => number; events: () => number } {
  const broker = recorder();
  let statements = 0;
  const openClient = async (name: string): Promise<Client> => {
    const client = await log.open(name);
    const { query } = client;
    client.query = ((...args: Parameters<typeof query>) => {
      statements++;
      return query.apply(client, args);
    }) as typeof query;
    return client;
  };
  const relay = startRelay({ openClient, transport: broker.transport, topology: plainTopology, service: 'events' });
  return { relay, statements: () => statements, events: () => broker.events.length };
}

test('an idle relay sends at most 15 statements a second', async () => {
  const { relay, statements, events } = shippedRelay();
  await commitEach(log, [event('k')]);
  await eventually(() => events() === 1, { what: 'the event is published' });
  await delay(1_500);
  const before = statements();
  const startedAt = performance.now();
  await delay(4_000);
  const rate = (statements() - before) / ((performance.now() - startedAt) / 1_000);
  process.stdout.write(`lease: an idle relay sends ${rate.toFixed(1)} statements/s\n`);
  expect(rate).toBeLessThanOrEqual(15);
  expect(rate).toBeGreaterThan(1);
  await relay.close();
});

test('a poke makes a sleeping relay look at once', async () => {
  const broker = recorder();
  const relay = startTestRelay({ log, transport: broker.transport, minPollMs: 20_000, maxPollMs: 20_000 });
  await commitEach(log, [event('k')]);
  await eventually(() => broker.events.length === 1, { what: 'the relay has looked, and sleeps' });
  await commitEach(log, [event('k', 1)]);
  await delay(200);
  expect(broker.events).toHaveLength(1);
  relay.poke();
  await eventually(() => broker.events.length === 2, { what: 'the event is published', timeoutMs: 8_000 });
  await relay.close();
});

test('an open transaction delays nobody else, and its own events only until its commit', async () => {
  const broker = recorder();
  const relay = startTestRelay({ log, transport: broker.transport });
  const open = await begin(log);
  await open.enqueue(event('open'));
  await commitEach(log, [event('k', 0)]);
  await eventually(() => broker.published().includes('k#0'), { what: 'the other event is published', timeoutMs: 8_000 });
  await open.commit();
  await eventually(() => broker.published().includes('open#0'), { what: 'so is its own', timeoutMs: 8_000 });
  await relay.close();
});
