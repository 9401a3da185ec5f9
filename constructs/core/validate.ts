import { isMillraceError, MillraceError } from '../../runtime/src/contracts/errors.ts';

export { repeated } from '../../environments/checks/references.ts';

/** One reason to refuse resolved settings: where `condition` is true, `message` says what must be, and what was got. */
export interface Rule<T> {
  readonly condition: (resolved: T) => boolean;
  /** A list where one look finds several problems: each counts. */
  readonly message: (resolved: T) => string | readonly string[];
}

/**
 * Refuses settings that break a rule, naming all problems at once.
 *
 * @param subject what the settings are of, `elasticache cache`.
 * @throws {MillraceError} ENVIRONMENT_INVALID listing every problem.
 */
export function validate<T>(subject: string, rules: readonly Rule<T>[], resolved: T): void {
  const problems = rules.filter(({ condition }) => condition(resolved)).flatMap(({ message }) => message(resolved));
  if (problems.length === 0) return;
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  throw new MillraceError('ENVIRONMENT_INVALID', `${subject} has ${count}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
}

/**
 * Takes every step, so that problems of all are known at once.
 *
 * @returns what the steps gave.
 * @throws {MillraceError} ENVIRONMENT_INVALID with all refusals, one after the other; any other error at once.
 */
export function everyOne<T>(steps: readonly (() => T)[]): T[] {
  const refusals: string[] = [];
  const results = steps.flatMap((step) => {
    try {
      return [step()];
    } catch (error) {
      if (!isMillraceError(error, 'ENVIRONMENT_INVALID')) throw error;
      refusals.push(error.message);
      return [];
    }
  });
  if (refusals.length > 0) throw new MillraceError('ENVIRONMENT_INVALID', refusals.join('\n'));
  return results;
}

/** Says of a refusal what it is about: `the plan of staging`. */
export function about<T>(subject: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!isMillraceError(error, 'ENVIRONMENT_INVALID')) throw error;
    throw new MillraceError('ENVIRONMENT_INVALID', `${subject} is refused:\n${error.message}`);
  }
}

/** A value as a message shows it. */
export function quoted(value: unknown): string {
  return JSON.stringify(value);
}

/** Values as a message lists them. */
export function listed(values: readonly (string | number)[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}

/** Whether `value` is a whole number from `least` to `most`. */
export function isWholeNumber(value: number, least: number, most: number = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
