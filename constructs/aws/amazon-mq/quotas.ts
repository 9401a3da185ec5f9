import type { RabbitConfiguration } from './configuration.ts';
import type { BrokerQuotas } from './props.ts';

const sizes: Readonly<Record<string, number>> = {
  large: 1,
  xlarge: 2,
  '2xlarge': 4,
  '4xlarge': 8,
  '8xlarge': 16,
  '12xlarge': 24,
  '16xlarge': 32,
};
/** Of a node of the size large; others have as many times more as they are larger. */
const ofLarge = { connections: 5_000, channels: 15_000 };
/** For trying things out, and limited accordingly. */
const ofMedium = { connections: 100, channels: 500 };

/** What the quotas of a broker depend on. */
interface SizedBroker {
  readonly instanceType: string;
  readonly nodes: number;
  readonly configuration: RabbitConfiguration;
}

/**
 * Connections and channels that a broker takes: those of its settings, or of its type, of each node.
 *
 * @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-sizing-guidelines.html
 */
export function quotasOf({ instanceType, nodes, configuration }: SizedBroker): BrokerQuotas {
  const [, , size = ''] = instanceType.split('.');
  const multiple = sizes[size];
  const ofNode = (limit: 'connections' | 'channels'): number | undefined =>
    size === 'medium' ? ofMedium[limit] : multiple && multiple * ofLarge[limit];
  const all = (each: number | undefined) => each && each * nodes;
  return {
    connections: all(configuration.connection_max ?? ofNode('connections')),
    channels: all(configuration.channel_max_per_node ?? ofNode('channels')),
  };
}
