import { streamKey } from '../../../../runtime/src/contracts/topology.ts';
import { shardOf } from '../../../../runtime/src/hash.ts';
import { eventually } from '../../../support/eventually.ts';
import { plainClient } from '../../integration/redis-streams-fixture.ts';
import { bound, carrierOf } from './carriers.ts';
import { type Scene, shards } from './scene.ts';

import {
  applied,
  cast,
  finish,
  nothingLeft,
  orders,
  progressNoted,
  published,
  publishedIds,
  reached,
  ready,
  said,
  write,
} from './steps.ts';

/** The smallest run that shows one thing: steered step by step, so that it goes the same way every time. */
export interface Scenario {
  run(scene: Scene): Promise<void>;
  /** Duplicates that it explains. @default 0 */
  readonly duplicates?: number;
}

export const plainEvents: Scenario = {
  async run(scene) {
    await cast(scene);
    await write(scene, 'one', orders(3), 'commit');
    await applied(scene, 3);
  },
};

/** A transaction that draws its ids first and commits last. */
export const lateCommit: Scenario = {
  async run(scene) {
    await cast(scene);
    await write(scene, 'late', orders(1, { key: 'late' }));
    await write(scene, 'quick', orders(1, { key: 'quick' }), 'commit');
    await published(scene, 1);
    await finish(scene, 'late', 'commit');
    await write(scene, 'last', orders(1, { key: 'last' }), 'commit');
    await published(scene, 2);
  },
};

export const rolledBack: Scenario = {
  async run(scene) {
    await cast(scene);
    await write(scene, 'first', orders(1, { key: 'first' }), 'commit');
    await write(scene, 'undone', orders(1, { key: 'undone' }), 'rollback');
    await write(scene, 'last', orders(1, { key: 'last' }), 'commit');
    await published(scene, 2);
  },
};

/** `relay-1` has published one event, and holds the next in its hands. */
async function heldAfterReading(scene: Scene): Promise<void> {
  await cast(scene);
  await write(scene, 'first', orders(1), 'commit');
  await published(scene, 1);
  await progressNoted(scene);
  scene.tell('relay-1', { do: 'arm', point: 'after-read', act: 'hold' });
  await write(scene, 'second', orders(1), 'commit');
  await reached(scene, 'relay-1', 'after-read');
}

/** The relay has read, and dies before anything has left it; another one finds what the database knows of its progress. */
export const relayKilledBeforePublishing: Scenario = {
  async run(scene) {
    await heldAfterReading(scene);
    const [before] = await sink(scene);
    // Progress is renewed with the lease: whatever the relay takes for done is in the database then. One may have been under way.
    await eventually(async () => (await sink(scene))[0]!.version > before!.version + 1, { what: 'progress was written meanwhile' });
    scene.crew.kill('relay-1');
    await write(scene, 'last', orders(1, { key: 'other' }), 'commit');
    await published(scene, 2);
  },
};

async function sink(scene: Scene): Promise<{ version: number }[]> {
  return (await scene.database.rows<{ version: string }>('select version from millrace.sink')).map(({ version }) => ({
    version: Number(version),
  }));
}

/** A relay that sleeps between its look at the lease and the broker, while another one takes over. */
export const relayHeldBeyondItsLease: Scenario = {
  duplicates: 1,
  async run(scene) {
    await heldAfterReading(scene);
    scene.crew.pause('relay-1');
    scene.startRelay('relay-2');
    await write(scene, 'third', orders(1), 'commit');
    await published(scene, 3);
    scene.tell('relay-1', { do: 'release', point: 'after-read' });
    scene.crew.resume('relay-1');
    await scene.until(
      ({ notes, published: all }) => notes.includes('relay-1 refused orders') || all.length > publishedIds(scene),
      'the broker has answered the first relay',
    );
  },
};

export const consumerKilledBeforeEffect: Scenario = {
  duplicates: 1,
  async run(scene) {
    await cast(scene);
    scene.tell('consumer-1', { do: 'arm', point: 'before-effect', act: 'hold' });
    await write(scene, 'one', orders(1), 'commit');
    await reached(scene, 'consumer-1', 'before-effect');
    // With the bug the acknowledgement goes out now; without, nothing can.
    await eventually(() => nothingLeft(scene), { what: 'it is acknowledged', timeoutMs: 3_000 }).catch(() => undefined);
    scene.crew.kill('consumer-1');
    await write(scene, 'two', orders(1, { key: 'other' }), 'commit');
    await scene.until(({ applied: effects }) => effects.length >= 1, 'the next one takes effect');
  },
};

