import type { Sightings } from './sightings.ts';

/** Tells people on standard error how far the demo is. */
export class Progress {
  readonly #startMs = performance.now();
  readonly #stream = process.stderr;
  #lineOpen = false;

  step(text: string): void {
    this.#clear();
    this.#stream.write(`${this.#time()}  ${text}\n`);
  }

  /** Counts orders and effects while they come: in place on a terminal, a line now and then elsewhere. */
  follow(sightings: Sightings): Disposable {
    const everyMs = this.#stream.isTTY ? 500 : 5_000;
    const show = (): void => {
      const text = `${this.#time()}  ${counts(sightings)}`;
      this.#clear();
      this.#stream.write(this.#stream.isTTY ? text : `${text}\n`);
      this.#lineOpen = this.#stream.isTTY;
    };
    const failed = (error: unknown): void => this.step(`journals cannot be read: ${String(error)}`);
    const timer = setInterval(() => void sightings.read().then(show, failed), everyMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  #clear(): void {
    if (this.#lineOpen) this.#stream.write('\r\u001b[K');
    this.#lineOpen = false;
  }

  #time(): string {
    return `${((performance.now() - this.#startMs) / 1_000).toFixed(1).padStart(6)} s`;
  }
}

function counts({ committed, rolledBack, applied }: Sightings): string {
  const effects = [...applied.values()].reduce((sum, group) => sum + group.length, 0);
  const texts = [committed.size, rolledBack.size, effects].map((value) => value.toLocaleString('en-US'));
  return `${texts[0]} transactions committed, ${texts[1]} rolled back, ${texts[2]} effects`;
}
