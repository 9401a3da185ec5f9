import type { PropertyDifference } from '../../driver.ts';
import { detachmentsOf, takersOf } from './attachments.ts';
import { fieldsIn, missingFields } from './fields.ts';
import type { DeclaredObject, Live, LiveObject } from './model.ts';

/** What a data stream or an alias with its indices lacks beside its settings; nothing for other objects. */
export function targetDifferences(
  object: DeclaredObject,
  { indices, written }: LiveObject,
  declared: readonly DeclaredObject[],
  live: Live,
): readonly PropertyDifference[] {
  const { index } = object;
  const last = indices?.at(-1);
  if (index === undefined || last === undefined) return [];
  const missing = missingFields(fieldsIn(index.fields), live.indices.get(last)?.fields ?? {});
  return [
    ...(written === undefined ? [{ property: 'write index', declared: last }] : []),
    ...missing.map((name) => ({ property: `field ${name}`, declared: 'mapped' })),
    ...takersOf(object, declared, live).map((policy) => ({ property: 'taken up by', live: policy })),
    ...detachmentsOf(object, live).flatMap((each) => (each.isForeign ? [] : [{ property: `index ${each.index}`, live: each.policy }])),
  ];
}
