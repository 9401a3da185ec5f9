import type { AlertRow } from '../row.ts';

const alarms = 'https://docs.aws.amazon.com/opensearch-service/latest/developerguide/cloudwatch-alarms.html';
const metrics = 'https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-cloudwatchmetrics.html';

/** A node that comes or goes brings or takes its whole count, which looks like one minute of refusals: one minute alone says nothing. */
const refusals = { warning: { threshold: 0, forSeconds: 300, periods: [2, 5] } } as const;

/** More work for OpenSearch than it gets done: queues, refusals, disks that are too slow. */
export const searchLoadRows: readonly AlertRow[] = [
  {
    id: 'opensearch-server-errors',
    subject: 'opensearch',
    title: 'OpenSearch answers with errors of its own',
    unit: '1',
    comparison: '>=',
    levels: { warning: { threshold: 0.1, forSeconds: 300, periods: [3, 5] }, critical: { threshold: 0.5, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [
      {
        of: 'opensearch',
        expression: 'IF(requests > 0, errors / requests, 0)',
        metrics: { errors: '5xx', requests: 'OpenSearchRequests' },
        periodSeconds: 60,
      },
    ],
    why: 'Searches of users fail; what writes in bulk tries again and falls behind.',
    source: `${alarms} (a tenth of all requests); of our own: a half wakes somebody up`,
  },
  {
    id: 'opensearch-write-rejected',
    subject: 'opensearch',
    title: 'OpenSearch refuses writes because its queue or its memory for them is full',
    unit: '{operation}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [
      {
        of: 'opensearch',
        expression: 'SUM([DIFF(queue), DIFF(coordinating), DIFF(primary), DIFF(replica)])',
        metrics: {
          queue: 'ThreadpoolWriteRejected',
          coordinating: 'CoordinatingWriteRejected',
          primary: 'PrimaryWriteRejected',
          replica: 'ReplicaWriteRejected',
        },
        periodSeconds: 60,
        levels: refusals,
      },
    ],
    prometheus: { signal: 'opensearch.write.rejected', increaseOverSeconds: 300 },
    why: 'Who writes must try again: indexing falls behind, and a client that does not loses documents.',
    source: `${alarms} (its rise; the count itself never falls)`,
  },
  {
    id: 'opensearch-search-rejected',
    subject: 'opensearch',
    title: 'OpenSearch refuses searches because its queue is full',
    unit: '{operation}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [
      {
        of: 'opensearch',
        expression: 'DIFF(rejected)',
        metrics: { rejected: 'ThreadpoolSearchRejected' },
        periodSeconds: 60,
        levels: refusals,
      },
    ],
    prometheus: { signal: 'opensearch.search.rejected', increaseOverSeconds: 300 },
    why: 'Users get errors, or results from which shards are missing.',
    source: `${alarms} (its rise; the count itself never falls)`,
  },
  {
    id: 'opensearch-write-queue',
    subject: 'opensearch',
    title: 'Writes queue up on OpenSearch',
    unit: '{operation}',
    comparison: '>=',
    levels: { warning: { threshold: 100, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'ThreadpoolWriteQueue', periodSeconds: 60 }],
    why: 'New documents can be found later and later; when the queue is full, writes are refused.',
    source: `${alarms} (one minute; of our own: three of five, because every bulk request fills it for a moment)`,
  },
  {
    id: 'opensearch-search-queue',
    subject: 'opensearch',
    title: 'Searches queue up on OpenSearch',
    unit: '{operation}',
    comparison: '>=',
    levels: { warning: { threshold: 500, forSeconds: 300, periods: [3, 5] } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'ThreadpoolSearchQueue', statistic: 'Average', periodSeconds: 60 }],
    why: 'Searches of users take seconds; a queue of 1,000 on a node is full, and searches are refused.',
    source: `${alarms} (one minute, or a maximum of 5,000, which a queue of 1,000 never has)`,
  },
  {
    id: 'opensearch-disk-queue',
    subject: 'opensearch',
    title: 'Requests wait for a disk of OpenSearch',
    unit: '{operation}',
    comparison: '>=',
    // AWS measures it every five minutes.
    levels: { warning: { threshold: 100, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'DiskQueueDepth', periodSeconds: 300 }],
    why: 'Everything that is not in memory becomes slow, searches of older days first.',
    source: 'https://repost.aws/knowledge-center/opensearch-cloudwatch-alarms',
  },
  {
    id: 'opensearch-throttled',
    subject: 'opensearch',
    title: 'The disks of OpenSearch are at the limit of their speed',
    unit: '1',
    comparison: '>=',
    levels: { warning: { threshold: 1, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [
      {
        of: 'opensearch',
        expression: 'MAX([operations, bytes])',
        metrics: { operations: 'IopsThrottle', bytes: 'ThroughputThrottle' },
        periodSeconds: 300,
      },
    ],
    why: 'AWS holds requests back: merges and recoveries take longer, then writes and searches do.',
    source: `${metrics} (a value of 1 that lasts)`,
  },
];
