import type { Carrier } from './carriers.ts';
import type { Scene } from './scene.ts';

/** What a nemesis has done. */
export interface Blow {
  /** `kill -9 of relay-2 after publishing`. */
  readonly what: string;
  /** When it began, and when everything was as before again, but for the processes and servers that have to find back to work; by `nowMs`. */
  readonly fromMs: number;
  readonly mendedMs: number;
}

/** What may come again because of a blow: what a relay had not noted as published, what a consumer had not acknowledged, what a broker may have forgotten. */
type Repeats = 'relay' | 'consumer' | 'broker';

/** One kind of fault. */
export interface Nemesis {
  readonly name: string;
  /** Servers that it can happen to. */
  readonly on: readonly Carrier['kind'][];
  /** Besides what the death of a process explains, which is counted. */
  readonly repeats: readonly Repeats[];
  /** The database may lose commits by it. @default false */
  readonly forgets?: boolean;
  /** Why it cannot happen on this machine. @default it can */
  impossible?(): string | undefined;
  strike(scene: Scene, random: () => number): Promise<Blow>;
}

/** One of `items`, which has some. */
export function oneOf<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}
