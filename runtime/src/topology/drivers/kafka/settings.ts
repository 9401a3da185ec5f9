import type { Protocol } from '../../../connections/kafka/asker.ts';
import type { KafkaConnection } from '../../../connections/kafka/index.ts';

export interface SettingsOutcome {
  /** Error code of the protocol, 0 for none. */
  readonly errorCode: number;
  /** The broker's own words. */
  readonly errorMessage: string | undefined;
}

/**
 * Sets settings of one topic and leaves its others as they are. kafkajs has only the older request, which resets whatever it does not name, so that a
 * setting that somebody makes at the same time is lost.
 *
 * Every broker since 2.3 speaks it, MSK Serverless too.
 *
 * @see https://cwiki.apache.org/confluence/display/KAFKA/KIP-339
 */
export async function setTopicSettings(
  connection: KafkaConnection,
  topic: string,
  settings: Readonly<Record<string, string>>,
): Promise<SettingsOutcome> {
  return connection.ask(incrementalAlterConfigs, { topic, settings });
}

interface Request {
  readonly topic: string;
  readonly settings: Readonly<Record<string, string>>;
}

const topicType = 2;
const set = 0;
/** Not only looked at whether it could be done. */
const carryOut = 0;

/** Version 0, for one topic. */
const incrementalAlterConfigs: Protocol<Request, SettingsOutcome> = {
  request({ topic, settings }) {
    const entries = Object.entries(settings).map(([name, value]) => Buffer.concat([text(name), Buffer.of(set), text(value)]));
    const resource = Buffer.concat([Buffer.of(topicType), text(topic), array(entries)]);
    const bytes = Buffer.concat([array([resource]), Buffer.of(carryOut)]);
    return { apiKey: 44, apiVersion: 0, apiName: 'IncrementalAlterConfigs', encode: async () => ({ buf: bytes, buffer: bytes }) };
  },
  async decode(bytes) {
    // Throttle time and the number of topics, four bytes each.
    const at = 8;
    const length = bytes.readInt16BE(at + 2);
    return {
      errorCode: bytes.readInt16BE(at),
      errorMessage: length < 0 ? undefined : bytes.toString('utf8', at + 4, at + 4 + length),
    };
  },
};

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function array(items: readonly Buffer[]): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(items.length);
  return Buffer.concat([length, ...items]);
}
