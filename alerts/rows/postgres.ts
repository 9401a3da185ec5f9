import type { AlertRow } from '../row.ts';

/** PostgreSQL as a server. What Millrace keeps in it has rows of its own, among those of the outbox. */
export const postgresRows: readonly AlertRow[] = [
  {
    id: 'postgres-connections',
    subject: 'postgres',
    title: 'PostgreSQL has few connections left',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 300 }, critical: { threshold: 0.95, forSeconds: 60 } },
    missing: 'fine',
    prometheus: { signal: 'postgres.connections.used_ratio' },
    why: 'When none is left, services cannot begin transactions, and a relay that loses its connection cannot publish.',
    source: 'of our own: on AWS the database is not of this environment, and who keeps it watches DatabaseConnections',
  },
  {
    id: 'postgres-old-transaction',
    subject: 'postgres',
    title: 'A transaction on PostgreSQL has been open for too long',
    unit: 's',
    comparison: '>',
    levels: { warning: { threshold: 1_800, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', signal: 'postgres.transaction.oldest_age', periodSeconds: 60 }],
    prometheus: { signal: 'postgres.transaction.oldest_age' },
    why: 'Rows that are rewritten several times a second, those of sinks first, keep all their versions and become slow; partitions over their retention stay.',
    source:
      'of our own: sessions of the package end an idle transaction after a minute and a statement after half of one, so it is somebody else',
  },
];
