import { MillraceError } from '../../contracts/errors.ts';

/** A function of the schema `millrace`, with the types of its parameters. */
export interface DatabaseFunction {
  readonly name: string;
  readonly types: readonly string[];
}

export type Argument = string | boolean | null | readonly (string | Buffer | null)[];

/** What calls functions in a transaction of the caller. */
export interface Caller {
  /** @throws {MillraceError} OUTBOX_NO_TRANSACTION where the handle itself says that there is none, or that it has failed. */
  requireOpen(): void;
  /**
   * @returns what the function answers, as text; empty for nothing.
   * @throws {MillraceError} OUTBOX_NO_TRANSACTION before the function is called, when the server says that there is no transaction.
   */
  callFunction(fn: DatabaseFunction, values: readonly Argument[]): Promise<string>;
}

/**
 * A transaction of a library that `enqueue` and `take` join: `drizzleTransaction`, `knexTransaction`, `kyselyTransaction`, `prismaTransaction` or
 * `typeormTransaction` make one of the handle that the library gives for a transaction. A client of `pg` is passed as it is.
 */
export interface Transaction extends Caller {
  /** Runs a statement behind a call that has succeeded. Each parameter is one text: `$1::text::uuid[]`. */
  run(sql: string, values: readonly Argument[]): Promise<void>;
}

/** @param cast stands between parameter and type, `::text`. */
export function callOf({ name, types }: DatabaseFunction, cast = ''): string {
  return `millrace.${name}(${types.map((type, i) => `$${i + 1}${cast}::${type}`).join(', ')})`;
}

export function noTransaction(state: string, wayOut: string, cause?: unknown): MillraceError {
  return new MillraceError('OUTBOX_NO_TRANSACTION', `${state}: ${wayOut}`, { cause });
}
