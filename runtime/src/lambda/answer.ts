import { MillraceError } from '../contracts/errors.ts';
import { type ApplyOutcome, type ChangeOutcome, exitCodeOf, type ServiceOutcome } from '../topology/outcome.ts';

/** Names of an answer or a sentence; the log has all of them. */
const shownNames = 20;

/** What became of one service, in few words: it is kept in Terraform's state. */
interface ServiceAnswer {
  readonly service: string;
  readonly status: string;
  readonly applied: number;
  /** What is not as declared: refused, failed, or with `check` different. */
  readonly open: readonly string[];
  /** What the server has and nothing declares. */
  readonly undeclared: number;
  /** What no change mends: an index that is stuck, a node that is down. The deployment goes on, and the log has the sentences. */
  readonly problems: readonly string[];
}

/** What the function answers. */
export interface ApplyAnswer {
  readonly environment: string;
  readonly status: string;
  readonly services: readonly ServiceAnswer[];
}

/** The outcome without its details, which the log has; at most some 20 KB, however many objects there are. */
export function answerOf({ environment, status, services }: ApplyOutcome): ApplyAnswer {
  return {
    environment,
    status,
    services: services.map(({ service, status: ofService, changes, notes }) => ({
      service,
      status: ofService,
      applied: changes.filter(({ state }) => state === 'applied').length,
      open: shortened(openChanges(changes).map(({ name }) => name)),
      undeclared: changes.filter(({ undeclared }) => undeclared === true).length,
      problems: shortened(notes.filter(({ level }) => level === 'problem').map(({ name }) => name)),
    })),
  };
}

/**
 * Why a deployment must not go on, or undefined. With `check` a difference is an answer, and only a service that could not be read is a reason. A problem
 * that no change mends is no reason either: it would keep every deployment from what it can do.
 */
export function failureOf(outcome: ApplyOutcome): MillraceError | undefined {
  const bad = outcome.services.filter(({ status }) =>
    outcome.check ? exitCodeOf(status) === 1 : exitCodeOf(status) !== 0 && status !== 'differs',
  );
  if (bad.length === 0) return undefined;
  const fine = outcome.services.filter((service) => !bad.includes(service)).map(({ service }) => service);
  const rest = fine.length === 0 || outcome.check ? '' : `; done: ${fine.join(', ')}`;
  const verb = outcome.check ? 'could not be compared' : 'is not in place';
  return new MillraceError(
    'TOPOLOGY_NOT_APPLIED',
    `the topology of ${outcome.environment} ${verb}: ${bad.map(sentenceOn).join('; ')}${rest}`,
  );
}

function sentenceOn({ service, status, error, changes }: ServiceOutcome): string {
  const open = openChanges(changes);
  const refused = open.filter(({ state }) => state === 'refused');
  const failed = open.filter((change) => change.error !== undefined);
  const parts = [
    ...(error === undefined ? [] : [`${error.code} ${error.message}`]),
    ...shortened(failed.map(({ name, error: reason }) => `${name}: ${reason!.code} ${reason!.message}`)),
    ...shortened(refused.map(refusal)),
    ...(refused.length === 0
      ? []
      : [`to carry this out, list ${shortened(refused.map(({ name }) => name)).join(', ')} in protection.allowDestroy and deploy`]),
  ];
  return `${service} is ${status}${parts.length === 0 ? '' : ` (${parts.join('; ')})`}`;
}

function refusal({ name, action, danger, differences }: ChangeOutcome): string {
  if (danger !== undefined) return `${name} waits: ${danger.sentence}`;
  const what = differences.map(({ property }) => property).join(', ');
  return `${name} waits: ${action}${what === '' ? '' : ` of ${what}`}`;
}

/** What is not as declared; objects that nothing declares are none of it. */
function openChanges(changes: readonly ChangeOutcome[]): ChangeOutcome[] {
  return changes.filter(({ state, undeclared }) => state !== 'applied' && undeclared !== true);
}

function shortened(names: readonly string[]): string[] {
  return names.length <= shownNames ? [...names] : [...names.slice(0, shownNames), `${names.length - shownNames} more`];
}
