import type * as Ioredis from 'ioredis';
import { settledWithin } from '../once.ts';
import type { RedisTarget, ResolvedRedisOptions } from './settings.ts';

/** A client for one server or, where `cluster: true` allowed it, for a cluster; `client.isCluster` tells which. */
export type RedisClient = Ioredis.Redis | Ioredis.Cluster;

/** What a connection is made from. */
export interface Ground {
  readonly ioredis: typeof Ioredis;
  readonly settings: ResolvedRedisOptions;
  readonly target: RedisTarget;
  /** The target with the secrets and certificates of now. */
  readTarget(): Promise<RedisTarget>;
}

/** A connection under way. */
export interface OpenConnection<Client extends RedisClient = RedisClient> {
  readonly client: Client;
  /** The servers behind it. */
  nodes(): readonly Ioredis.Redis[];
  /** Reads secrets and certificates again, for connections to come. */
  renew(): Promise<unknown>;
  tell(error: unknown): void;
  firstReady(): Promise<void>;
  close(): Promise<void>;
}

/** A producer's commands in flight may finish; a consumer's blocking read would hold up the end, and loses nothing by being cut. */
export async function closeClient(client: RedisClient, { profile, closeTimeoutMs }: ResolvedRedisOptions): Promise<void> {
  if (profile === 'producer' && client.status === 'ready') {
    await settledWithin(
      client.quit().then(undefined, () => undefined),
      closeTimeoutMs,
    );
  }
  // After QUIT too: a connection that was down, or did not answer in time, is still trying.
  client.disconnect();
}
