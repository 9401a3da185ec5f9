interface Slot {
  readonly id: number;
  outcome?: 'handled' | 'failed';
}

/** How far a replay has come: which events were read, and up to where all of them are settled. */
export class Window {
  /** Ids up to here have been read. */
  readTo: number;
  /** Events up to the position. */
  handled: number;
  failed: number;
  readonly #open = new Map<number, Slot>();
  #slots: Slot[] = [];
  #head = 0;
  #position: number;

  constructor(start: { readonly position: number; readonly handled: number; readonly failed: number }) {
    this.#position = start.position;
    this.readTo = start.position;
    this.handled = start.handled;
    this.failed = start.failed;
  }

  /** Every event up to here is handled, or given up and kept as a failure. */
  get position(): number {
    for (; this.#head < this.#slots.length; this.#head++) {
      const { id, outcome } = this.#slots[this.#head]!;
      if (outcome === undefined) {
        this.#shorten();
        return this.#position;
      }
      this[outcome] += 1;
      this.#position = id;
    }
    this.#slots = [];
    this.#head = 0;
    this.#position = this.readTo;
    return this.#position;
  }

  /** Events that were read and are not settled. */
  get open(): number {
    return this.#open.size;
  }

  /** Adds an event above all others. */
  add(id: number): void {
    const slot: Slot = { id };
    this.#slots.push(slot);
    this.#open.set(id, slot);
  }

  settle(id: number, outcome: 'handled' | 'failed'): void {
    const slot = this.#open.get(id);
    if (slot === undefined) return;
    slot.outcome = outcome;
    this.#open.delete(id);
  }

  /** Taking from the front of an array costs its length. */
  #shorten(): void {
    if (this.#head < 1_024) return;
    this.#slots = this.#slots.slice(this.#head);
    this.#head = 0;
  }
}
