import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf } from './references.ts';

/** Kinds of objects on each kind of server, as the names of changes have them. */
const redisKinds = ['stream', 'group', 'tenant', 'user'];
const kinds: { readonly [K in ServiceKind]?: readonly string[] } = {
  kafka: ['topic'],
  rabbitmq: ['queue', 'exchange', 'binding'],
  redis: redisKinds,
  'redis-sentinel': redisKinds,
  opensearch: ['repository', 'snapshots', 'lifecycle', 'template', 'data-stream', 'alias', 'role'],
};

const form = /^([^/\s]+)\/([^/\s]+)\/(\S+)$/;

/** A pattern that fits nothing leaves what it was meant for in the hands of `--allow-destroy`, and says nothing. */
const patternsCanFit: Check = (draft) =>
  draft.topology.unmanaged.flatMap((pattern, index) => {
    const path = `topology.unmanaged.${index}`;
    const [, service, kind] = form.exec(pattern) ?? [];
    if (service === undefined || kind === undefined) {
      return [{ path, message: `must be of the form SERVICE/KIND/NAME, with a * for any text, got ${JSON.stringify(pattern)}` }];
    }
    const fitting = draft.names('services').filter((name) => matches(service, name));
    const administered = fitting.flatMap((name) => kindsOn(draft, name));
    return [
      ...problemIf(
        fitting.length === 0,
        path,
        `must name a service, one of ${draft.names('services').join(', ')}, got ${JSON.stringify(service)}`,
      ),
      ...problemIf(
        fitting.length > 0 && !administered.some((known) => matches(kind, known)),
        path,
        `must name a kind of object on ${service}, ${administered.length === 0 ? 'which has none' : `one of ${[...new Set(administered)].join(', ')}`}, got ${JSON.stringify(kind)}`,
      ),
    ];
  });

/** Declared and left to others at once would mean: never made. */
const declaredIsManaged: Check = (draft) => {
  const names = declaredNames(draft);
  return draft.topology.unmanaged.flatMap((pattern, index) => {
    const declared = names.find((name) => matches(pattern, name));
    return problemIf(
      declared !== undefined,
      `topology.unmanaged.${index}`,
      `must fit nothing that is declared, got ${JSON.stringify(pattern)}, which fits ${declared}: it would not be made; or take that out of the topology`,
    );
  });
};

function declaredNames({ topology }: Draft): string[] {
  const { topics, queues, exchanges, aclUsers, indices, snapshots, searchRoles } = topology;
  const named = (kind: string, objects: Readonly<Record<string, { readonly service: string }>>) =>
    Object.entries(objects).map(([name, { service }]) => `${service}/${kind}/${name}`);
  return [
    ...Object.entries(topics).flatMap(([name, { transports }]) =>
      transports.filter((route) => route.kind === 'kafka').map(({ service }) => `${service}/topic/${name}`),
    ),
    ...named('queue', queues),
    ...named('exchange', exchanges),
    ...named('user', aclUsers),
    ...named('template', indices),
    ...named('snapshots', snapshots),
    ...named('role', searchRoles),
  ];
}

function kindsOn({ services }: Draft, name: string): readonly string[] {
  const service = services[name];
  return service === undefined ? [] : (kinds[service.kind] ?? []);
}

function matches(pattern: string, text: string): boolean {
  const literal = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`).test(text);
}

/** Rules about what is left to others. */
export const unmanagedChecks: readonly Check[] = [patternsCanFit, declaredIsManaged];
