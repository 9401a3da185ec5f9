import type { Redis } from 'ioredis';
import { isMillraceError } from '../../contracts/errors.ts';
import { blockedKey, deadLetterKey } from '../../contracts/redis-keys.ts';
import type { DeadLetter, DeadLetters, Failure } from '../../dead-letters.ts';
import { unpackEvent } from './codec.ts';
import { dropScript, listScript, redriveScript } from './dead-letters.lua.ts';
import { createUnpacker } from './msgpack.ts';
import { runScript } from './script.ts';
import type { Routed } from './streams.ts';
import { currentStreams, tenantOf } from './tenants.ts';

/** Of which each may have the largest size that its topic allows. */
const pageSize = 50;

/** What `group` has given up, stream by stream. An id is that of the dead letter, behind the shard or tenant of its stream: `0/1763700000000-0`. */
export function streamDeadLetters(client: Redis, routed: Routed, group: string): DeadLetters {
  const streams = async (): Promise<readonly Place[]> => {
    const names = await currentStreams(client, routed);
    return names.map((stream, shard) => ({ stream, label: tenantOf(stream) ?? String(shard) }));
  };
  const each = async (ids: readonly string[], act: (place: Place, id: string) => Promise<unknown>): Promise<number> => {
    const places = new Map((await streams()).map((place) => [place.label, place]));
    let done = 0;
    for (const id of ids) {
      const [label, entry] = apart(id);
      const place = places.get(label);
      // Anything else than the id of an entry would be a range.
      if (place !== undefined && /^\d+-\d+$/.test(entry) && (await act(place, entry)) === 1) done += 1;
    }
    return done;
  };
  const beside = (stream: string): string[] => [deadLetterKey(stream, group), blockedKey(stream, group)];
  return {
    async *list({ signal } = {}) {
      for (const place of await streams())
        yield* lettersOf(client, place, { topic: routed.name, group, keys: beside(place.stream) }, signal);
    },
    redrive: (ids) => each(ids, ({ stream }, id) => runScript(client, redriveScript, [...beside(stream), stream], [id, group])),
    drop: (ids) => each(ids, ({ stream }, id) => runScript(client, dropScript, beside(stream), [id])),
  };
}

interface Place {
  readonly stream: string;
  /** Names the stream in ids. */
  readonly label: string;
}

interface Kept {
  readonly topic: string;
  readonly group: string;
  readonly keys: readonly string[];
}

async function* lettersOf(client: Redis, { label }: Place, kept: Kept, signal: AbortSignal | undefined): AsyncGenerator<DeadLetter> {
  for (let from = '-'; ; ) {
    signal?.throwIfAborted();
    const unpacker = createUnpacker((await runScript(client, listScript, kept.keys, [from, String(pageSize)])) as Buffer);
    const length = unpacker.array();
    for (let i = 0; i < length; i++) {
      unpacker.array();
      const [id, position, history, blocking] = [unpacker.text(), unpacker.text(), unpacker.text(), unpacker.text()];
      const event = unpackEvent(unpacker, position === '' ? id : position);
      from = `(${id}`;
      yield {
        ...{ id: `${label}/${id}`, topic: kept.topic, group: kept.group, position },
        at: new Date(Number(id.split('-', 1)[0])).toISOString(),
        ...(!isMillraceError(event) && { event }),
        ...{ failures: failuresOf(history), blocking: blocking === '1' },
      };
    }
    if (length < pageSize) return;
  }
}

function failuresOf(history: string): readonly Failure[] {
  try {
    return JSON.parse(history) as Failure[];
  } catch {
    return []; // written by hand
  }
}

function apart(id: string): [label: string, entry: string] {
  const slash = id.lastIndexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}
