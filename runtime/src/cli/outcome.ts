import { isMillraceError } from '../contracts/errors.ts';

/** 2: what was looked for is there (a difference, a problem), though the command itself worked. */
export const problemFound = 2;

/** Prints the outcome of a command: one line of JSON for programs, a sentence for people. */
export function report(json: boolean, outcome: object, sentence: string): void {
  process.stdout.write(json ? `${JSON.stringify(outcome)}\n` : `${sentence}\n`);
}

/** Who reads may have seen enough, as `head` has, or may have ended, as a collector of logs that starts anew; the work goes on. */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** Ends the process when the command has: an expected error or an answer of the database is one sentence, anything else keeps its stack. */
export function exitWith(command: Promise<unknown>): void {
  command.catch((error: unknown) => {
    process.stderr.write(`millrace: ${sentenceOf(error)}\n`);
    process.exitCode = 1;
  });
}

/** An error for people, without its stack where it was to be expected. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isMillraceError(error)) return `${error.code}: ${error.message}`;
  const { severity, code } = error as { severity?: unknown; code?: unknown };
  const answerOfDatabase = severity !== undefined && typeof code === 'string';
  return answerOfDatabase ? `the database refused: ${error.message} (SQLSTATE ${code})` : (error.stack ?? error.message);
}

/** A connection that a silent server holds open must not hold this process. */
export function endSoon(): void {
  setTimeout(() => process.exit(), 500).unref();
}
