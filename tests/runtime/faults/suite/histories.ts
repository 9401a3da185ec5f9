import { readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Delivered, Entry, Kind, Publication } from './evidence.ts';

/** What the processes have written down of themselves, read while they go on. */
export class Histories {
  readonly enqueued = new Map<string, Entry>();
  /** When the commit of an event was sent; only of those that succeeded. */
  readonly committed = new Map<string, number>();
  readonly rolledBack = new Set<string>();
  readonly published: Publication[] = [];
  readonly delivered: Delivered[] = [];
  readonly failed: Pick<Delivered, 'id' | 'group'>[] = [];
  readonly replayed = new Set<string>();
  /** Events that have had their effects more than once, as after a database has lost the first. */
  readonly repaired = new Set<string>();
  /** Effects as the consumer that applied them saw them: when, of which event, and who. */
  readonly applied: { readonly id: string; readonly group: string; readonly atMs: number; readonly process: string }[] = [];
  /** `NAME WHAT DETAILS` of everything else: fail-points that were reached, commands that were obeyed. */
  readonly notes: string[] = [];
  readonly folder: string;
  readonly #effects = new Set<string>();
  readonly #offsets = new Map<string, number>();
  #reading: Promise<void> | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Reads what was written since the last time. */
  read(): Promise<void> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    for (const file of readdirSync(this.folder).filter((name) => name.endsWith('.journal'))) {
      for (const line of await this.#newLines(file)) this.#note(file.split('.')[0]!, line.split('\t'));
    }
  }

  /** A line that is still being written is left for the next time. */
  async #newLines(name: string): Promise<string[]> {
    const file = await open(join(this.folder, name));
    try {
      const offset = this.#offsets.get(name) ?? 0;
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
      const end = buffer.lastIndexOf('\n', bytesRead - 1) + 1;
      this.#offsets.set(name, offset + end);
      return buffer.toString('utf8', 0, end).split('\n').slice(0, -1);
    } finally {
      await file.close();
    }
  }

  #note(process: string, [what = '', at = '', id = '', ...rest]: readonly string[]): void {
    const atMs = Number(at);
    const [first = '', second = ''] = rest;
    if (what === 'enqueued') this.enqueued.set(id, entryOf(id, rest));
    else if (what === 'committed') this.committed.set(id, atMs);
    else if (what === 'rolled-back') this.rolledBack.add(id);
    else if (what === 'published') this.published.push({ id, epoch: BigInt(first), sentMs: Number(second), ackedMs: atMs });
    else if (what === 'delivered') this.delivered.push({ id, group: first, bound: second, atMs });
    else if (what === 'failed') this.failed.push({ id, group: first });
    else if (what === 'replayed') this.replayed.add(id);
    else if (what === 'repaired') this.repaired.add(id);
    else if (what === 'new') this.#noteEffect({ id, group: first, atMs, process });
    else this.notes.push([process, what, id, ...rest].join(' '));
  }

  #noteEffect(effect: Histories['applied'][number]): void {
    const name = `${effect.group} ${effect.id}`;
    if (this.#effects.has(name)) this.repaired.add(effect.id);
    this.#effects.add(name);
    this.applied.push(effect);
  }
}

function entryOf(id: string, [topic = '', key = '', n = '', tenant = '', amount = '', kind = '']: readonly string[]): Entry {
  return { id, topic, key, n: Number(n), tenant, amount: Number(amount), kind: kind as Kind };
}
