import { loadPeer } from '../peer.ts';
import type { Asker, Protocol } from './asker.ts';
import { protocolOf } from './protocol.ts';

const topicType = 2;
const brokerType = 4;
/** Where a value comes from, in the protocol's numbers. */
const ofTopic = 1;

interface Resource {
  readonly type: number;
  readonly name: string;
  readonly configNames: readonly string[];
}

interface Entry {
  readonly configName: string;
  readonly configValue: string;
  readonly configSource: number;
  readonly configSynonyms: readonly Omit<Entry, 'configSynonyms'>[];
}

interface SettingsAnswer {
  readonly resources: readonly { readonly errorCode: number; readonly resourceName: string; readonly configEntries: readonly Entry[] }[];
}

/** Settings of topics as they are in force, whether set for the topic or not. */
export interface KafkaTopicSettings {
  readonly name: string;
  /** Error code of the protocol, 0 for none. */
  readonly errorCode: number;
  readonly values: ReadonlyMap<string, string>;
  /** Of those that are set for the topic itself, what would hold without; the others are the brokers'. */
  readonly overridden: ReadonlyMap<string, string>;
}

/** Values of one setting by topic; a topic that is missing or not the user's to see is left out. */
export async function readTopicSetting(asker: Asker, topics: readonly string[], setting: string): Promise<Map<string, string>> {
  const described = await readTopicSettings(asker, topics, [setting]);
  return new Map(described.flatMap(({ name, values }) => (values.has(setting) ? [[name, values.get(setting)!] as const] : [])));
}

/** Values of `settings` for every one of `topics`, in one request; an empty list means all settings. */
export async function readTopicSettings(
  asker: Pick<Asker, 'ask'>,
  topics: readonly string[],
  settings: readonly string[],
): Promise<KafkaTopicSettings[]> {
  const resources = await describe(
    asker,
    topics.map((name) => ({ type: topicType, name, configNames: settings })),
  );
  return resources.map(({ resourceName, errorCode, configEntries }) => {
    const told = configEntries.filter(({ configName }) => settings.length === 0 || settings.includes(configName));
    const own = told.filter(({ configSource }) => configSource === ofTopic);
    return {
      ...{ name: resourceName, errorCode },
      values: new Map(told.map(({ configName, configValue }) => [configName, configValue])),
      // The values that one has in the order in which they hold, the topic's own first.
      overridden: new Map(own.map(({ configName, configSynonyms }) => [configName, configSynonyms[1]?.configValue ?? 'unset'])),
    };
  });
}

/** A setting of any one of `brokers`; undefined when none tells. A broker knows of its own settings only, so the others' are refused by whoever is asked. */
export async function readBrokerSetting(
  asker: Pick<Asker, 'ask'>,
  brokers: readonly number[],
  setting: string,
): Promise<string | undefined> {
  const asked = brokers.map((id) => ({ type: brokerType, name: String(id), configNames: [setting] }));
  const found = (await describe(asker, asked)).find(({ errorCode }) => errorCode === 0);
  return found?.configEntries.find(({ configName }) => configName === setting)?.configValue;
}

async function describe(asker: Pick<Asker, 'ask'>, resources: readonly Resource[]): Promise<SettingsAnswer['resources']> {
  const protocol = protocolOf<{ resources: readonly Resource[]; includeSynonyms: boolean }, SettingsAnswer>(
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/describeConfigs/v1/request.js')),
    // @ts-expect-error: kafkajs has no types for its inner modules
    await loadPeer('kafkajs', () => import('kafkajs/src/protocol/requests/describeConfigs/v1/response.js')),
  );
  return (await asker.ask(protocol, { resources, includeSynonyms: true })).resources;
}

export interface SettingsOutcome {
  /** Error code of the protocol, 0 for none. */
  readonly errorCode: number;
  /** The broker's own words. */
  readonly errorMessage: string | undefined;
}

/**
 * Sets settings of one topic, takes back those that are null, and leaves its others as they are. kafkajs has only the older request, which resets whatever
 * it does not name, so that a setting that somebody makes at the same time is lost.
 *
 * Every broker since 2.3 speaks it, MSK Serverless too.
 *
 * @see https://cwiki.apache.org/confluence/display/KAFKA/KIP-339
 */
export async function setTopicSettings(
  asker: Pick<Asker, 'ask'>,
  topic: string,
  settings: Readonly<Record<string, string | null>>,
): Promise<SettingsOutcome> {
  return asker.ask(incrementalAlterConfigs, { topic, settings });
}

interface SettingsRequest {
  readonly topic: string;
  readonly settings: Readonly<Record<string, string | null>>;
}

const set = 0;
const takeBack = 1;
/** Not only looked at whether it could be done. */
const carryOut = 0;

/** Version 0, for one topic. */
const incrementalAlterConfigs: Protocol<SettingsRequest, SettingsOutcome> = {
  request({ topic, settings }) {
    const entries = Object.entries(settings).map(([name, value]) =>
      Buffer.concat([text(name), Buffer.of(value === null ? takeBack : set), value === null ? none : text(value)]),
    );
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

/** A text that is null. */
const none = Buffer.from([0xff, 0xff]);

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
