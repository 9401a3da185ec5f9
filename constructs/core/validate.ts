import { MillraceError } from '../../runtime/src/contracts/errors.ts';

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
