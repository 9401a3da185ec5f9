import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import { type DrivenKind, declaredNames, matcherOf, type ObjectKind, objectKinds } from '../../runtime/src/contracts/object-names.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf } from './references.ts';

const form = /^([^/\s]+)\/([^/\s]+)\/(\S+)$/;

/** A pattern that fits nothing leaves what it was meant for in the hands of `--allow-destroy`, and says nothing. */
const patternsCanFit: Check = (draft) =>
  draft.topology.unmanaged.flatMap((pattern, index) => {
    const path = `topology.unmanaged.${index}`;
    const [, service, kind] = form.exec(pattern) ?? [];
    if (service === undefined || kind === undefined) {
      return [{ path, message: `must be of the form SERVICE/KIND/NAME, with a * for any text, got ${JSON.stringify(pattern)}` }];
    }
    const fitting = draft.names('services').filter(matcherOf([service]));
    const administered = fitting.flatMap((name) => kindsOn(draft, name));
    return [
      ...problemIf(
        fitting.length === 0,
        path,
        `must name a service, one of ${draft.names('services').join(', ')}, got ${JSON.stringify(service)}`,
      ),
      ...problemIf(
        fitting.length > 0 && !administered.some(matcherOf([kind])),
        path,
        `must name a kind of object on ${service}, ${administered.length === 0 ? 'which has none' : `one of ${[...new Set(administered)].join(', ')}`}, got ${JSON.stringify(kind)}`,
      ),
    ];
  });

/** Declared and left to others at once would mean: never made. */
const declaredIsManaged: Check = (draft) => {
  const names = declaredNames(draft.topology);
  return draft.topology.unmanaged.flatMap((pattern, index) => {
    const declared = names.find(matcherOf([pattern]));
    return problemIf(
      declared !== undefined,
      `topology.unmanaged.${index}`,
      `must fit nothing that is declared, got ${JSON.stringify(pattern)}, which fits ${declared}: it would not be made; or take that out of the topology`,
    );
  });
};

function kindsOn({ services }: Draft, name: string): readonly ObjectKind[] {
  const kind = services[name]?.kind;
  return kind !== undefined && isDriven(kind) ? objectKinds[kind] : [];
}

function isDriven(kind: ServiceKind): kind is DrivenKind {
  return kind in objectKinds;
}

/** Rules about what is left to others. */
export const unmanagedChecks: readonly Check[] = [patternsCanFit, declaredIsManaged];
