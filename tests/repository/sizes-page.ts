import { environmentSchema, type Size } from '../../environments/schema.ts';
import { type ServiceSettings, sizes } from '../../environments/size.ts';
import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';

type Provisioned = Exclude<ServiceKind, 'postgres' | 'prometheus' | 'alertmanager'>;
interface Row<K extends Provisioned> {
  readonly what: string;
  readonly of: (settings: ServiceSettings[K]) => string | number;
}

const order = ['small', 'medium', 'large'] as const satisfies readonly Size[];
const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
const gib = (value: number): string => `${value.toLocaleString('en')} GiB`;
const mib = (value: number): string => `${value.toLocaleString('en')} MiB`;
const machines = (count: number, type: string): string => `${count} x ${type}`;

/** What a reader wants to know of each service, from the columns of its table. */
const services: { readonly [K in Provisioned]: { readonly title: string; readonly rows: readonly Row<K>[] } } = {
  redis: {
    title: 'ElastiCache',
    rows: [
      { what: 'nodes', of: ({ nodeType, replicas, shards }) => machines(shards * (replicas + 1), nodeType) },
      { what: 'replicas of a shard, in other zones', of: ({ replicas }) => replicas },
      { what: 'shards', of: ({ shards }) => shards },
      { what: 'memory for data in a shard', of: ({ memoryMiB }) => mib(memoryMiB) },
    ],
  },
  'redis-sentinel': {
    title: 'Redis Sentinel on EC2',
    rows: [
      { what: 'machines, one a zone: a master, two replicas, a sentinel on each', of: ({ instanceType }) => machines(3, instanceType) },
      { what: 'memory for data', of: ({ memoryMiB }) => mib(memoryMiB) },
      { what: 'disk of a machine', of: ({ diskGiB }) => gib(diskGiB) },
      {
        what: 'a silent master is replaced after; when the sentinels disagree at first, again after',
        of: ({ downAfterMs, failoverTimeoutMs }) =>
          `${downAfterMs / 1_000} to ${downAfterMs / 1_000 + 2} s; ${(2 * failoverTimeoutMs) / 1_000} s`,
      },
    ],
  },
  kafka: {
    title: 'MSK',
    rows: [
      { what: 'brokers, spread over the zones', of: ({ brokers, brokerType }) => machines(brokers, brokerType) },
      {
        what: 'copies of a partition, of which must acknowledge',
        of: ({ replicationFactor, minInSyncReplicas }) => `${replicationFactor}, ${minInSyncReplicas}`,
      },
      { what: 'disk of a broker, and how far it grows by itself', of: ({ diskGiB, maxDiskGiB }) => `${gib(diskGiB)}, ${gib(maxDiskGiB)}` },
    ],
  },
  rabbitmq: {
    title: 'Amazon MQ for RabbitMQ',
    rows: [
      { what: 'nodes, one a zone', of: ({ nodes, instanceType }) => machines(nodes, instanceType) },
      { what: 'goes on when a node or a zone fails', of: ({ nodes }) => yesNo(nodes > 1) },
    ],
  },
  opensearch: {
    title: 'OpenSearch',
    rows: [
      { what: 'data nodes, spread over the zones', of: ({ dataNodes, dataNodeType }) => machines(dataNodes, dataNodeType) },
      {
        what: 'dedicated masters',
        of: ({ dedicatedMasters, masterNodeType }) => (dedicatedMasters === 0 ? 'none' : machines(dedicatedMasters, masterNodeType)),
      },
      { what: 'warm nodes', of: ({ warmNodes, warmNodeType }) => (warmNodes === 0 ? 'none' : machines(warmNodes, warmNodeType)) },
      { what: 'cold storage', of: ({ coldStorage }) => yesNo(coldStorage) },
      { what: 'disk of a data node', of: ({ diskGiB }) => gib(diskGiB) },
    ],
  },
};

/** docs/sizes.md. */
export function sizesPage(): string {
  return [heading, ...Object.keys(services).map((kind) => section(kind as Provisioned)), regardless()].join('\n\n').concat('\n');
}

function section<K extends Provisioned>(kind: K): string {
  const { title, rows } = services[kind];
  const lines = rows.map(({ what, of }) => row([what, ...order.map((size) => of(sizes[kind][size]))]));
  return [`## ${title} (\`${kind}\`)`, '', row(['', ...order]), row(['---', ...order.map(() => '---')]), ...lines].join('\n');
}

/** What does not depend on the size: it is declared, and these are the defaults. */
function regardless(): string {
  const { protection, backup, retention } = environmentSchema.parse({ name: 'x', engine: { kind: 'docker' }, size: 'small' });
  const lines = [
    ['deletion of what holds data', protection.deletion ? 'refused' : 'allowed', '`protection.deletion`'],
    ['snapshots of Redis Sentinel to S3', `every ${backup.snapshotEveryHours} h`, '`backup.snapshotEveryHours`'],
    ['append-only file of Redis Sentinel to S3', `every ${backup.appendLogEveryHours} h`, '`backup.appendLogEveryHours`'],
    ['backups of Redis Sentinel and ElastiCache are kept', `${backup.keepDays} days`, '`backup.keepDays`'],
    ['snapshots of ElastiCache', 'every day', ''],
    ['snapshots of OpenSearch by AWS; to the bucket of ours', 'every hour for 14 days; as the topology says', '`topology.snapshots`'],
    ['backups of Kafka and RabbitMQ', 'none: what must not be lost is in the outbox log', ''],
    ['logs of servers are kept', `${retention.serverLogDays} days`, '`retention.serverLogDays`'],
    ['the outbox log is kept', `${retention.outboxDays} days`, '`retention.outboxDays`'],
    ['the inbox knows an event for', `${retention.inboxDays} days`, '`retention.inboxDays`'],
  ].map(row);
  const table = [row(['', 'default', 'declared as']), row(['---', '---', '---']), ...lines].join('\n');
  return `## Whatever the size\n\nTLS, encryption at rest, private networks and named users are not a question of size, and cannot be switched off.\n\n${table}`;
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

const heading = `# Sizes on AWS

Generated from \`environments/size.ts\` and the defaults of \`environments/declaration.ts\` by \`make generate\`.

\`small\`, \`medium\` and \`large\` are meant for less than 1, 10 and 100 million requests a day. Each value can be changed for one service with \`overrides\` in its
declaration. Of the shipped environments \`staging\` is small and may be destroyed; \`production\` is medium and protected.`;
