import type { WorkerDeclaration } from '../../../environments/schema.ts';
import type { ServiceKind } from '../../../runtime/src/contracts/binding.ts';
import type { ConnectableService } from './props.ts';

interface ServiceFlag {
  readonly flag: string;
  readonly kinds: readonly ServiceKind[];
  /** Whether it works without any such service, too. @default false */
  readonly optional?: boolean;
}

interface Uses {
  readonly flags: readonly ServiceFlag[];
  /** Services of these kinds are used all. @default none */
  readonly every?: readonly ServiceKind[];
  /** Whether caches are among those. @default false */
  readonly caches?: boolean;
  /** Flag that names some of those instead of all. @default there is none */
  readonly choice?: string;
}

type Services = Readonly<Record<string, Pick<ConnectableService, 'kind' | 'role'>>>;

/** Which services each command connects to: named by a flag, or the only one of its kinds, or all of them, as `runtime/src/cli/` finds them. */
const usesOf: Readonly<Record<WorkerDeclaration['command'], Uses>> = {
  relay: {
    flags: [
      { flag: '--database', kinds: ['postgres'] },
      { flag: '--sink', kinds: ['redis-sentinel', 'redis', 'kafka', 'rabbitmq'] },
    ],
  },
  janitor: { flags: [{ flag: '--database', kinds: ['postgres'], optional: true }], every: ['redis-sentinel', 'redis'] },
  probe: {
    flags: [],
    every: ['redis-sentinel', 'redis', 'kafka', 'rabbitmq', 'opensearch', 'postgres'],
    caches: true,
    choice: '--only',
  },
};

/** What a worker connects to, and why that is not clear. */
export interface UsedServices {
  readonly names: readonly string[];
  readonly problems: readonly string[];
}

/** The services that the arguments of a worker mean. */
export function usedServices({ command, arguments: given }: WorkerDeclaration, services: Services): UsedServices {
  const { flags, every = [], caches = false, choice } = usesOf[command];
  const picked = flags.map((flag) => pick(flag, lastValue(given, flag.flag), services));
  const all = ofKinds(every, services, caches);
  const chosen = choice === undefined ? [] : allValues(given, choice);
  return {
    names: [...picked.flatMap(({ names }) => names), ...(chosen.length === 0 ? all : all.filter((name) => chosen.includes(name)))],
    problems: [
      ...picked.flatMap(({ problems }) => problems),
      ...chosen
        .filter((name) => !all.includes(name))
        .map((name) => `${choice} must name services among ${all.join(', ')}, got ${JSON.stringify(name)}`),
    ],
  };
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

/** Values of `--flag a b --flag=c`, in which a list ends with the next flag. */
function allValues(given: readonly string[], flag: string): string[] {
  let within = false;
  return given.flatMap((word) => {
    if (word.startsWith(`${flag}=`)) return [word.slice(flag.length + 1)];
    if (word.startsWith('-')) within = word === flag;
    return within && word !== flag ? [word] : [];
  });
}

function pick({ flag, kinds, optional = false }: ServiceFlag, named: string | undefined, services: Services): UsedServices {
  const fitting = ofKinds(kinds, services);
  const meant = named === undefined ? fitting : fitting.filter((name) => name === named);
  if (meant.length === 1 || (optional && named === undefined && fitting.length === 0)) return { names: meant, problems: [] };
  const known = fitting.length === 0 ? `a declared service of kind ${kinds.join(' or ')}` : `one of ${fitting.join(', ')}`;
  return { names: [], problems: [`${flag} must name ${known}, got ${named === undefined ? 'nothing' : JSON.stringify(named)}`] };
}

/** A cache may forget events: it is meant only where nothing is kept in it, and not even by its name. */
function ofKinds(kinds: readonly ServiceKind[], services: Services, caches = false): string[] {
  return Object.entries(services).flatMap(([name, { kind, role }]) => (kinds.includes(kind) && (caches || role !== 'cache') ? [name] : []));
}
