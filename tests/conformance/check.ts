import type { TopologyInput } from '../../runtime/src/contracts/topology.ts';
import type { Capabilities, Transport } from '../../runtime/src/transport.ts';
import type { TransportChange } from './driver.ts';

export type Topics = Readonly<Record<string, Partial<NonNullable<TopologyInput['topics']>[string]>>>;

/** What a check stands on: topics of its own on a server that others use as well. */
export interface Ground {
  readonly patienceMs: number;
  /** Full name of one of the check's topics. @default its first */
  topic(name?: string): string;
  /** Full name of one of its groups. @default the one that topics have unless they name others */
  group(name?: string): string;
  /** A transport, closed at the end of the check if it is not before. */
  open(change?: TransportChange): Promise<Transport>;
  /** @param what ends the sentence "gave up waiting until". */
  eventually<T>(what: string, probe: () => Promise<T | false | undefined> | T | false | undefined): Promise<T>;
  restart(): Promise<void>;
}

/** One thing that a transport must do. */
export interface Check {
  /** Part of the names of its topics. */
  readonly name: string;
  /** A sentence; the title of its test. */
  readonly title: string;
  /** The declaration that it proves, whichever way the driver declares it. */
  readonly capability?: keyof Capabilities;
  /** Needs the server for itself. */
  readonly alone?: boolean;
  /** By the names that `ground.topic` takes. @default one named `events` */
  readonly topics?: Topics;
  /** @throws {Error} with a sentence that says what the driver did instead. */
  run(ground: Ground): Promise<void>;
}

/** @throws {Error} with `sentence` unless `holds`. */
export function must(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Error(sentence);
}

/** @throws {Error} unless both lists have the same items in the same order. */
export function mustEqual(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  must(got === wanted, `${what} must be ${shortened(wanted)}, got ${shortened(got)}`);
}

function shortened(text: string): string {
  return text.length <= 600 ? text : `${text.slice(0, 400)} ... ${text.slice(-190)}`;
}
