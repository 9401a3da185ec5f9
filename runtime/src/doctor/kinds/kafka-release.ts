import type { KafkaConnection } from '../../connections/kafka/index.ts';
import { wireProtocol } from '../../connections/kafka/wire.ts';

/**
 * Highest level of `metadata.version` of each release. Brokers tell no version of their own; this is the release whose format the cluster has been
 * upgraded to, which may be older than the programs.
 *
 * @see https://github.com/apache/kafka/blob/trunk/server-common/src/main/java/org/apache/kafka/server/common/MetadataVersion.java
 */
const lastLevels: readonly (readonly [level: number, release: string])[] = [
  [7, '3.3'],
  [8, '3.4'],
  [11, '3.5'],
  [14, '3.6'],
  [19, '3.7'],
  [20, '3.8'],
  [21, '3.9'],
  [25, '4.0'],
  [27, '4.1'],
];

const finalizedFeatures = 2;

interface Feature {
  readonly name: string;
  readonly level: number;
}

/** ApiVersions 3, spoken by Kafka since 2.4: features stand in tagged fields at its end. Its answer, alone of all, has no tags behind the header. */
const apiVersions = wireProtocol<undefined, readonly Feature[]>(
  { key: 18, version: 3, name: 'ApiVersions' },
  (writer) => void writer.compactLength(-1).compactText('millrace').compactText('1').compactLength(-1),
  (reader) => {
    if (reader.int16() !== 0) return [];
    reader.compactList(() => {
      reader.slice(6);
      reader.skipTags();
    });
    reader.int32();
    let features: readonly Feature[] = [];
    for (let tags = reader.compactLength() + 1; tags > 0; tags--) {
      const tag = reader.compactLength() + 1;
      const end = reader.compactLength() + 1 + reader.at;
      if (tag === finalizedFeatures) {
        features = reader.compactList(() => {
          const name = reader.compactText();
          const level = reader.int16();
          reader.slice(2);
          reader.skipTags();
          return { name, level };
        });
      }
      reader.at = end;
    }
    return features;
  },
);

/** Release of the cluster's metadata, `4.1`; undefined where it has none, as with ZooKeeper, and of a level that is not known here. */
export async function metadataRelease(kafka: Pick<KafkaConnection, 'ask'>): Promise<string | undefined> {
  const features = await kafka.ask(apiVersions, undefined);
  const level = features.find(({ name }) => name === 'metadata.version')?.level;
  if (level === undefined) return undefined;
  return lastLevels.find(([last]) => level <= last)?.[1] ?? `metadata ${level}`;
}
