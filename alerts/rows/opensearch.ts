import { prometheusName } from '../../runtime/src/contracts/signals.ts';
import type { AlertRow } from '../row.ts';
import { searchLoadRows } from './opensearch-load.ts';
import { searchNodeRows } from './opensearch-nodes.ts';

const alarms = 'https://docs.aws.amazon.com/opensearch-service/latest/developerguide/cloudwatch-alarms.html';

/** What an OpenSearch cluster holds and whether it takes more: first what users notice. */
const stateRows: readonly AlertRow[] = [
  {
    id: 'opensearch-red',
    subject: 'opensearch',
    title: 'OpenSearch misses data: a primary shard and all its copies are on no node',
    unit: '1',
    comparison: '>=',
    levels: { critical: { threshold: 2, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [
      { of: 'opensearch', metric: 'ClusterStatus.red', periodSeconds: 60, levels: { critical: { threshold: 1, forSeconds: 60 } } },
    ],
    prometheus: { signal: 'opensearch.cluster.status' },
    why: 'Searches leave out the documents of that shard, writes to it fail, and no snapshot is complete; on AWS the last good one is gone after 14 days.',
    source: alarms,
  },
  {
    id: 'opensearch-yellow',
    subject: 'opensearch',
    title: 'OpenSearch has shards with a copy too few',
    unit: '1',
    comparison: '>=',
    levels: { warning: { threshold: 1, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'ClusterStatus.yellow', periodSeconds: 60 }],
    // Red has its own.
    prometheus: {
      expression: `max by (service) (${prometheusName('opensearch.cluster.status')}{service=~"$services"}) < 2`,
      by: ['service'],
    },
    why: 'Nothing is missing yet; the loss of one more node can make it red.',
    source: alarms,
  },
  {
    id: 'opensearch-shards-unassigned',
    subject: 'opensearch',
    title: 'OpenSearch has shards without a node',
    unit: '1',
    comparison: '>',
    levels: { info: { threshold: 0, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'Shards.unassigned', periodSeconds: 300 }],
    prometheus: { signal: 'opensearch.shards.unassigned' },
    why: 'How many there are, and whether they become fewer, says how long red or yellow will last.',
    source: 'what red and yellow are made of; those two tell people, this one is for the dashboard',
  },
  {
    id: 'opensearch-writes-blocked',
    subject: 'opensearch',
    title: 'OpenSearch takes no writes',
    unit: '1',
    comparison: '>=',
    levels: { critical: { threshold: 1, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'ClusterIndexWritesBlocked', periodSeconds: 300 }],
    prometheus: { signal: 'opensearch.indices.write_blocked' },
    why: 'Logs, events and search documents stay in their topics until it takes writes again; what is older than the topic keeps is never indexed.',
    source: alarms,
  },
  {
    id: 'opensearch-disk',
    subject: 'opensearch',
    title: 'The disk of an OpenSearch node is nearly full',
    unit: '1',
    comparison: '<=',
    levels: { warning: { threshold: 0.15, forSeconds: 300 }, critical: { threshold: 0.1, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [
      {
        of: 'opensearch',
        metric: 'FreeStorageSpace',
        periodSeconds: 60,
        shareOf: 'storageMiBPerNode',
        // AWS keeps a fifth of the disk, 20 GiB at most, for itself and does not count it as free.
        levels: { warning: { threshold: 0.25, forSeconds: 60 }, critical: { threshold: 0.1, forSeconds: 60 } },
      },
    ],
    prometheus: { signal: 'opensearch.disk.free_ratio' },
    why: 'When it is full the cluster refuses every write, and copies of shards find no node.',
    source: `${alarms} (25 % of each node); of our own: 10 % on AWS, and elsewhere the watermarks from which OpenSearch gives a node no more shards and moves shards away`,
  },
  {
    id: 'opensearch-warm-disk',
    subject: 'opensearch',
    title: 'The warm storage of OpenSearch is nearly full',
    unit: '1',
    comparison: '<=',
    levels: { warning: { threshold: 0.1, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'WarmFreeStorageSpace', periodSeconds: 60, shareOf: 'warmStorageMiB' }],
    why: 'When it is full, older indices stay on the hot nodes and fill their disks.',
    source: alarms,
  },
  {
    id: 'opensearch-nodes',
    subject: 'opensearch',
    title: 'OpenSearch has lost nodes',
    unit: '1',
    comparison: '<',
    levels: { warning: { threshold: 1, forSeconds: 3_600 }, critical: { threshold: 0.7, forSeconds: 900 } },
    // A cluster of which nothing is heard at all has no other alert.
    missing: 'trouble',
    cloudWatch: [{ of: 'opensearch', metric: 'Nodes', periodSeconds: 300, shareOf: 'nodes' }],
    why: 'AWS replaces a lost node by itself; meanwhile the loss of one more can take the last copy of a shard, or the majority that writes need.',
    source: `${alarms} (a day); of our own: an hour, and a quarter where three tenths are gone, because indices have one copy`,
  },
  {
    id: 'opensearch-snapshot-failed',
    subject: 'opensearch',
    title: 'OpenSearch has no new automatic snapshot',
    unit: '1',
    comparison: '>=',
    levels: { warning: { threshold: 1, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'AutomatedSnapshotFailure', periodSeconds: 60 }],
    why: 'None was taken for 36 hours: what would be lost with the domain grows, and after 14 days the last one is gone.',
    source: alarms,
  },
  {
    id: 'opensearch-shards',
    subject: 'opensearch',
    title: 'OpenSearch has nearly as many shards as it may have',
    unit: '1',
    comparison: '>=',
    levels: { warning: { threshold: 0.8, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [{ of: 'opensearch', metric: 'Shards.active', periodSeconds: 60, shareOf: 'shards' }],
    prometheus: { signal: 'opensearch.shards.used_ratio' },
    why: 'At the limit no index can be made: data streams do not roll over, and their last index grows without end.',
    source: `${alarms} (30,000 whatever the nodes); of our own: 80 % of what the nodes may hold, which a small domain reaches long before`,
  },
];

/** OpenSearch: the domains of Amazon OpenSearch Service, and servers of our own. */
export const searchRows: readonly AlertRow[] = [...stateRows, ...searchNodeRows, ...searchLoadRows];
