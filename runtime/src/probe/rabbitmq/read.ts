import type { RabbitManagement } from '../../connections/rabbitmq/management.ts';
import { MillraceError } from '../../contracts/errors.ts';

export interface QueueRow {
  readonly name: string;
  readonly ready: number;
  readonly unacknowledged: number;
  readonly consumers: number;
  /** 0 for a queue that nobody ever published to. It counts from the start of the broker. */
  readonly published: number;
}

export interface NodeRow {
  readonly name: string;
  readonly running: boolean;
  readonly mem_alarm?: boolean;
  readonly disk_free_alarm?: boolean;
  readonly mem_used?: unknown;
  readonly mem_limit?: unknown;
  readonly disk_free?: unknown;
  readonly disk_free_limit?: unknown;
  readonly fd_used?: unknown;
  readonly fd_total?: unknown;
}

interface RawQueue {
  readonly name: string;
  readonly messages_ready?: number;
  readonly messages_unacknowledged?: number;
  readonly consumers?: number;
  readonly message_stats?: { readonly publish?: number };
}

const queueColumns = 'name,messages_ready,messages_unacknowledged,consumers,message_stats.publish';
const nodeColumns = 'name,running,mem_alarm,disk_free_alarm,mem_used,mem_limit,disk_free,disk_free_limit,fd_used,fd_total';

/** Most of a page; what has more names is asked in parts. */
const pageSize = 500;
/** The broker reads 8,000 characters of the line of a request. */
const maxPatternLength = 5_000;

/** Those of `names` that are there. By name and page, because figures are gathered from all nodes for each queue that is asked for. */
export async function readQueues(management: RabbitManagement, names: readonly string[]): Promise<QueueRow[]> {
  const vhost = encodeURIComponent(management.vhost);
  const pages = await Promise.all(
    patternsOf(names).map(async (pattern) => {
      const query = `page=1&page_size=${pageSize}&use_regex=true&name=${encodeURIComponent(pattern)}&columns=${queueColumns}`;
      return (await read<{ readonly items: readonly RawQueue[] }>(management, `/queues/${vhost}?${query}`)).items;
    }),
  );
  return pages.flat().map(({ name, messages_ready, messages_unacknowledged, consumers, message_stats }) => ({
    name,
    ready: messages_ready ?? 0,
    unacknowledged: messages_unacknowledged ?? 0,
    consumers: consumers ?? 0,
    published: message_stats?.publish ?? 0,
  }));
}

/** Expressions that together fit every one of `names`, and nothing else. */
function patternsOf(names: readonly string[]): string[] {
  const parts: string[][] = [];
  let length = 0;
  for (const name of names) {
    const literal = name.replaceAll('.', '\\.');
    const last = parts.at(-1);
    if (last === undefined || last.length === pageSize || length + literal.length > maxPatternLength) {
      parts.push([literal]);
      length = 0;
    } else last.push(literal);
    length += encodeURIComponent(`${literal}|`).length;
  }
  return parts.map((literals) => `^(${literals.join('|')})$`);
}

export function readNodes(management: RabbitManagement): Promise<readonly NodeRow[]> {
  return read(management, `/nodes?columns=${nodeColumns}`);
}

export async function readConnections(management: RabbitManagement): Promise<number> {
  const path = '/overview?columns=object_totals.connections';
  return (await read<{ readonly object_totals: { readonly connections: number } }>(management, path)).object_totals.connections;
}

const found = 200;

async function read<T>(management: RabbitManagement, path: string): Promise<T> {
  const { status, body } = await management.ask({ path });
  if (status === found) return body as T;
  const { where, vhost } = management;
  throw new MillraceError(
    'ACCESS_DENIED',
    `${where} does not tell this user of ${path.split('?')[0]} (status ${status}); correct \`vhost\` (${vhost}) in the binding, or give the user the tag monitoring`,
  );
}
