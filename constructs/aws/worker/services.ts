import type { WorkerDeclaration } from '../../../environments/schema.ts';
import type { ServiceKind } from '../../../runtime/src/contracts/binding.ts';
import type { ConnectableService } from './props.ts';

interface ServiceFlag {
  readonly flag: string;
  readonly kinds: readonly ServiceKind[];
}

type Services = Readonly<Record<string, ConnectableService>>;

/** Which services each command connects to: named by a flag, or the only one of its kinds, as `runtime/src/cli/` finds them. */
const serviceFlags: Readonly<Record<WorkerDeclaration['command'], readonly ServiceFlag[]>> = {
  relay: [
    { flag: '--database', kinds: ['postgres'] },
    { flag: '--sink', kinds: ['redis-sentinel', 'redis'] },
  ],
};

/** What a worker connects to, and why that is not clear. */
export interface UsedServices {
  readonly names: readonly string[];
  readonly problems: readonly string[];
}

/** The services that the arguments of a worker mean. */
export function usedServices({ command, arguments: given }: WorkerDeclaration, services: Services): UsedServices {
  const picked = serviceFlags[command].map((flag) => pick(flag, lastValue(given, flag.flag), services));
  return { names: picked.flatMap(({ names }) => names), problems: picked.flatMap(({ problems }) => problems) };
}

/** Value of the last `--flag value` or `--flag=value`, which is the one that counts; undefined where there is none. */
function lastValue(given: readonly string[], flag: string): string | undefined {
  return given
    .flatMap((word, index) => {
      if (word.startsWith(`${flag}=`)) return [word.slice(flag.length + 1)];
      return word === flag ? [given[index + 1] ?? ''] : [];
    })
    .at(-1);
}

/** A cache is never meant, not even by its name: it may forget events. */
function pick({ flag, kinds }: ServiceFlag, named: string | undefined, services: Services): UsedServices {
  const fitting = Object.entries(services).flatMap(([name, { kind, role }]) => (kinds.includes(kind) && role !== 'cache' ? [name] : []));
  const meant = named === undefined ? fitting : fitting.filter((name) => name === named);
  if (meant.length === 1) return { names: meant, problems: [] };
  const known = fitting.length === 0 ? `a declared service of kind ${kinds.join(' or ')}` : `one of ${fitting.join(', ')}`;
  return { names: [], problems: [`${flag} must name ${known}, got ${named === undefined ? 'nothing' : JSON.stringify(named)}`] };
}
