import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SecretRef } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';

/** How a secret is read. */
export interface SecretOptions {
  /** A server refused what was read before: pass over anything that is kept. AWS is asked again at most every 5 s. @default false */
  readonly fresh?: boolean;
}

/** Fetches the text behind a reference; `jsonKey` is applied afterwards. */
export type SecretResolver = (ref: SecretRef, options?: SecretOptions) => Promise<string>;

/** Resolvers by `from`, in place of or in addition to the ones of this package. */
export type SecretResolvers = Partial<Record<SecretRef['from'], SecretResolver>>;

/** Where references are resolved from. */
export interface SecretScope {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from. */
  readonly baseDir: string;
  readonly resolvers: SecretResolvers;
}

/**
 * The secret behind `ref`. Variables and files are read at every call; what AWS Secrets Manager gave is kept for 5 minutes, unless `fresh` is asked for.
 *
 * @throws {MillraceError} SECRET_UNAVAILABLE when the variable is unset, the file unreadable, the key missing, or the store gives none.
 */
export async function resolveSecret(ref: SecretRef, scope: SecretScope, options?: SecretOptions): Promise<string> {
  const text = await (scope.resolvers[ref.from]?.(ref, options) ?? builtIn(ref, scope, options));
  return ref.jsonKey === undefined ? text : jsonValue(text, ref.jsonKey, ref);
}

async function builtIn(ref: SecretRef, { env, baseDir }: SecretScope, options?: SecretOptions): Promise<string> {
  switch (ref.from) {
    case 'env':
      return fromEnv(ref.id, env);
    case 'file':
      return fromFile(resolve(baseDir, ref.id));
    case 'aws-secrets-manager': {
      const { readSecret } = await import('../aws/secrets-manager.ts');
      return readSecret(ref, options);
    }
  }
}

function fromEnv(id: string, env: SecretScope['env']): string {
  const value = env[id];
  if (value === undefined || value === '') {
    throw new MillraceError(
      'SECRET_UNAVAILABLE',
      `environment variable ${id} is ${value === '' ? 'empty' : 'not set'}; set it to the secret`,
      {
        retriable: false,
      },
    );
  }
  return value;
}

async function fromFile(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new MillraceError('SECRET_UNAVAILABLE', `secret file ${path} cannot be read (${reason}); create it or grant access to it`, {
      cause,
    });
  }
}

/** The parser's own error is dropped on purpose: its text quotes the secret. */
function jsonValue(text: string, key: string, ref: SecretRef): string {
  const where = `secret ${ref.id} (${ref.from})`;
  const document = parseQuietly(text);
  if (document === undefined || typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new MillraceError(
      'SECRET_UNAVAILABLE',
      `${where} is not a JSON object, but jsonKey asks for ${key}; drop jsonKey or store JSON`,
      {
        retriable: false,
      },
    );
  }
  const value: unknown = Object.hasOwn(document, key) ? (document as Record<string, unknown>)[key] : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new MillraceError(
    'SECRET_UNAVAILABLE',
    `${where} has no text under ${key}; its keys are ${Object.keys(document).join(', ') || 'none'}`,
    {
      retriable: false,
    },
  );
}

function parseQuietly(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
