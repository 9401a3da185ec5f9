import type * as Ioredis from 'ioredis';
import type { Command } from './client.ts';

type Shown = Pick<Ioredis.RedisOptions, 'password' | 'tls'>;

/** What refused attempts had shown the server, by their errors: what is stored by the time such an error is judged may be newer. */
export interface ShownNotes {
  note(error: unknown, what: string): void;
  /** Notes the password when this is an AUTH that is refused. */
  watch(command: Command): void;
  /** Undefined where it is not known. */
  by(error: unknown): string | undefined;
}

export function noteShown(): ShownNotes {
  const notes = new WeakMap<object, string>();
  const note = (error: unknown, what: string): void => {
    if (error instanceof Error) notes.set(error, what);
  };
  return {
    note,
    watch(command) {
      if (command.name !== 'auth') return;
      const { reject } = command;
      command.reject = (error) => {
        noteAuth(error);
        reject(error);
      };
    },
    by(error) {
      noteAuth(error);
      return error instanceof Error ? notes.get(error) : undefined;
    },
  };
  /** ioredis notes the arguments of the refused command on the error; the last one is the password. */
  function noteAuth(error: unknown): void {
    const { command } = error as { command?: { name: string; args: unknown[] } };
    if (command?.name === 'auth' && command.args.length > 0) note(error, String(command.args.at(-1)));
  }
}

/** Whether another attempt would show the server something else than `before`. */
export function wouldShowElse({ password, tls }: Shown, before: string | null | undefined): boolean {
  return password !== before && certificates(tls) !== before;
}

export function certificates(tls: Shown['tls']): string {
  const { ca, cert, key } = typeof tls === 'object' ? tls : {};
  return JSON.stringify([ca, cert, key]);
}
