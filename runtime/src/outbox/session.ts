import type { Client, QueryArrayConfig, QueryResultRow } from 'pg';
import { endClient } from '../connections/postgres/end-client.ts';

/** Raised by PostgreSQL where a transaction pooler has given the session another server connection. */
const preparedStatementErrors = new Set(['26000', '42P05']);

/** Text as PostgreSQL sends it; the relay needs no dates or objects from the driver. */
const rawText = { getTypeParser: () => (value: string) => value };

/** A connection that is black-holed never answers; the relay then gives it up and opens another. */
const bounded = { query_timeout: 15_000 };

export type RawRow = readonly (string | null)[];

/** One dedicated connection of a relay. Its statements are prepared, unless a transaction pooler turns out to lie between. */
export class Session {
  readonly client: Client;
  #prepared = true;

  constructor(client: Client) {
    this.client = client;
  }

  close(): Promise<void> {
    return endClient(this.client, 1_000);
  }

  /** Rows as objects, values as the driver converts them. */
  async rows<R extends QueryResultRow>(name: string, text: string, values: unknown[] = []): Promise<R[]> {
    return this.#fallingBack(name, async (named) => (await this.client.query<R>({ ...named, ...bounded, text, values })).rows);
  }

  /** Rows as arrays of unconverted text: the fast path. */
  async raw(name: string, text: string, values: unknown[]): Promise<RawRow[]> {
    const config: QueryArrayConfig & { types: typeof rawText } = { text, values, rowMode: 'array', types: rawText, ...bounded };
    return this.#fallingBack(name, async (named) => (await this.client.query<(string | null)[]>({ ...named, ...config })).rows);
  }

  async #fallingBack<T>(name: string, run: (named: { name?: string }) => Promise<T>): Promise<T> {
    try {
      return await run(this.#prepared ? { name: `millrace_${name}` } : {});
    } catch (error) {
      if (!this.#prepared || !preparedStatementErrors.has((error as { code?: string }).code ?? '')) throw error;
      this.#prepared = false;
      return run({});
    }
  }
}
