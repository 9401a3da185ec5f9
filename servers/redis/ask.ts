import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** PEM file of the authority that signed its certificate; plain text without. */
  readonly caFile?: string | undefined;
}

/** One short conversation with a Redis server or a sentinel: connects once, does not retry, leaves no connection behind. */
export async function askRedis<T>({ host, port, password, caFile }: RedisAddress, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({
    host,
    port,
    password,
    ...(caFile === undefined ? {} : { tls: { ca: readFileSync(caFile) } }),
    lazyConnect: true,
    connectTimeout: 1_000,
    disconnectTimeout: 100, // a timer that outlives the connection keeps the process alive
    commandTimeout: 2_000,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let refusal: Error | undefined;
  client.on('error', (error: Error) => {
    refusal ??= error;
  });
  try {
    await client.connect();
    return await ask(client);
  } catch (error) {
    throw refusal ?? error;
  } finally {
    client.disconnect();
  }
}

/** Returns once the server answers a PING, which it refuses while it loads its data. */
export async function pingRedis(address: RedisAddress): Promise<void> {
  await askRedis(address, (client) => client.ping());
}
