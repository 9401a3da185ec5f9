import type { Note } from '../../driver.ts';
import { attachmentsOf } from './attachments.ts';
import { type DeclaredObject, keyOf, type Live } from './model.ts';
import { changeName } from './names.ts';

/** What no change mends, or what mends itself. */
export function notesOn(service: string, declared: readonly DeclaredObject[], live: Live): readonly Note[] {
  return declared.flatMap((object) => [
    ...(object.kind === 'lifecycle' ? [...stuck(service, object, live), ...following(service, object, declared, live)] : []),
    ...(object.index === undefined ? [] : withNextIndex(service, object, live)),
  ]);
}

/** Indices whose lifecycle has stopped with an error; until a person has looked they are neither moved nor deleted. */
function stuck(service: string, { kind, name }: DeclaredObject, { managed }: Live): Note[] {
  return [...managed].flatMap(([index, { policy, failed, state, action, message }]) => {
    if (policy !== name || !failed) return [];
    const place = state === undefined ? 'before its first state' : `in state ${state}${action === undefined ? '' : ` at ${action}`}`;
    const sentence = `index ${index} is stuck ${place}: ${message ?? 'no reason is given'}; mend that, then POST _plugins/_ism/retry/${index}`;
    return [{ level: 'problem', name: changeName(service, { kind, name }), sentence }];
  });
}

function following(service: string, object: DeclaredObject, declared: readonly DeclaredObject[], live: Live): Note[] {
  const older = attachmentsOf(object, declared, live).filter(({ instead, settles }) => instead === 'older version' && settles);
  if (older.length === 0) return [];
  const sentence = `${older.length} ${older.length === 1 ? 'index follows' : 'indices follow'} an older version until the next run, minutes from now`;
  return [{ level: 'info', name: changeName(service, object), sentence }];
}

/** Shards and types of fields are fixed when an index is made. */
function withNextIndex(service: string, object: DeclaredObject, live: Live): Note[] {
  const index = live.objects.get(keyOf(object))?.indices?.at(-1);
  const found = index === undefined ? undefined : live.indices.get(index);
  if (found === undefined) return [];
  const { shards, fields } = object.index!;
  const liveShards = found.settings['index.number_of_shards'];
  const differing = [
    ...(liveShards === undefined || liveShards === String(shards) ? [] : [`number_of_shards ${shards} (now ${liveShards})`]),
    ...Object.entries(fields).flatMap(([field, { type }]) => {
      const liveType = found.fields[field];
      return type === undefined || liveType === undefined || liveType === type
        ? []
        : [`field ${field} as ${String(type)} (now ${liveType})`];
    }),
  ];
  if (differing.length === 0) return [];
  const sentence = `takes effect with the next index, after a roll-over (POST ${object.name}/_rollover): ${differing.join(', ')}`;
  return [{ level: 'info', name: changeName(service, object), sentence }];
}
