import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../../../../examples/order-service/src/journal.ts';
import { eventually } from '../../../support/eventually.ts';
import { machinesAreImpossible } from '../../../support/machines/namespace.ts';
import type { TestRedis } from '../../../support/servers.ts';
import { smallDisksAreImpossible } from '../../../support/small-disk.ts';
import { plainClient } from '../../integration/redis-streams-fixture.ts';
import type { Blow, Nemesis } from './blow.ts';
import { carrierOf, type SentinelCarrier } from './carriers.ts';

const ended = (what: string, fromMs: number): Blow => ({ what, fromMs, mendedMs: nowMs() });

async function roleOf(node: TestRedis): Promise<string> {
  const client = await plainClient(node);
  const [role] = (await client.role()) as [string];
  client.disconnect();
  return role;
}

/** Waits until the sentinels have made another one the master. */
async function elected({ set }: SentinelCarrier, old: TestRedis): Promise<void> {
  const others = set.nodes.filter((node) => node !== old);
  const isMaster = async (): Promise<boolean> => (await Promise.all(others.map(roleOf))).includes('master');
  await eventually(isMaster, { what: 'another master is elected', timeoutMs: 30_000 });
}

/** Waits until the old master has become a replica, and with that has lost what the new one has not. */
async function demoted(old: TestRedis): Promise<void> {
  await eventually(async () => (await roleOf(old)) === 'slave', { what: 'the old master follows the new one', timeoutMs: 30_000 });
}

/** What happens to Redis, alone and behind sentinels. */
export const redisNemeses: readonly Nemesis[] = [
  {
    ...{ name: 'Redis is killed', on: ['redis'], repeats: ['broker', 'consumer'] },
    async strike({ carrier }) {
      const { server } = carrierOf(carrier, 'redis');
      const fromMs = nowMs();
      await server.kill();
      await server.restart();
      return ended('kill -9 of Redis', fromMs);
    },
  },
  {
    ...{ name: 'Redis stands still', on: ['redis'], repeats: ['relay', 'consumer'] },
    async strike({ carrier }) {
      const { server } = carrierOf(carrier, 'redis');
      const fromMs = nowMs();
      await server.pause();
      await pause(3_000);
      await server.resume();
      return ended('SIGSTOP of Redis for 3 s', fromMs);
    },
  },
  {
    ...{ name: 'the way to Redis is a black hole', on: ['redis'], repeats: ['relay', 'consumer'] },
    async strike({ carrier }) {
      const { proxy } = carrierOf(carrier, 'redis');
      const fromMs = nowMs();
      proxy.blackHole();
      await pause(3_000);
      proxy.restore();
      return ended('black hole before Redis for 3 s', fromMs);
    },
  },
  {
    ...{ name: 'the memory of Redis is full', on: ['redis'], repeats: ['relay', 'consumer'] },
    async strike({ carrier }) {
      const client = await plainClient(carrierOf(carrier, 'redis').server);
      const fromMs = nowMs();
      await client.config('SET', 'maxmemory', '1mb');
      await pause(3_000);
      await client.config('SET', 'maxmemory', '512mb');
      client.disconnect();
      return ended('maxmemory of Redis reached for 3 s', fromMs);
    },
  },
  {
    ...{ name: 'the disk of Redis is full', on: ['redis'], repeats: ['relay', 'consumer'] },
    impossible: smallDisksAreImpossible,
    async strike({ carrier }) {
      const disk = carrierOf(carrier, 'redis').disk!;
      const fromMs = nowMs();
      await disk.fill();
      await pause(3_000);
      await disk.clear();
      return ended('disk of Redis full for 3 s', fromMs);
    },
  },
  {
    ...{ name: 'the Redis master is killed', on: ['sentinel'], repeats: ['broker', 'consumer'] },
    async strike({ carrier }) {
      const sentinel = carrierOf(carrier, 'sentinel');
      const master = await sentinel.set.master();
      const fromMs = nowMs();
      await master.kill();
      await elected(sentinel, master);
      const blow = ended('fail-over of Redis Sentinel', fromMs);
      await master.restart();
      return blow;
    },
  },
  {
    ...{ name: 'the Redis master dies with writes that no replica has', on: ['sentinel'], repeats: ['broker', 'consumer'] },
    async strike({ carrier }) {
      const sentinel = carrierOf(carrier, 'sentinel');
      const master = await sentinel.set.master();
      const replicas = sentinel.set.nodes.filter((node) => node !== master);
      const fromMs = nowMs();
      await Promise.all(replicas.map((replica) => replica.pause()));
      const client = await plainClient(master);
      await client.call('CLIENT', 'KILL', 'TYPE', 'replica'); // what the kernel has buffered for them would arrive all the same
      client.disconnect();
      await pause(500);
      await master.kill();
      await Promise.all(replicas.map((replica) => replica.resume()));
      await elected(sentinel, master);
      const blow = ended('fail-over of Redis Sentinel that loses 0.5 s', fromMs);
      await master.restart();
      return blow;
    },
  },
  {
    ...{ name: 'the Redis master is partitioned from the other machines', on: ['sentinel'], repeats: ['broker', 'consumer'] },
    impossible: machinesAreImpossible,
    // Clients reach both sides: what the old master acknowledges until they have heard of the new one is lost when it becomes its replica.
    async strike({ carrier }) {
      const sentinel = carrierOf(carrier, 'sentinel');
      const master = await sentinel.set.master();
      const index = sentinel.set.nodes.indexOf(master);
      const fromMs = nowMs();
      await sentinel.hosts!.partition(index);
      await elected(sentinel, master);
      await pause(1_000);
      await sentinel.hosts!.heal(index);
      await demoted(master);
      return ended('partition of the Redis master until another was elected', fromMs);
    },
  },
];
