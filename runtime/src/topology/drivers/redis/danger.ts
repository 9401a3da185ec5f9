import { streamKey } from '../../../contracts/topology.ts';
import type { Danger } from '../../driver.ts';
import type { DeclaredRedis } from './declared.ts';
import type { LiveGroup, LiveRedis, LiveStream, StrayStream } from './read.ts';

/** Streams that nothing declares, taken together: one that all tenants share, or those of all tenants of a topic. */
export interface Stray {
  readonly topic: string | undefined;
  readonly isolation: StrayStream['isolation'];
  readonly streams: readonly StrayStream[];
}

/** More shards of an ordered topic, while some events in the old ones are still to be handled. */
interface Move {
  readonly keys: readonly string[];
  readonly sentence: string;
}

/** What users who lose or get keys would do to events. */
export interface StreamRisks {
  readonly strays: readonly Stray[];
  readonly moves: readonly Move[];
}

export function risksOf(declared: DeclaredRedis, live: LiveRedis): StreamRisks {
  return {
    strays: straysOf(live.strays),
    moves: declared.ordered.flatMap(({ keys }) => moveOf(keys, live)),
  };
}

/** Tenants may be thousands: the streams of all who have a topic are one object. */
function straysOf(streams: readonly StrayStream[]): Stray[] {
  const shared = streams.filter(({ isolation }) => isolation === 'shared');
  const ofTenants = streams.filter(({ isolation }) => isolation === 'tenant');
  const topics = [...new Set(ofTenants.map(({ topic }) => topic))].sort();
  return [
    ...shared.map((stream): Stray => ({ topic: stream.topic, isolation: 'shared', streams: [stream] })),
    ...topics.map((topic): Stray => ({ topic, isolation: 'tenant', streams: ofTenants.filter((stream) => stream.topic === topic) })),
  ];
}

/** How many shards there were is told by the streams: the first event or group makes them. */
function moveOf(keys: readonly string[], { streams }: LiveRedis): Move[] {
  const before = keys.findLastIndex((key) => streams.get(key)?.type === 'stream') + 1;
  const open = keys.slice(0, before).map((key) => streams.get(key)!);
  const unhandled = open.reduce((sum, stream) => sum + (stream.groups.length === 0 ? 0 : unhandledIn(stream)), 0);
  if (before === keys.length || unhandled === 0) return [];
  const sentence =
    `moves keys from ${before} to ${keys.length} shards: events of a key may overtake those of it among the ` +
    `${counted(unhandled, 'entry')} that groups have yet to acknowledge, until the old ones are consumed`;
  return [{ keys: keys.slice(before), sentence }];
}

/** Entries that some group has yet to acknowledge; without groups all of them. */
export function unhandledIn({ entries, groups }: Pick<LiveStream, 'entries' | 'groups'>): number {
  if (groups.length === 0) return entries;
  return Math.min(entries, Math.max(...groups.map(({ pending, lag }) => pending + (lag ?? entries))));
}

/** A group on a shard that the topic did not have. */
export function dangerOfGroup(stream: string, { moves }: StreamRisks): Danger | undefined {
  const move = moves.find(({ keys }) => keys.includes(stream));
  return move && { sentence: move.sentence };
}

/** Keys are patterns, as rules have them. */
export function dangerOfUser(taken: ReadonlySet<string>, given: ReadonlySet<string>, { strays, moves }: StreamRisks): Danger | undefined {
  const left = strays.flatMap((stray) => leftBehind(stray, taken));
  const moving = moves.filter(({ keys }) => keys.some((key) => given.has(key)));
  if (left.length === 0 && moving.length === 0) return undefined;
  const streams = left.map(({ text }) => text).join(', ');
  const clauses = [
    ...(left.length === 0 ? [] : [`takes away streams with events that are not handled: ${streams}`]),
    ...moving.map(({ sentence }) => sentence),
  ];
  const messages = left.reduce((sum, { unhandled }) => sum + unhandled, 0);
  return { sentence: clauses.join(', and '), ...(left.length > 0 && { messages }) };
}

function leftBehind({ topic, isolation, streams }: Stray, taken: ReadonlySet<string>): { text: string; unhandled: number }[] {
  const ofAll = isolation === 'tenant' && taken.has(streamKey(topic!, 0, '*'));
  const concerned = streams.filter((stream) => (ofAll || taken.has(stream.key)) && unhandledIn(stream) > 0);
  if (concerned.length === 0) return [];
  const what = concerned.length === 1 ? concerned[0]!.key : `${concerned.length} streams of tenants of ${topic}`;
  const unhandled = concerned.reduce((sum, stream) => sum + unhandledIn(stream), 0);
  return [{ text: `${what} (${entriesIn(concerned)})`, unhandled }];
}

export function dangerOfDeletion({ streams }: Stray): Danger {
  const deadLetters = streams.reduce((sum, stream) => sum + stream.deadLetters, 0);
  const what = streams.length === 1 ? 'the stream' : `${streams.length} streams`;
  const beside = deadLetters === 0 ? '' : ` and ${counted(deadLetters, 'dead letter')}`;
  return {
    sentence: `deletes ${what} with ${entriesIn(streams)}${beside}, and the keys beside`,
    messages: entriesOf(streams) + deadLetters,
  };
}

/** The entries themselves stay in the stream; that the group has yet to handle them is forgotten. */
export function dangerOfGroupDeletion({ pending, lag }: LiveGroup, entries: number): Danger {
  const undelivered = lag ?? entries;
  const sentence =
    `forgets how far the group has come, ${pending} entries delivered and not acknowledged ` +
    `and ${lag === undefined ? 'at most ' : ''}${undelivered} not delivered yet`;
  return { sentence, messages: pending + undelivered };
}

function entriesIn(streams: readonly StrayStream[]): string {
  return `${counted(entriesOf(streams), 'entry')}, ${pendingOf(streams)} pending`;
}

export function entriesOf(streams: readonly StrayStream[]): number {
  return streams.reduce((sum, { entries }) => sum + entries, 0);
}

/** Delivered and not acknowledged, over all groups. */
export function pendingOf(streams: readonly StrayStream[]): number {
  return streams.flatMap(({ groups }) => groups).reduce((sum, { pending }) => sum + pending, 0);
}

function counted(number: number, what: 'entry' | 'dead letter'): string {
  if (number === 1) return `1 ${what}`;
  return `${number} ${what === 'entry' ? 'entries' : 'dead letters'}`;
}
