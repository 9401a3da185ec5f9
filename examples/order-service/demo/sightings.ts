import { readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** An effect as the process that applied it saw it. */
export interface Applied {
  readonly eventId: string;
  readonly atMs: number;
  /** The ordered lane that the event came through. */
  readonly stream: string;
  /** `inventory-1`. */
  readonly process: string;
}

/** What the processes themselves have seen, read from the journals that they write while they work. */
export class Sightings {
  /** When the commit of each event was sent by its writer; only commits that succeeded are in here. */
  readonly committed = new Map<string, number>();
  readonly rolledBack = new Set<string>();
  /** How often each event reached each group. */
  readonly deliveries = new Map<string, Map<string, number>>();
  /** Effects by group, in the order in which they were read. */
  readonly applied = new Map<string, Applied[]>();
  lastDeliveryAtMs = 0;
  readonly #folder: string;
  readonly #offsets = new Map<string, number>();
  #reading: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Reads what was written since the last time. */
  read(): Promise<void> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    for (const name of readdirSync(this.#folder).filter((file) => file.endsWith('.journal'))) {
      for (const line of await this.#newLines(name)) this.#note(name.split('.')[0]!, line.split('\t'));
    }
  }

  async #newLines(name: string): Promise<string[]> {
    const file = await open(join(this.#folder, name));
    try {
      const offset = this.#offsets.get(name) ?? 0;
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
      // A line that is still being written is left for the next time.
      const end = buffer.lastIndexOf('\n', bytesRead - 1) + 1;
      this.#offsets.set(name, offset + end);
      return buffer.toString('utf8', 0, end).split('\n').slice(0, -1);
    } finally {
      await file.close();
    }
  }

  #note(process: string, [what = '', at = '', eventId = '', stream = '']: readonly string[]): void {
    const group = process.replace(/-\d+$/, '');
    const atMs = Number(at);
    if (what === 'committed') this.committed.set(eventId, atMs);
    else if (what === 'rolled-back') this.rolledBack.add(eventId);
    else if (what === 'delivered') {
      const counts = entry(this.deliveries, group, () => new Map<string, number>());
      counts.set(eventId, (counts.get(eventId) ?? 0) + 1);
      this.lastDeliveryAtMs = Math.max(this.lastDeliveryAtMs, atMs);
    } else if (what === 'new') entry(this.applied, group, () => []).push({ eventId, atMs, stream, process });
  }
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}
