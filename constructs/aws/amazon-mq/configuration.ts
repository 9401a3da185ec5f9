import { isWholeNumber, quoted } from '../../core/validate.ts';
import { type RabbitVersion, rabbitVersions } from './versions.ts';

interface Key {
  readonly versions: readonly RabbitVersion[];
  /** Largest and smallest whole number; a switch has none. */
  readonly range?: readonly [least: number, most: number];
}
interface NumberKey extends Key {
  readonly range: readonly [least: number, most: number];
}

/** RabbitMQ's largest message, and AWS's. */
const mostBytes = 134_217_728;
const largest = 2_147_483_647;
/** Limits of resources: AWS refuses more than the instance type allows, and lets nobody change them on 3.13. */
const limit = (most: number): NumberKey => ({ versions: ['4.2'], range: [1, most] });
const number = (least: number, most: number): NumberKey => ({ versions: rabbitVersions, range: [least, most] });

/**
 * The keys of rabbitmq.conf that may be set, those that Amazon MQ reads and that open nothing.
 *
 * `load_definitions` is not among them because AWS refuses it, `default_queue_type` neither (4.2 makes quorum queues by itself), nor are the security
 * headers of the management page, which are on.
 *
 * @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/configurable-values.html
 * @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/configure-resource-limits.html
 */
export const configurationKeys = {
  /** Milliseconds until a channel whose consumer does not acknowledge is closed; 0 never. AWS has 1,800,000. */
  consumer_timeout: number(0, largest),
  /** Seconds; what the broker proposes, clients may ask for less. AWS has 60. */
  heartbeat: number(60, 3_600),
  /** Whether operator policies are closed to changes. AWS has true; who opens them keeps AWS's own in them. */
  'management.restrictions.operator_policy_changes.disabled': { versions: rabbitVersions },
  /** Whether a quorum queue may be declared again with other arguments. AWS has true, which hides a difference between declaration and queue. */
  'quorum_queue.property_equivalence.relaxed_checks_on_redeclaration': { versions: rabbitVersions },
  /** Connections of a node. */
  connection_max: limit(160_000),
  /** Channels of a node. */
  channel_max_per_node: limit(480_000),
  consumer_max_per_channel: limit(1_000),
  /** Queues of the whole broker. */
  cluster_queue_limit: limit(120_000),
  /** Exchanges of the whole broker. */
  cluster_exchange_limit: limit(1_000_000),
  vhost_max: limit(1_500),
  'runtime_parameters.limits.shovel': limit(8_000),
  /** Bytes. */
  max_message_size: limit(mostBytes),
} as const satisfies Readonly<Record<string, Key>>;

type Keys = typeof configurationKeys;
/** Settings of the server: numbers for what has a range, switches for the others. */
export type RabbitConfiguration = { readonly [K in keyof Keys]?: Keys[K] extends NumberKey ? number : boolean };

/** What is wrong with `configuration` for `version`, a phrase each. */
export function configurationProblems(configuration: RabbitConfiguration, version: RabbitVersion): string[] {
  return Object.entries(configuration).flatMap(([name, value]) => {
    const key: Key | undefined = Object.hasOwn(configurationKeys, name) ? configurationKeys[name as keyof Keys] : undefined;
    if (key === undefined) return [`${name} must be left out, Amazon MQ offers ${Object.keys(configurationKeys).join(', ')}`];
    if (!key.versions.includes(version)) return [`${name} must be left out on ${version}, it begins with ${key.versions[0]}`];
    return fits(key, value) ? [] : [`${name} must be ${wanted(key)}, got ${quoted(value)}`];
  });
}

function fits({ range }: Key, value: unknown): boolean {
  return range === undefined ? typeof value === 'boolean' : typeof value === 'number' && isWholeNumber(value, ...range);
}

function wanted({ range }: Key): string {
  return range === undefined ? 'true or false' : `a whole number from ${range[0]} to ${range[1]}`;
}

/** `configuration` as lines of rabbitmq.conf, in the order of their names; the provider encodes them. */
export function renderConfiguration(configuration: RabbitConfiguration): string {
  const lines = Object.entries(configuration).sort(([a], [b]) => (a < b ? -1 : 1));
  return ['# RabbitMQ, by Millrace', ...lines.map(([name, value]) => `${name} = ${value}`), ''].join('\n');
}
