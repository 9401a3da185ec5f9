import { defaultImages } from '../../environments/images.ts';
import type { Distribution } from '../find/distribution.ts';
import { archiveClasses } from './archive.ts';

const version = '4.1.1';

/** Kafka has no package in Debian; its folder is laid out as in Apache's own archive, which the variable may name. */
export const kafkaDistribution: Distribution = {
  kind: 'maven',
  title: `Apache Kafka ${version}`,
  version,
  folder: `kafka-${version}-archived`,
  variable: 'MILLRACE_KAFKA_HOME',
  entry: `libs/kafka_2.13-${version}.jar`,
  image: { name: defaultImages.kafka, folder: '/opt/kafka' },
  parts: {
    libs: [
      { group: 'org.apache.kafka', name: 'kafka_2.13', version },
      // Without something that slf4j can write to, a broker that fails says nothing.
      { group: 'org.apache.logging.log4j', name: 'log4j-slf4j-impl', version: '2.24.3' },
    ],
  },
  assemble: archiveClasses,
};
