import type { Redis } from 'ioredis';
import { Pool } from 'pg';
import { uuidv7 } from '../../src/outbox/uuid.ts';
import { round } from '../figure.ts';
import { bullMq } from './bullmq.ts';
import { graphileWorker } from './graphile-worker.ts';
import { type Address, type Peer, type PeerEvent, type PeerTools, peerConnections } from './peer.ts';
import { pgBoss } from './pg-boss.ts';
import { pgTransactionalOutbox } from './pg-transactional-outbox.ts';

export const peers: readonly Peer[] = [graphileWorker, pgBoss, bullMq, pgTransactionalOutbox];

const stream = 'stream:{bench.peers:0}';

/** Events a second of a peer, from its start until Redis has acknowledged the last one. */
export async function ratePeer(peer: Peer, address: Address, redis: Redis, events: number): Promise<number> {
  let published = 0;
  let allPublished = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    allPublished = resolve;
  });
  const pool = new Pool({ ...address, max: peerConnections });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const tools: PeerTools = {
    address,
    pool,
    async append(event) {
      await redis.xadd(stream, '*', ...fields(event));
      published += 1;
      if (published === events) allPublished();
    },
  };
  try {
    await peer.prepare(tools);
    await peer.fill(
      tools,
      Array.from({ length: events }, (_, number) => eventOf(number)),
    );
    const startedAt = performance.now();
    const running = await peer.start(tools);
    await done;
    const rate = round((events / (performance.now() - startedAt)) * 1_000);
    await running.stop();
    return rate;
  } finally {
    await redis.del(stream);
    await pool.end();
  }
}

function eventOf(number: number): PeerEvent {
  return {
    id: uuidv7(),
    source: '/services/orders',
    type: 'order.created',
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    tenantid: 'acme',
    actorid: 'user-1',
    partitionkey: `order-${number % 1_000}`,
    data: `${`{"order":${number},"note":"`.padEnd(398, 'x')}"}`,
  };
}

function fields(event: PeerEvent): string[] {
  return ['specversion', '1.0', ...Object.entries(event).flat()];
}
