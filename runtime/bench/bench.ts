import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { type LoadedBinding, loadBinding, type ServiceHandle } from '../src/binding/index.ts';
import { connectPostgres, type PostgresConnection } from '../src/connections/postgres/index.ts';
import { connectRabbit } from '../src/connections/rabbitmq/index.ts';
import { connectRedis } from '../src/connections/redis/index.ts';
import { topicObjectsOn } from '../src/contracts/rabbit-objects.ts';
import type { Topology } from '../src/contracts/topology.ts';
import { migrate } from '../src/schema/migrate.ts';
import { readTopology } from '../src/topology/index.ts';
import type { Transport } from '../src/transport.ts';
import { openTransport } from '../src/transports/open.ts';
import type { Address } from './peers/peer.ts';

async function purgeQueues(handle: ServiceHandle, topology: Topology): Promise<void> {
  await using connection = await connectRabbit(handle);
  const channel = await connection.openChannel();
  for (const { name } of topicObjectsOn(topology, handle.name).queues) await channel.purgeQueue(name);
}

export interface BenchOptions {
  /** Fewer events and turns: whether the bench works, not how fast the product is. */
  readonly quick: boolean;
  /** Length of the runs whose length matters. */
  readonly seconds: number;
  /** Ten minutes of the foreign transaction and five million rows of backlog. */
  readonly long: boolean;
  /** Told what is going on. */
  readonly say: (text: string) => void;
}

/** The servers of a bench run, and what the figures need of them. */
export class Bench {
  readonly quick: boolean;
  readonly seconds: number;
  readonly long: boolean;
  readonly say: (text: string) => void;
  readonly topology: Topology;
  readonly #file: string;
  readonly #open: PostgresConnection[] = [];
  #database = 'postgres';

  private constructor(options: BenchOptions, file: string, topology: Topology) {
    this.quick = options.quick;
    this.seconds = options.seconds;
    this.long = options.long;
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
    await using admin = await connectPostgres(await this.service('database'));
    await admin.pool.query(`create database ${name}`);
    this.#database = name;
    const database = await connectPostgres(await this.service('database'), {
      maxConnections: 16,
      connectTimeoutMs: 60_000, // a queue of writers is latency, which is what is measured
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

  /** @param service `events`, `tasks` or `log` of the environment. */
  async transport(service: string): Promise<Transport> {
    return openTransport({ service: await this.service(service), topology: this.topology });
  }

  async service(name: string): Promise<ServiceHandle> {
    return (await this.#binding()).service(name);
  }

  async redis(): Promise<{ client: Redis; close(): Promise<void> }> {
    return connectRedis(await this.service('events'));
  }

  /** A client as peers would have it, without what `connectRedis` adds; commands of one turn of the event loop share a round trip. */
  async plainRedis(): Promise<Redis> {
    const service = await this.service('events');
    const { secretRef, username } = service.service.auth;
    const { host, port } = service.service.endpoints[0]!;
    const password = secretRef && (await service.secret(secretRef));
    return new Redis({ host, port, enableAutoPipelining: true, ...(username && { username }), ...(password && { password }) });
  }

  /** Where the database of this figure is, for those who open their own connections. */
  async address(): Promise<Address> {
    const client = await this.#open[0]!.openClient('bench address');
    const { host, port, user = '', database = '', password } = client;
    await client.end();
    return { host, port, user, database, password: password ?? '' };
  }

  /** Forgets what the broker holds of earlier turns; Kafka keeps its log. */
  async empty(service: string): Promise<void> {
    if (service === 'tasks') await purgeQueues(await this.service('tasks'), this.topology);
    if (service !== 'events') return;
    const { client, close } = await this.redis();
    await client.flushall();
    await close();
  }

  /** Runs `work` while a transaction with an xid is open in another database of the same server. */
  async whileHolding<T>(work: () => Promise<T>): Promise<T> {
    const name = this.#database;
    this.#database = 'postgres';
    await using other = await connectPostgres(await this.service('database'), { idleInTransactionTimeoutMs: 0 });
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
