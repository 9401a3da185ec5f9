import { objectName } from '../../../contracts/object-names.ts';
import type { Note } from '../../driver.ts';
import { attachmentsOf } from './attachments.ts';
import type { DeclaredObject, Live } from './model.ts';
import { targetNotes } from './target-notes.ts';

/** What no change mends, or what mends itself. */
export function notesOn(service: string, declared: readonly DeclaredObject[], live: Live): readonly Note[] {
  return declared.flatMap((object) => [
    ...(object.kind === 'lifecycle' ? [...stuck(service, object, live), ...following(service, object, declared, live)] : []),
    ...(object.index === undefined ? [] : targetNotes(service, object, live)),
  ]);
}

/** Indices whose lifecycle has stopped with an error; until a person has looked they are neither moved nor deleted. */
function stuck(service: string, { kind, name }: DeclaredObject, { managed }: Live): Note[] {
  return [...managed].flatMap(([index, { policy, failed, state, action, message }]) => {
    if (policy !== name || !failed) return [];
    const place = state === undefined ? 'before its first state' : `in state ${state}${action === undefined ? '' : ` at ${action}`}`;
    const sentence = `index ${index} is stuck ${place}: ${message ?? 'no reason is given'}; mend that, then POST _plugins/_ism/retry/${index}`;
    return [{ level: 'problem', name: objectName(service, kind, name), sentence }];
  });
}

function following(service: string, object: DeclaredObject, declared: readonly DeclaredObject[], live: Live): Note[] {
  const waiting = attachmentsOf(object, declared, live).filter(({ instead, settles }) => settles && instead !== 'nothing');
  return (['older version', 'other policy'] as const).flatMap((instead) => {
    const count = waiting.filter((each) => each.instead === instead).length;
    if (count === 0) return [];
    const what = instead === 'older version' ? 'an older version' : 'another lifecycle';
    const sentence = `${count} ${count === 1 ? 'index follows' : 'indices follow'} ${what} until the next run, minutes from now`;
    return [{ level: 'info', name: objectName(service, object.kind, object.name), sentence }];
  });
}
