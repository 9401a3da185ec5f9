import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Binding, bindingSchema } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';
import { formatProblem, type Problem, problemsOf } from '../contracts/problems.ts';
import { secretValues } from './secret-values.ts';

/** Ways of handing over a binding, tried in this order; see `loadBinding`. */
export interface BindingSource {
  readonly json?: string | object;
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface FoundBinding {
  readonly document: unknown;
  /** For messages: where the document came from. */
  readonly origin: string;
  /** Folder that relative paths in the document start from. */
  readonly baseDir: string;
}

/** The first document that is there. @throws {MillraceError} BINDING_INVALID when there is none, or it is no JSON. */
export async function findBinding({ json, file, env }: BindingSource): Promise<FoundBinding> {
  if (json !== undefined) return fromText(json, 'options.json');
  if (file !== undefined) return fromFile(file, 'the caller');
  if (env.MILLRACE_BINDING_JSON) return fromText(env.MILLRACE_BINDING_JSON, 'MILLRACE_BINDING_JSON');
  if (env.MILLRACE_BINDING) return fromFile(env.MILLRACE_BINDING, 'MILLRACE_BINDING');
  throw new MillraceError(
    'BINDING_INVALID',
    'no binding found: set MILLRACE_BINDING (a path, or ssm:NAME) or MILLRACE_BINDING_JSON (the document)',
  );
}

function fromText(json: string | object, origin: string): FoundBinding {
  const document: unknown = typeof json === 'string' ? parseJson(json, origin) : json;
  return { document, origin, baseDir: process.cwd() };
}

async function fromFile(file: string, origin: string): Promise<FoundBinding> {
  if (file.startsWith('ssm:')) return (await import('../aws/binding-parameter.ts')).bindingFromParameter(file.slice(4), parseJson);
  const path = resolve(file);
  return { document: parseJson(await read(path, origin), `file ${path}`), origin: `file ${path}`, baseDir: dirname(path) };
}

async function read(path: string, origin: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new MillraceError(
      'BINDING_INVALID',
      `binding file ${path}, named by ${origin}, cannot be read (${reason}); provision the environment or correct the path`,
      { cause },
    );
  }
}

/** Where the JSON breaks off is not said in the parser's words: they quote the text, which may hold a secret. */
function parseJson(text: string, origin: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const hint = /^\s*(\/|\.\.?\/|~)/.test(text) ? '; it looks like a path, which belongs into MILLRACE_BINDING or options.file' : '';
    throw new MillraceError('BINDING_INVALID', `binding from ${origin} is not JSON (${text.length} characters)${hint}`);
  }
}

/**
 * A checked binding.
 *
 * @throws {MillraceError} BINDING_HOLDS_SECRET when any value in it is a secret, wherever it stands; otherwise BINDING_INVALID with all problems.
 */
export function parseBinding(document: unknown, origin: string): Binding {
  const secrets = secretValues(document);
  if (secrets.length > 0) throw new MillraceError('BINDING_HOLDS_SECRET', listProblems(`binding from ${origin}`, secrets));
  const parsed = bindingSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new MillraceError('BINDING_INVALID', listProblems(`binding from ${origin}`, problemsOf(parsed.error, document, bindingSchema)));
}

/** One line a problem below a line that counts them. */
export function listProblems(what: string, problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return [`${what} has ${count}:`, ...problems.map((problem) => `  ${formatProblem(problem)}`)].join('\n');
}
