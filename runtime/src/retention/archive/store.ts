import { isMillraceError, type MillraceError } from '../../contracts/errors.ts';

/** What a store knows of an object without reading it. */
export interface ObjectFacts {
  readonly bytes: number;
  /** Hexadecimal; undefined where the store keeps none. */
  readonly sha256: string | undefined;
}

/** Where an archive lies: a bucket or a folder. Keys are relative to its location, joined by slashes. */
export interface ArchiveStore {
  /** For messages; ends with a slash. */
  readonly location: string;
  /** The whole object, undefined when there is none. @throws {MillraceError} ARCHIVE_UNAVAILABLE */
  read(key: string): Promise<Buffer | undefined>;
  /** Writes all of it or nothing. @throws {MillraceError} ARCHIVE_UNAVAILABLE */
  write(key: string, body: Buffer, sha256: string): Promise<void>;
  facts(key: string): Promise<ObjectFacts | undefined>;
  /** Keys below a prefix that ends with a slash, sorted; with what interrupted writes have left. */
  list(prefix: string): Promise<string[]>;
  /**
   * Removes what lies under the keys, with every earlier version; of keys in `keep` only the earlier versions.
   *
   * @returns for people: what could not be removed and why; empty when nothing is left.
   */
  purge(prefix: string, keep: ReadonlySet<string>): Promise<string[]>;
  close(): void;
}

/** Whether an error concerns one object or the way to it, so that others may fare better. */
export function isArchiveFailure(error: unknown): error is MillraceError {
  return isMillraceError(error, 'ARCHIVE_INVALID') || isMillraceError(error, 'ARCHIVE_UNAVAILABLE');
}
