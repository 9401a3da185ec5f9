import { MillraceError } from '../runtime/src/contracts/errors.ts';
import { formatProblem, type Problem, problemsOf } from '../runtime/src/contracts/problems.ts';
import { unions } from '../runtime/src/contracts/unions.ts';
import { draftOf } from './checks/draft.ts';
import { checks } from './checks/index.ts';
import { type Environment, environmentSchema } from './declaration.ts';

export type { Environment, EnvironmentInput, ServiceDeclaration, Size, WorkerDeclaration } from './declaration.ts';
export { environmentSchema } from './declaration.ts';

/**
 * The declaration, complete and checked.
 *
 * All problems are reported at once: those of its form, and those between its parts as far as the parts concerned have a valid form.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID listing every problem: path, value got, change to make.
 */
export function parseEnvironment(input: unknown): Environment {
  const parsed = environmentSchema.safeParse(input);
  const problems = [...(parsed.success ? [] : problemsOf(parsed.error, input, environmentSchema, unions)), ...problemsBetweenParts(input)];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new MillraceError('ENVIRONMENT_INVALID', summary(input, problems));
}

function problemsBetweenParts(input: unknown): Problem[] {
  const draft = draftOf(input);
  return draft === undefined ? [] : checks.flatMap((check) => check(draft));
}

function summary(input: unknown, problems: readonly Problem[]): string {
  const name = typeof input === 'object' && input !== null && 'name' in input ? ` ${JSON.stringify(input.name)}` : '';
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return `the environment${name} has ${count}:\n${problems.map((problem) => `  - ${formatProblem(problem)}`).join('\n')}`;
}
