import type * as Elastic from '@elastic/elasticsearch';

type ResurrectOptions = Parameters<Elastic.ClusterConnectionPool['resurrect']>[0];

/** First pause before a dead node is tried again; it doubles with every failure. */
const firstPauseMs = 1_000;

/** Doublings of the pause: at most 16 s. The stock pool waits a minute, and up to half an hour. */
const maxDoublings = 4;

/**
 * Nodes in turn, leaving out those that failed until a ping has found them alive; when all have failed, any.
 *
 * Nothing runs on its own: a ping goes out beside a request, one at a time.
 */
export function nodePool({ ClusterConnectionPool }: typeof Elastic, pingTimeoutMs: number): typeof Elastic.ClusterConnectionPool {
  return class NodePool extends ClusterConnectionPool {
    constructor(options: ConstructorParameters<typeof ClusterConnectionPool>[0]) {
      super({ ...options, resurrectStrategy: 'ping', pingTimeout: pingTimeoutMs });
      this.resurrectTimeout = firstPauseMs;
      this.resurrectTimeoutCutoff = maxDoublings;
    }

    /** The stock pool sends a ping with every request until the first has failed: to a node that hangs, hundreds. */
    override resurrect(options: ResurrectOptions): void {
      const first = this.connections.find(({ id }) => id === this.dead[0]);
      const due = first !== undefined && options.now >= first.resurrectTimeout;
      super.resurrect(options);
      if (due) first.resurrectTimeout = options.now + pingTimeoutMs + firstPauseMs;
    }

    /** All at once, so that several hanging nodes take no longer than one. */
    override async empty(): Promise<void> {
      const closing = this.connections.map((connection) => connection.close());
      this.connections = [];
      this.size = 0;
      this.dead = [];
      await Promise.all(closing);
    }
  };
}