export const consumerKilledAfterEffect: Scenario = {
  duplicates: 1,
  async run(scene) {
    await cast(scene);
    scene.tell('consumer-1', { do: 'arm', point: 'after-effect', act: 'kill' });
    await write(scene, 'one', orders(1), 'commit');
    await reached(scene, 'consumer-1', 'after-effect');
    await scene.until(({ delivered }) => delivered.length >= 2, 'it is delivered again');
  },
};

/** Acknowledged and not yet consumed, and then the server knows of nothing. */
export const brokerComesBackEmpty: Scenario = {
  async run(scene) {
    await cast(scene, { consumers: [] });
    await write(scene, 'one', orders(3), 'commit');
    await published(scene, 3);
    await progressNoted(scene);
    const { server } = carrierOf(scene.carrier, 'redis');
    await server.kill();
    await server.restart();
    await eventually(() => said(scene, 'relay-1', 'publishing them again'), { what: 'the relay notices', timeoutMs: 5_000 }).catch(
      () => undefined,
    );
    scene.startConsumer('consumer-1');
    await ready(scene, ['consumer-1']);
  },
};

/** Streams make room for a cache. A relay that refuses such a server goes on when it has been put right. */
export const evicted: Scenario = {
  async run(scene) {
    scene.startWriter('writer');
    scene.startRelay('relay-1');
    await ready(scene, ['writer']);
    await write(scene, 'one', orders(3), 'commit');
    const refused = (): boolean => said(scene, 'relay-1', 'REDIS_EVICTS');
    await eventually(async () => refused() || scene.histories.read().then(() => publishedIds(scene) >= 3), {
      what: 'the relay refuses the server or publishes',
    });
    const client = await plainClient(carrierOf(scene.carrier, 'redis').server);
    await client.config('SET', 'maxmemory', '6mb');
    // Redis takes the oldest of a few keys that it draws, so how many it takes is left to luck.
    for (let i = 0; (await client.exists(streamKey('orders', shardOf('k', shards)))) > 0; i++)
      await client.set(`cache:${i}`, 'x'.repeat(100_000));
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'maxmemory', '512mb');
    client.disconnect();
    scene.startConsumer('consumer-1');
    await ready(scene, ['consumer-1']);
    await published(scene, 3);
  },
};

export const twoTenants: Scenario = {
  async run(scene) {
    await cast(scene);
    await write(
      scene,
      'one',
      [...orders(1, { topic: 'views', key: 'n' }), ...orders(1, { topic: 'views', key: 's', tenant: 'south' })],
      'commit',
    );
    await published(scene, 2);
    await applied(scene, 1);
  },
};

/** The first of a key takes long: the second must not begin. */
export const slowFirst: Scenario = {
  async run(scene) {
    await cast(scene);
    await write(scene, 'one', [...orders(1, { kind: 'slow' }), ...orders(1)], 'commit');
    await applied(scene, 2);
  },
};

export const oneFailure: Scenario = {
  async run(scene) {
    await cast(scene);
    await write(scene, 'one', orders(1, { kind: 'flaky' }), 'commit');
    await scene.until(({ failed }) => failed.length === 1, 'it has failed');
  },
};

export const takeOver: Scenario = {
  async run(scene) {
    await cast(scene, { relays: ['relay-1'] });
    await write(scene, 'one', orders(3), 'commit');
    await applied(scene, 3);
    await progressNoted(scene);
    scene.crew.kill('relay-1');
    scene.startRelay('relay-2');
    await write(scene, 'two', orders(1), 'commit');
    await applied(scene, 4);
  },
};

/** Nobody would get what is published. */
export const unbound: Scenario = {
  async run(scene) {
    const { broker } = carrierOf(scene.carrier, 'rabbitmq');
    await cast(scene);
    await write(scene, 'one', orders(1), 'commit');
    await applied(scene, 1);
    const shard = shardOf('k', shards);
    await bound(broker, shard, false);
    await write(scene, 'two', orders(1), 'commit');
    const refused = (): boolean => said(scene, 'relay-1', 'broker does not take events');
    await eventually(async () => refused() || scene.histories.read().then(() => publishedIds(scene) >= 2), {
      what: 'the relay retries or takes it for published',
    });
    await bound(broker, shard, true);
  },
};
