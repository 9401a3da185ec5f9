import type { BoundService } from '../../../contracts/binding.ts';
import { objectKinds } from '../../../contracts/object-names.ts';
import type { Topology } from '../../../contracts/topology.ts';
import type { Properties } from '../../differences.ts';

/** What is kept on an OpenSearch server, in an order in which it can be made; deleted is in the reverse one. */
export const kinds = objectKinds.opensearch;
export type Kind = (typeof kinds)[number];

export type Body = Readonly<Record<string, unknown>>;

/** Definitions by full name, as in `shop.id`; objects stand beside their parts, which are not in them. */
export type Fields = Readonly<Record<string, Body>>;

/** Optional parts of a server: of plugins, which not every distribution has. */
export interface Capabilities {
  /** Index State Management and Snapshot Management. */
  readonly indexManagement: boolean;
  readonly security: boolean;
}

/** Whose declaration is meant, and what the server can do. */
export interface DeclareContext {
  readonly service: string;
  readonly bound: Pick<BoundService, 'administration' | 'auth'>;
  readonly topology: Topology;
  readonly capabilities: Capabilities;
}

/** An object as the topology wants it. */
export interface DeclaredObject {
  readonly kind: Kind;
  readonly name: string;
  /** What is compared. */
  readonly properties: Properties;
  /** What is written; carries the mark where the kind has room for one. */
  readonly body: Body;
  /** Of data streams and aliases. */
  readonly index?: DeclaredIndex | undefined;
  /** Days after which a lifecycle deletes an index or a snapshot policy a snapshot. */
  readonly deleteDays?: number | undefined;
}

/** What a data stream or an alias with its indices has beyond its settings. */
export interface DeclaredIndex {
  readonly shards: number;
  readonly lifecycle?: string | undefined;
  /** Definitions by name, as in `mappings.properties`. */
  readonly fields: Readonly<Record<string, Body>>;
}

/** An object as the server has it. */
export interface LiveObject {
  readonly kind: Kind;
  readonly name: string;
  readonly properties: Properties;
  /** Made by Millrace: its mark is there. */
  readonly ours: boolean;
  /** Whether somebody else changed it after Millrace wrote it. */
  readonly changedByOthers: boolean;
  readonly version?: Version | undefined;
  /** Of data streams and aliases: oldest first; the last one is written to, or should be. */
  readonly indices?: readonly string[] | undefined;
  /** Of data streams and aliases: what takes documents now; undefined where the alias takes none. */
  readonly written?: string | undefined;
  readonly deleteDays?: number | undefined;
}

/** For optimistic concurrency, where the API has it. */
export interface Version {
  readonly seqNo: number;
  readonly primaryTerm: number;
  readonly updatedAt: number;
}

export interface LiveIndex {
  readonly createdAt: number;
  readonly documents: number;
  readonly bytes: number;
  /** `index.*` settings that are compared, by their full names. */
  readonly settings: Readonly<Record<string, string>>;
  /** Declared name of the index that Millrace made it for. */
  readonly madeFor?: string | undefined;
  /** Of indices that were asked for; by full name, as in `shop.id`. */
  readonly fields: Fields;
}

/** How Index State Management is doing with one index. */
export interface ManagedIndex {
  readonly policy: string;
  /** Version of the policy that it follows; undefined before the first run. */
  readonly seqNo?: number | undefined;
  readonly state?: string | undefined;
  readonly action?: string | undefined;
  readonly failed: boolean;
  readonly message?: string | undefined;
}

/** Everything that was read in one comparison. */
export interface Live {
  readonly capabilities: Capabilities;
  /** By `keyOf`. */
  readonly objects: ReadonlyMap<string, LiveObject>;
  readonly indices: ReadonlyMap<string, LiveIndex>;
  readonly managed: ReadonlyMap<string, ManagedIndex>;
  /** When it was read, in milliseconds since 1970. */
  readonly readAt: number;
}

export function keyOf({ kind, name }: { readonly kind: Kind; readonly name: string }): string {
  return `${kind}/${name}`;
}
