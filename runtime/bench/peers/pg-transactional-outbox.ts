import { DatabaseSetup, getDisabledLogger, initializePollingMessageListener } from 'pg-transactional-outbox';
import type { Peer, PeerEvent } from './peer.ts';

const setup = {
  outboxOrInbox: 'outbox' as const,
  database: 'unused',
  schema: 'public',
  table: 'outbox',
  listenerRole: 'unused',
  nextMessagesName: 'next_outbox_messages',
};
const batchSize = 20;

/**
 * Its polling listener, a segment a key as its documentation advises for parallel work; without the protections that cost statements, without a pause
 * between batches. Each message is handled in a transaction of its own. Its replication listener handles messages in the same way.
 */
export const pgTransactionalOutbox: Peer = {
  name: 'pg-transactional-outbox 0.5.7',
  source: 'https://github.com/Zehelein/pg-transactional-outbox/blob/main/lib/README.md#polling-listener-strategies',
  events: 2_000,
  async prepare({ pool }) {
    await pool.query(DatabaseSetup.dropAndCreateTable(setup));
    await pool.query(DatabaseSetup.createPollingFunction(setup));
    await pool.query(DatabaseSetup.setupPollingIndexes(setup));
  },
  async fill({ pool }, events) {
    await pool.query(
      `insert into outbox (id, aggregate_type, aggregate_id, message_type, segment, payload)
        select (e ->> 'id')::uuid, 'order', e ->> 'partitionkey', e ->> 'type', e ->> 'partitionkey', e from unnest($1::jsonb[]) as e`,
      [events.map((event) => JSON.stringify(event))],
    );
    await pool.query('vacuum analyze outbox');
  },
  async start({ address, append }) {
    const [stop] = initializePollingMessageListener(
      {
        outboxOrInbox: 'outbox',
        dbListenerConfig: address,
        settings: {
          dbSchema: setup.schema,
          dbTable: setup.table,
          nextMessagesFunctionName: setup.nextMessagesName,
          nextMessagesBatchSize: batchSize,
          nextMessagesPollingIntervalInMs: 5,
          enableMaxAttemptsProtection: false,
          enablePoisonousMessageProtection: false,
        },
      },
      { handle: ({ payload }) => append(payload as PeerEvent) },
      getDisabledLogger(),
      // By default the first messages are fetched one by one.
      { batchSizeStrategy: async () => batchSize },
    );
    return { stop };
  },
};
