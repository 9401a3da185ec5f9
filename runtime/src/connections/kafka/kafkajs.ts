import type * as Kafkajs from 'kafkajs';
import { loadPeer } from '../peer.ts';
import { mendKafkajs } from './mend-kafkajs.ts';

export type KafkajsModule = typeof Kafkajs;

/** kafkajs, mended. Of a CommonJS package Node finds some names only, so all are taken from its default export. */
export async function loadKafkajs(): Promise<KafkajsModule> {
  const loaded = await loadPeer('kafkajs', () => import('kafkajs'));
  await mendKafkajs();
  return (loaded as unknown as { default?: KafkajsModule }).default ?? loaded;
}
