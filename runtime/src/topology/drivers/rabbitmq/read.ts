import type { RabbitManagement } from '../../../connections/rabbitmq/management.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import type { Properties } from '../../differences.ts';
import type { Exchange, Live, LiveBinding, LiveQueue } from './model.ts';

interface QueueRow {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly exclusive: boolean;
  readonly arguments: Properties;
  readonly messages?: number;
  readonly messages_unacknowledged?: number;
  readonly message_bytes?: number;
  readonly consumers?: number;
  readonly policy?: string | null;
  readonly operator_policy?: string | null;
  /** An empty one of older versions is a list. */
  readonly effective_policy_definition?: Properties | readonly never[] | null;
}

interface ExchangeRow {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly internal: boolean;
  readonly arguments: Properties;
}

interface BindingRow {
  readonly source: string;
  readonly destination: string;
  readonly destination_type: 'queue' | 'exchange';
  readonly routing_key: string;
  readonly arguments: Properties;
  readonly properties_key: string;
}

const queueColumns = [
  ...['name', 'type', 'durable', 'auto_delete', 'exclusive', 'arguments'],
  ...['messages', 'messages_unacknowledged', 'message_bytes', 'consumers'],
  ...['policy', 'operator_policy', 'effective_policy_definition'],
].join(',');
const exchangeColumns = 'name,type,durable,auto_delete,internal,arguments';

/** Everything of the virtual host, in four requests at once. @throws {MillraceError} ACCESS_DENIED when there is no such virtual host. */
export async function readLive(management: RabbitManagement): Promise<Live> {
  const vhost = encodeURIComponent(management.vhost);
  const [overview, queues, exchanges, bindings] = await Promise.all([
    list<{ rabbitmq_version: string }>(management, '/overview?columns=rabbitmq_version'),
    list<QueueRow[]>(management, `/queues/${vhost}?columns=${queueColumns}`),
    list<ExchangeRow[]>(management, `/exchanges/${vhost}?columns=${exchangeColumns}`),
    list<BindingRow[]>(management, `/bindings/${vhost}`),
  ]);
  return {
    version: overview.rabbitmq_version,
    queues: queues.map(queueOf),
    exchanges: exchanges.map(exchangeOf),
    bindings: bindings.map(bindingOf),
  };
}

/** The queue as it is now; undefined when there is none. Its figures are those of the last collection. */
export async function readQueue(management: RabbitManagement, name: string): Promise<LiveQueue | undefined> {
  const row = await one<QueueRow>(management, `${queuePath(management, name)}?columns=${queueColumns}`);
  return row === undefined ? undefined : queueOf(row);
}

export async function readExchange(management: RabbitManagement, name: string): Promise<Exchange | undefined> {
  const row = await one<ExchangeRow>(management, exchangePath(management, name));
  return row === undefined ? undefined : exchangeOf(row);
}

export function queuePath({ vhost }: RabbitManagement, name: string): string {
  return `/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`;
}

export function exchangePath({ vhost }: RabbitManagement, name: string): string {
  return `/exchanges/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`;
}

const found = 200;
const missing = 404;

async function list<T>(management: RabbitManagement, path: string): Promise<T> {
  const { status, body } = await management.ask({ path });
  if (status === found) return body as T;
  const { where, vhost } = management;
  throw new MillraceError(
    'ACCESS_DENIED',
    `${where} has no virtual host ${vhost} for this user (status ${status}); correct \`vhost\` in the binding, or make it with rabbitmqctl add_vhost`,
  );
}

async function one<T>(management: RabbitManagement, path: string): Promise<T | undefined> {
  const { status, body } = await management.ask({ path });
  if (status === found) return body as T;
  if (status === missing) return undefined;
  throw new MillraceError('CONNECTION_FAILED', `${management.where} answered ${path} with status ${status}`);
}

function queueOf(row: QueueRow): LiveQueue {
  const { policy, operator_policy: operatorPolicy, effective_policy_definition: definition } = row;
  return {
    name: row.name,
    durable: row.durable,
    autoDelete: row.auto_delete,
    exclusive: row.exclusive,
    // A queue that was made without a type has one all the same.
    arguments: { 'x-queue-type': row.type, ...row.arguments },
    messages: row.messages ?? 0,
    unacknowledged: row.messages_unacknowledged ?? 0,
    bytes: row.message_bytes,
    consumers: row.consumers ?? 0,
    policies: [policy, operatorPolicy].flatMap((name) => (name ? [name] : [])),
    policyDefinition: Array.isArray(definition) ? {} : ((definition as Properties | null | undefined) ?? {}),
  };
}

function exchangeOf(row: ExchangeRow): Exchange {
  const { name, type, durable, internal, arguments: settings } = row;
  return { name, type, durable, internal, autoDelete: row.auto_delete, arguments: settings };
}

function bindingOf(row: BindingRow): LiveBinding {
  const { source, destination, arguments: headers } = row;
  return {
    ...{ source, destination, arguments: headers },
    destinationType: row.destination_type,
    routingKey: row.routing_key,
    propertiesKey: row.properties_key,
  };
}
