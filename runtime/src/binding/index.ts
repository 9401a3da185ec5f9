import { createHash } from 'node:crypto';
import { type Binding, type BoundService, bindingSchemaId, type SecretRef, type ServiceKind } from '../contracts/binding.ts';
import { canonicalJson } from '../contracts/canonical-json.ts';
import { MillraceError } from '../contracts/errors.ts';
import { closestName } from '../contracts/problems.ts';
import { findBinding, parseBinding } from './document.ts';
import { resolveSecret, type SecretOptions, type SecretResolvers, type SecretScope } from './secrets.ts';

export type { SecretOptions, SecretResolver, SecretResolvers } from './secrets.ts';

/**
 * Names of the services in the environment. Empty here; the `.d.ts` generated beside a binding adds one property a service, and from then on
 * `service('evnts')` does not compile.
 *
 * @example
 * declare module 'millrace/binding' { interface BindingNames { events: 'redis-sentinel' } }
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, because only interfaces can be augmented
export interface BindingNames {}

/** A name of `BindingNames`, or any text while that is empty. */
export type ServiceName = [keyof BindingNames] extends [never] ? string : keyof BindingNames & string;

/** One service of a binding, with the means to resolve its secrets. */
export interface ServiceHandle {
  readonly name: string;
  readonly service: BoundService;
  /**
   * The secret behind `ref`: variables and files are read at every call, AWS Secrets Manager at most every 5 minutes. A caller whose secret was refused
   * asks once more with `fresh`, and so sees a rotated one.
   *
   * @throws {MillraceError} SECRET_UNAVAILABLE when it cannot be read; for AWS also AWS_CREDENTIALS_UNAVAILABLE and CLIENT_NOT_INSTALLED.
   */
  secret(ref: SecretRef, options?: SecretOptions): Promise<string>;
  /**
   * The same service as one of its users with fewer rights, by the name in `aclUsers` of the topology.
   *
   * @throws {MillraceError} BINDING_NAME_UNKNOWN with the right names.
   * @example
   * await using events = await redisStreams({ service: binding.service('events').as('inventory'), topology });
   */
  as(user: string): ServiceHandle;
}

/** A checked binding. */
export interface LoadedBinding {
  readonly document: Binding;
  readonly names: readonly string[];
  /** The service `name`, of one of `kinds` when any is given. @throws {MillraceError} BINDING_NAME_UNKNOWN with the right names. */
  service(name: ServiceName, ...kinds: ServiceKind[]): ServiceHandle;
  /** Folder that relative paths in the document start from; a document from a parameter has none. */
  readonly baseDir: string;
}

export interface LoadOptions {
  /** The document itself, as text or parsed. */
  readonly json?: string | object;
  /** Path of the document, or `ssm:NAME` of a parameter in AWS Systems Manager. */
  readonly file?: string;
  /** Variables to look into. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Resolvers by `from` of a reference, in place of those of this package. @default environment variables, files and AWS Secrets Manager */
  readonly secrets?: SecretResolvers;
}

/**
 * Loads the binding of this environment: `options.json`, `options.file`, `MILLRACE_BINDING_JSON` (the document), `MILLRACE_BINDING` (a path, or
 * `ssm:NAME`, as in `ssm:/millrace/staging/binding`); the first that is there counts.
 *
 * No secret is read before it is used. AWS is asked with the credentials and the region of this process, whatever `options.env` says.
 *
 * @throws {MillraceError} BINDING_INVALID with all problems; BINDING_HOLDS_SECRET when a value in it is a secret; for a parameter also
 * AWS_CREDENTIALS_UNAVAILABLE and CLIENT_NOT_INSTALLED.
 * @example
 * const binding = await loadBinding();
 * const events = await connectRedis(binding.service('events', 'redis-sentinel'));
 */
export async function loadBinding(options: LoadOptions = {}): Promise<LoadedBinding> {
  const env = options.env ?? process.env;
  const { document, origin, baseDir } = await findBinding({ ...options, env });
  const binding = parseBinding(document, origin);
  return loaded(binding, { env, baseDir, resolvers: options.secrets ?? {} });
}

export interface WrapOptions {
  /** @default 'wrapped' */
  readonly environment?: string;
  /** Folder that relative secret files start from. @default the working directory */
  readonly baseDir?: string;
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly secrets?: SecretResolvers;
}

/**
 * A binding made by hand, for servers that Millrace did not provision and for tests; checked like a loaded one.
 *
 * @throws {MillraceError} BINDING_INVALID with all problems; BINDING_HOLDS_SECRET when a value in it is a secret.
 */
export function wrap(services: Record<string, BoundService>, options: WrapOptions = {}): LoadedBinding {
  const baseDir = options.baseDir ?? process.cwd();
  const content = { schema: bindingSchemaId, environment: options.environment ?? 'wrapped', services };
  const generation = createHash('sha256').update(canonicalJson(content)).digest('hex');
  const binding = parseBinding({ ...content, generation }, 'wrap()');
  return loaded(binding, { env: options.env ?? process.env, baseDir, resolvers: options.secrets ?? {} });
}

function loaded(document: Binding, scope: SecretScope): LoadedBinding {
  const names = Object.keys(document.services).sort();
  return {
    document,
    names,
    baseDir: scope.baseDir,
    service(name, ...kinds) {
      const service = Object.hasOwn(document.services, name) ? document.services[name] : undefined;
      if (service === undefined) {
        const wanted = kinds.length === 0 ? '' : ` of kind ${kinds.join(' or ')}`;
        const what = `binding of ${document.environment} has no service`;
        throw unknownName(what, name, Object.keys(document.services), `services${wanted} are ${namesOf(document, kinds)}`);
      }
      if (kinds.length > 0 && !kinds.includes(service.kind)) throw wrongKind(name, service, kinds, document);
      return handleOf(name, service, scope);
    },
  };
}

function handleOf(name: string, service: BoundService, scope: SecretScope): ServiceHandle {
  const { auth, users = {} } = service;
  return {
    name,
    service,
    secret: (ref, options) => resolveSecret(ref, scope, options),
    as(user) {
      const names = Object.keys(users);
      if (!names.includes(user))
        throw unknownName(`service ${name} has no user`, user, names, `users are ${names.sort().join(', ') || 'none'}`);
      const { sentinelSecretRef } = auth;
      return handleOf(name, { ...service, auth: { ...(sentinelSecretRef && { sentinelSecretRef }), ...users[user]! } }, scope);
    },
  };
}

function unknownName(what: string, name: string, all: readonly string[], choice: string): MillraceError {
  const close = closestName(name, all);
  return new MillraceError(
    'BINDING_NAME_UNKNOWN',
    `${what} ${JSON.stringify(name)}${close === undefined ? ';' : `, did you mean ${close}?`} ${choice}`,
  );
}

function wrongKind(name: string, service: BoundService, kinds: readonly ServiceKind[], document: Binding): MillraceError {
  const wanted = kinds.join(' or ');
  return new MillraceError(
    'BINDING_NAME_UNKNOWN',
    `service ${name} of ${document.environment} is of kind ${service.kind}, not ${wanted}; services of kind ${wanted} are ${namesOf(document, kinds)}`,
  );
}

function namesOf(document: Binding, kinds: readonly ServiceKind[]): string {
  const fitting = Object.entries(document.services).filter(([, { kind }]) => kinds.length === 0 || kinds.includes(kind));
  return fitting.length === 0
    ? 'none'
    : fitting
        .map(([name, { kind }]) => `${name} (${kind})`)
        .sort()
        .join(', ');
}
