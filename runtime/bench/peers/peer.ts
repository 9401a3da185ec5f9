import type { Pool } from 'pg';

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** What a peer works with: a database of its own and a stream. */
export interface PeerTools {
  /** Where the database is, for libraries that open their own connections. */
  readonly address: Address;
  /** For libraries that take a pool; of as many connections as `peerConnections`. */
  readonly pool: Pool;
  /** Appends an event to the stream; settles with the acknowledgement of Redis. Appends of one turn of the event loop share a round trip. */
  readonly append: (event: PeerEvent) => Promise<void>;
}

export const peerConnections = 25;

/** The same 400 bytes with the same attributes as the rows of the outbox. */
export interface PeerEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly datacontenttype: string;
  readonly tenantid: string;
  readonly actorid: string;
  readonly partitionkey: string;
  readonly data: string;
}

/** A library that does the same work: rows of PostgreSQL to entries of a Redis stream, at least once. */
export interface Peer {
  readonly name: string;
  /** Where its settings come from. */
  readonly source: string;
  /** Events of a turn: a few seconds of work. */
  readonly events: number;
  /** Makes its tables, empty ones. */
  prepare(tools: PeerTools): Promise<void>;
  fill(tools: PeerTools, events: readonly PeerEvent[]): Promise<void>;
  /** Begins to work. */
  start(tools: PeerTools): Promise<{ stop(): Promise<void> }>;
}
