import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import { type LoadedBinding, loadBinding } from '../src/binding/index.ts';
import { connectPostgres, type PostgresConnection } from '../src/connections/postgres/index.ts';
import { connectRedis } from '../src/connections/redis/index.ts';
import type { Topology } from '../src/contracts/topology.ts';
import { migrate } from '../src/schema/migrate.ts';
import { readTopology } from '../src/topology/index.ts';
import type { Transport } from '../src/transport.ts';
import { redisStreams } from '../src/transports/redis-streams/index.ts';

export interface BenchOptions {
  /** Fewer events and turns: whether the bench works, not how fast the product is. */
  readonly quick: boolean;
  /** Length of the runs whose length matters. */
  readonly seconds: number;
  /** Told what is going on. */
  readonly say: (text: string) => void;
}

/** The servers of a bench run, and what the figures need of them. */
export class Bench {
  readonly quick: boolean;
  readonly seconds: number;
  readonly say: (text: string) => void;
  readonly topology: Topology;
  readonly #file: string;
  readonly #open: PostgresConnection[] = [];
  #database = 'postgres';

  private constructor(options: BenchOptions, file: string, topology: Topology) {
    this.quick = options.quick;
    this.seconds = options.seconds;
    this.say = options.say;
    this.#file = file;
    this.topology = topology;
  }

  /** @param file binding of an environment with a PostgreSQL `database` and a Redis `events`, which the bench may empty. */
  static async open(file: string, options: BenchOptions): Promise<Bench> {
    return new Bench(options, file, await readTopology(await loadBinding({ file })));
  }

  /** A new database with the schema in it; relays that are spawned after this work on it. */
  async freshDatabase(): Promise<PostgresConnection> {
    await this.#close();
    const name = `bench_${Date.now()}`;
    this.#database = 'postgres';
    await using admin = await connectPostgres((await this.#binding()).service('database'));
    await admin.pool.query(`create database ${name}`);
    this.#database = name;
    const database = await connectPostgres((await this.#binding()).service('database'), {
      maxConnections: 16,
      statementTimeoutMs: 600_000,
    });
    this.#open.push(database);
    await migrate(await database.openClient('bench migrate'));
    return database;
  }

  /** The binding as it is, but for the name of the database. */
  async bindingFile(): Promise<string> {
    const document = JSON.parse(await readFile(this.#file, 'utf8'));
    document.services.database.database = this.#database;
    const file = join(dirname(this.#file), 'bench-binding.json');
    await writeFile(file, JSON.stringify(document));
    return file;
  }

  async transport(): Promise<Transport> {
    return redisStreams({ service: (await this.#binding()).service('events'), topology: this.topology });
  }

  async redis(): Promise<{ client: Redis; close(): Promise<void> }> {
    return connectRedis((await this.#binding()).service('events'));
  }

  async emptyStreams(): Promise<void> {
    const { client, close } = await this.redis();
    await client.flushall();
    await close();
  }

  /** Runs `work` while a transaction with an xid is open in another database of the same server. */
  async whileHolding<T>(work: () => Promise<T>): Promise<T> {
    const name = this.#database;
    this.#database = 'postgres';
    await using other = await connectPostgres((await this.#binding()).service('database'), { idleInTransactionTimeoutMs: 0 });
    this.#database = name;
    const holder = await other.openClient('bench holder');
    await holder.query('begin');
    await holder.query('select pg_current_xact_id()');
    try {
      return await work();
    } finally {
      await holder.query('rollback');
    }
  }

  async until(condition: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`what the bench waits for has not happened within ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #binding(): Promise<LoadedBinding> {
    return loadBinding({ file: await this.bindingFile() });
  }

  async #close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((database) => database.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
