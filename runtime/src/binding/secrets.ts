import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SecretRef } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';

/** Fetches the text behind a reference; `jsonKey` is applied afterwards. */
export type SecretResolver = (ref: SecretRef) => Promise<string>;

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
 * The secret behind `ref`, read at every call, so that a rotated one is seen by the next connection.
 *
 * @throws {MillraceError} SECRET_UNAVAILABLE when the variable is unset, the file unreadable, the key missing or the store unknown.
 */
export async function resolveSecret(ref: SecretRef, scope: SecretScope): Promise<string> {
  const resolver = scope.resolvers[ref.from] ?? ((wanted) => builtIn(wanted, scope));
  const text = await resolver(ref);
  return ref.jsonKey === undefined ? text : jsonValue(text, ref.jsonKey, ref);
}

async function builtIn(ref: SecretRef, { env, baseDir }: SecretScope): Promise<string> {
  switch (ref.from) {
    case 'env':
      return fromEnv(ref.id, env);
    case 'file':
      return fromFile(resolve(baseDir, ref.id));
    case 'aws-secrets-manager':
      throw new MillraceError(
        'SECRET_UNAVAILABLE',
        `secret ${ref.id} lies in AWS Secrets Manager, which this version of the package cannot read yet; ` +
          'give loadBinding a resolver of your own: {secrets: {"aws-secrets-manager": (ref) => ...}}',
        { retriable: false },
      );
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
