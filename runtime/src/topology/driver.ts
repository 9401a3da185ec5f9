import type { ServiceHandle } from '../binding/index.ts';
import { MillraceError } from '../contracts/errors.ts';
import type { Topology } from '../contracts/topology.ts';

/** One property that is not as declared. */
export interface PropertyDifference {
  readonly property: string;
  /** Absent where the server has none. */
  readonly live?: string | undefined;
  /** Absent where none is declared. */
  readonly declared?: string | undefined;
}

/** What carrying a change out would cost; such a change waits until its name is given to `--allow-destroy`. */
export interface Danger {
  /** A clause for people: `deletes the queue and 12 messages`. */
  readonly sentence: string;
  readonly messages?: number | undefined;
  readonly bytes?: number | undefined;
}

/** One object on a server that differs from its declaration. */
export interface Change {
  /** `SERVICE/KIND/NAME`, as in `log/topic/orders.created`: what `--allow-destroy` and `unmanaged` mean. */
  readonly name: string;
  /** `replace` deletes and creates again; `conflict` was changed by others since it was applied, and is overwritten only when its name is allowed. */
  readonly action: 'create' | 'update' | 'replace' | 'delete' | 'conflict';
  readonly differences: readonly PropertyDifference[];
  readonly danger?: Danger | undefined;
  /** The server has it and nothing declares it: shown, and left alone unless allowed. */
  readonly undeclared?: boolean | undefined;
}

/** What a driver found. */
export interface Comparison {
  /** In an order in which they can be carried out. */
  readonly changes: readonly Change[];
  /** What a person should know and no change mends: a plugin that is missing, an index stuck in its lifecycle. */
  readonly notes: readonly Note[];
}

export interface Note {
  /** `problem` makes the outcome 2, as a difference does. */
  readonly level: 'info' | 'problem';
  /** What it is about, `SERVICE/KIND/NAME`. */
  readonly name: string;
  readonly sentence: string;
}

export interface DriverContext {
  readonly service: ServiceHandle;
  readonly topology: Topology;
  /** Aborts what is under way. */
  readonly signal: AbortSignal;
}

/**
 * What keeps one server like its declaration. Each lies in a folder of `drivers/`: `declared.ts` (what the topology means there, pure), `read.ts` (what the
 * server has), `diff.ts` (pure), `danger.ts` (what a change would lose) and `apply.ts`; `model.ts` has what they talk about.
 */
export interface Driver extends AsyncDisposable {
  /** Reads, changes nothing. After every change was applied there is none left. */
  compare(): Promise<Comparison>;
  /**
   * Carries out together what takes long one by one, of the changes that are carried out next; where it does not succeed, `apply` tells why.
   *
   * @throws {MillraceError} what keeps every change from being carried out, such as CONNECTION_FAILED.
   */
  prepare?(changes: readonly Change[]): Promise<void>;
  /**
   * Carries out one change of the last comparison; one that was half done before is completed.
   *
   * @throws {MillraceError} TOPOLOGY_CONFLICT when the object was changed since the comparison.
   */
  apply(change: Change): Promise<void>;
}

/** What `apply` throws for a change that the last comparison has not found. */
export function notCompared(name: string): MillraceError {
  return new MillraceError('TOPOLOGY_CONFLICT', `${name} did not differ when it was compared; compare again`);
}

/** Connects; its module is loaded for the kinds of server that are bound, so that others' clients need not be installed. */
export type OpenDriver = (context: DriverContext) => Promise<Driver>;
