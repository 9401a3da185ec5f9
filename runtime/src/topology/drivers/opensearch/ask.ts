import type { SearchConnection } from '../../../connections/opensearch/index.ts';
import { isMillraceError, MillraceError } from '../../../contracts/errors.ts';
import type { Body } from './model.ts';

/** Sends one request and gives the body of the answer. */
export type Ask = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: Body) => Promise<unknown>;

export function askWith({ client }: SearchConnection, signal: AbortSignal): Ask {
  return (method, path, body) => client.transport.request({ method, path, ...(body && { body }) }, { signal });
}

/** What the server answered instead of doing what was asked; undefined when it was not the server. */
export interface Refusal {
  readonly status: number;
  /** Absent where no part of the server feels responsible: the plugin is not there. */
  readonly type?: string | undefined;
  readonly reason: string;
}

interface Described {
  readonly type?: string;
  readonly reason?: string;
  readonly caused_by?: Described;
}

interface ErrorBody {
  readonly error?: Described | string;
  readonly message?: string;
  readonly reason?: string;
}

export function refusalIn(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || error.name !== 'ResponseError') return undefined;
  const { statusCode, body } = error as { statusCode?: number; body?: ErrorBody | string | null };
  const told = typeof body === 'object' && body !== null ? body : {};
  const described = typeof told.error === 'object' ? told.error : undefined;
  const reason = reasonOf(described) ?? told.message ?? told.reason ?? (typeof told.error === 'string' ? told.error : error.message);
  return { status: statusCode ?? 0, type: described?.type, reason };
}

/** With what lies at the root of it: a repository that cannot be made says why only there. */
function reasonOf(described: Described | undefined): string | undefined {
  let root = described;
  while (root?.caused_by?.reason !== undefined) root = root.caused_by;
  return root === described ? described?.reason : `${described?.reason}: ${root?.reason}`;
}

/** The answer; an empty one where the server has no such object. */
export async function orNothing(answer: Promise<unknown>): Promise<Body> {
  try {
    return (await answer) as Body;
  } catch (error) {
    if (refusalIn(error)?.status === 404) return {};
    throw error;
  }
}

/** What to tell of a change that the server did not carry out. */
export function explained(error: unknown, name: string): unknown {
  const refusal = refusalIn(error);
  if (refusal === undefined || isMillraceError(error)) return error;
  if (refusal.status === 409) return conflict(name, error);
  return new MillraceError('TOPOLOGY_REFUSED', `the server refused ${name} (${refusal.status}): ${refusal.reason}`, { cause: error });
}

export function conflict(name: string, cause?: unknown): MillraceError {
  return new MillraceError('TOPOLOGY_CONFLICT', `${name} was changed since it was compared, nothing was overwritten; compare again`, {
    cause,
  });
}
