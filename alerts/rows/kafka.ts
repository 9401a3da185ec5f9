import type { AlertRow } from '../row.ts';
import { kafkaGroupRows } from './kafka-groups.ts';
import { kafkaLoadRows } from './kafka-load.ts';

const bestPractices = 'https://docs.aws.amazon.com/msk/latest/developerguide/bestpractices.html';
const metrics = 'https://docs.aws.amazon.com/msk/latest/developerguide/metrics-details.html';
const expressMetrics = 'https://docs.aws.amazon.com/msk/latest/developerguide/metrics-details-express.html';

/** Copies of partitions, the brokers that hold them, and their disks. Of Express and serverless clusters MSK shows little, because it mends it by itself. */
const kafkaHealthRows: readonly AlertRow[] = [
  {
    id: 'kafka-offline-partitions',
    subject: 'kafka',
    title: 'Kafka has partitions without a leader',
    unit: '1',
    comparison: '>',
    levels: { critical: { threshold: 0, forSeconds: 60 } },
    missing: 'as-before',
    cloudWatch: [{ of: 'msk', metric: 'OfflinePartitionsCount', periodSeconds: 60 }],
    prometheus: { signal: 'kafka.partitions.offline' },
    why: 'Nobody can write or read these partitions: publishing fails for every key that falls on them, and what they hold has no effect.',
    source: metrics,
  },
  {
    id: 'kafka-under-min-isr',
    subject: 'kafka',
    title: 'Kafka refuses writes to partitions with too few copies in sync',
    unit: '1',
    comparison: '>',
    levels: { critical: { threshold: 0, forSeconds: 120 } },
    missing: 'as-before',
    cloudWatch: [{ of: 'msk', metric: 'UnderMinIsrPartitionCount', periodSeconds: 60 }],
    prometheus: { signal: 'kafka.partitions.under_min_isr' },
    why: 'Every write there fails, because all of ours ask for all copies in sync; one more broker lost may lose what was acknowledged.',
    source: metrics,
  },
  {
    id: 'kafka-under-replicated',
    subject: 'kafka',
    title: 'Kafka has partitions with a copy out of sync',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 900 } },
    missing: 'as-before',
    cloudWatch: [{ of: 'msk', metric: 'UnderReplicatedPartitions', periodSeconds: 60 }],
    prometheus: { signal: 'kafka.partitions.under_replicated' },
    why: 'Users notice nothing, but the next broker that fails, or is patched, stops writes to these partitions.',
    source: bestPractices,
  },
  {
    id: 'kafka-broker-offline',
    subject: 'kafka',
    title: 'A Kafka broker is not there',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', signal: 'kafka.brokers.offline', periodSeconds: 60 }],
    prometheus: { signal: 'kafka.brokers.offline' },
    why: 'The other brokers carry its load with one copy less, so users notice nothing until a second one fails.',
    source: 'MSK takes 5 to 15 minutes to patch a broker, one after the other; what takes longer does not come back by itself',
  },
  {
    id: 'kafka-controller',
    subject: 'kafka',
    title: 'Kafka has no active controller',
    unit: '1',
    comparison: '<',
    // MSK chooses one by itself; nobody here can, and writes go on.
    levels: { warning: { threshold: 1, forSeconds: 300 } },
    missing: 'as-before',
    cloudWatch: [{ of: 'msk', metric: 'ActiveControllerCount', periodSeconds: 60 }],
    why: 'Reading and writing go on, but no partition gets a new leader: the next broker that fails takes its partitions with it.',
    source: metrics,
  },
  {
    id: 'kafka-disk',
    subject: 'kafka',
    title: 'The disk of a Kafka broker is filling up',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.75, forSeconds: 900 }, critical: { threshold: 0.85, forSeconds: 300 } },
    missing: 'as-before',
    cloudWatch: [{ of: 'msk', metric: 'KafkaDataLogsDiskUsed', periodSeconds: 300, scale: 100 }],
    why: 'A broker stops when its disk is full, and the others fill the same way within the hour: then nothing is written to any topic.',
    source: bestPractices,
  },
  {
    id: 'kafka-express-storage',
    subject: 'kafka',
    title: 'Kafka stores far more or faster than is usual',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 2, forSeconds: 3_600 } },
    missing: 'fine',
    cloudWatch: [{ of: 'msk', anomalyOf: 'StorageUsed', periodSeconds: 300 }],
    why: 'Users notice nothing; AWS bills every byte that Express stores, three times, until the retention of the topic ends.',
    source: expressMetrics,
  },
];

/** Kafka: what users wait for first, then whether it is whole, then how hard it works. */
export const kafkaRows: readonly AlertRow[] = [...kafkaGroupRows, ...kafkaHealthRows, ...kafkaLoadRows];
