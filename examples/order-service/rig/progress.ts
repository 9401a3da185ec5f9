/** Tells people on standard error how far a program is. */
export class Progress {
  readonly #startMs = performance.now();
  readonly #stream = process.stderr;
  #lineOpen = false;

  step(text: string): void {
    this.#clear();
    this.#stream.write(`${this.#time()}  ${text}\n`);
  }

  /** Says something again and again: in place on a terminal, as a line now and then elsewhere. */
  follow(say: () => Promise<string>): Disposable {
    const everyMs = this.#stream.isTTY ? 500 : 5_000;
    const show = (said: string): void => {
      const text = `${this.#time()}  ${said}`;
      this.#clear();
      this.#stream.write(this.#stream.isTTY ? text : `${text}\n`);
      this.#lineOpen = this.#stream.isTTY;
    };
    const failed = (error: unknown): void => this.step(String(error));
    const timer = setInterval(() => void say().then(show, failed), everyMs);
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
