import { eventually } from '../../../support/eventually.ts';
import { lookingTransport } from './collect.ts';
import type { Kind } from './evidence.ts';
import type { Draft } from './programs/settings.ts';
import type { Scene } from './scene.ts';

/** Drafts of events of one key. */
export const orders = (count: number, { key = 'k', kind = 'plain' as Kind, topic = 'orders', tenant = 'north' } = {}): Draft[] =>
  Array.from({ length: count }, () => ({ topic, key, tenant, kind }));

/** One of each kind of process. */
export async function cast(scene: Scene, { relays = ['relay-1'], consumers = ['consumer-1'] } = {}): Promise<void> {
  scene.startWriter('writer');
  for (const name of relays) scene.startRelay(name);
  for (const name of consumers) scene.startConsumer(name);
  await ready(scene, ['writer', ...relays, ...consumers]);
}

export async function ready(scene: Scene, names: readonly string[]): Promise<void> {
  await scene.until(({ notes }) => names.every((name) => notes.includes(`${name} ready `)), `${names.join(', ')} are at work`);
}

/** Ends with the answer of the writer. */
export async function write(scene: Scene, as: string, events: readonly Draft[], end?: 'commit' | 'rollback'): Promise<void> {
  scene.tell('writer', { do: 'write', as, events });
  await obeyed(scene, 'write', as);
  if (end !== undefined) await finish(scene, as, end);
}

export async function finish(scene: Scene, as: string, end: 'commit' | 'rollback'): Promise<void> {
  scene.tell('writer', { do: end, as });
  await obeyed(scene, end, as);
}

async function obeyed(scene: Scene, what: string, as: string): Promise<void> {
  await scene.until(({ notes }) => notes.includes(`writer obeyed ${what} ${as}`), `the writer has done ${what} ${as}`);
}

export async function reached(scene: Scene, name: string, point: string): Promise<void> {
  await scene.until(({ notes }) => notes.includes(`${name} reached ${point}`), `${name} is ${point}`);
}

export function publishedIds({ histories }: Scene): number {
  return new Set(histories.published.map(({ id }) => id)).size;
}

export async function published(scene: Scene, count: number): Promise<void> {
  await scene.until(() => publishedIds(scene) >= count, `${count} events are published`);
}

export async function applied(scene: Scene, count: number): Promise<void> {
  await scene.until((histories) => histories.applied.length >= count, `${count} events have taken effect`);
}

/** The sink's row says that everything is done. */
export async function progressNoted(scene: Scene): Promise<void> {
  const sql = 'select 1 from millrace.sink where low >= (select max(id) from millrace.outbox)';
  await eventually(async () => (await scene.database.rows(sql)).length > 0, { what: 'progress is in the database' });
}

/** Whether the broker takes everything for handled. */
export async function nothingLeft(scene: Scene): Promise<boolean> {
  const transport = await lookingTransport(scene);
  try {
    const { pending, undelivered } = await transport.lag('orders', 'stock');
    return pending + undelivered === 0;
  } finally {
    await transport.close();
  }
}

export function said({ crew }: Scene, name: string, text: string): boolean {
  return crew.said(name, text) > 0;
}
