import { MillraceError } from '../../runtime/src/contracts/errors.ts';

/** One reason to refuse resolved settings: where `condition` is true, `message` says what must be, and what was got. */
export interface Rule<T> {
  readonly condition: (resolved: T) => boolean;
  readonly message: (resolved: T) => string;
}

/**
 * Refuses settings that break a rule, naming all problems at once.
 *
 * @param subject what the settings are of, `elasticache cache`.
 * @throws {MillraceError} ENVIRONMENT_INVALID listing every problem.
 */
export function validate<T>(subject: string, rules: readonly Rule<T>[], resolved: T): void {
  const problems = rules.filter(({ condition }) => condition(resolved)).map(({ message }) => message(resolved));
  if (problems.length === 0) return;
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  throw new MillraceError('ENVIRONMENT_INVALID', `${subject} has ${count}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
}
