import { counted } from '../wording.ts';
import { changedParts } from './changed-parts.ts';
import type { Change } from './driver.ts';
import { idleSentence, needsAllowing } from './names.ts';
import { type ApplyOutcome, type ChangeOutcome, exitCodeOf, type ServiceOutcome } from './outcome.ts';

type Colour = 'green' | 'yellow' | 'red' | 'dim';
/** Gives a text a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

const signs: Readonly<Record<Change['action'], readonly [sign: string, colour: Colour]>> = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  replace: ['-/+', 'red'],
  delete: ['-', 'red'],
  conflict: ['!', 'red'],
};

/** A change for people: what and which, what would be lost, and how to have it done all the same. */
export function changeLines(change: ChangeOutcome, paint: Paint): string[] {
  const { action, name, differences, state } = change;
  const [sign, colour] = signs[action];
  const head = `${paint(colour, `${sign.padStart(3)} ${action.padEnd(8)}`)} ${name}${remarkOn(change, paint)}`;
  // What is made has all of its declaration to show; what is deleted nothing that counts.
  const shown = state !== 'failed' && (action === 'create' || action === 'delete') ? [] : differences;
  return [head, ...shown.flatMap(changedParts).map(({ property, before, after }) => `      ${property}: ${paint('dim', before)}${after}`)];
}

function remarkOn(change: ChangeOutcome, paint: Paint): string {
  const { state, name, error, undeclared } = change;
  if (state === 'failed') return paint('red', ` failed: ${error!.code}: ${error!.message}`);
  if (state !== 'refused') return '';
  const what = undeclared === true ? 'nothing declares it; ' : '';
  return `${paint('yellow', ` ${what}${costOf(change)}`)} --allow-destroy ${shellWord(name)}`;
}

function costOf({ action, danger, undeclared }: Change): string {
  if (action === 'conflict') return `changed by others since it was applied${clause(danger?.sentence)}; overwritten only with`;
  if (undeclared === true) return `left alone, deleted${clause(danger?.sentence, ', which ')} only with`;
  return `waits: ${danger?.sentence ?? 'cannot be undone'}; done only with`;
}

function clause(sentence: string | undefined, before = ', and overwriting '): string {
  return sentence === undefined ? '' : `${before}${sentence}`;
}

/** As a shell takes it: names of bindings and streams have characters that mean something to it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What stands below the changes of a service: notes, and why it was left. Where all is well only `--json` has what is worth knowing. */
export function closingLines({ notes, error, changes, status }: ServiceOutcome, paint: Paint): string[] {
  const pending = changes.filter(({ state }) => state === 'pending').length;
  const open = pending === 0 ? '' : `; ${counted(pending, 'change')} not made`;
  const shown = notes.filter(({ level }) => level === 'problem' || status !== 'as-declared');
  return [
    ...shown.map(({ level, name, sentence }) => `    ${paint(level === 'problem' ? 'yellow' : 'dim', `${level} ${name}: ${sentence}`)}`),
    ...(error === undefined ? [] : [`    ${paint('red', `${error.code}: ${error.message}${open}`)}`]),
  ];
}

/** What was allowed for nothing. */
export function idleLines({ idle, services }: Pick<ApplyOutcome, 'idle' | 'services'>, paint: Paint): string[] {
  const waiting = services.flatMap(({ changes }) => changes.filter(needsAllowing).map(({ name }) => name));
  return idle.map((name) => paint('yellow', `warning: ${idleSentence(name, waiting)}`));
}

/** The last line. */
export function summaryOf({ environment, check, status, services, unbound, elapsedMs }: ApplyOutcome, paint: Paint): string {
  const counts = countsOf(services, check);
  const names = services.map(({ service }) => service).join(', ');
  const colour = { 0: 'green', 1: 'red', 2: 'yellow' } as const;
  const all = services.length === 0 ? 'the topology has no objects for the services that are bound' : `${names} as declared`;
  const parts = [
    counts.length === 0 ? all : counts.join(', '),
    ...(unbound.length === 0 ? [] : [`not bound, left out: ${unbound.join(', ')}`]),
  ];
  return `${paint(colour[exitCodeOf(status)], `${environment}: ${parts.join('; ')}`)} (${(elapsedMs / 1_000).toFixed(1)} s)`;
}

function countsOf(services: readonly ServiceOutcome[], check: boolean): string[] {
  const changes = services.flatMap((service) => service.changes);
  const left = changes.filter(({ state }) => state === 'refused');
  const undeclared = left.filter((change) => change.undeclared === true).length;
  const count = (wanted: ChangeOutcome['state']) => changes.filter(({ state }) => state === wanted).length;
  const having = (status: ServiceOutcome['status']) =>
    services.filter((service) => service.status === status).map(({ service }) => service);
  const problems = services.flatMap(({ notes }) => notes).filter(({ level }) => level === 'problem').length;
  const told: readonly (readonly [number, string])[] = [
    [count('applied'), `${counted(count('applied'), 'change')} made`],
    [count('pending'), `${counted(count('pending'), 'change')} ${check ? 'to make' : 'not made'}`],
    [count('failed'), `${count('failed')} failed`],
    [left.length - undeclared, `${left.length - undeclared} waiting for --allow-destroy`],
    [undeclared, `${undeclared} undeclared ${check ? '' : 'left alone'}`.trim()],
    [problems, counted(problems, 'problem')],
    [having('unreachable').length, `${having('unreachable').join(', ')} not reachable`],
    [having('failed').length, `${having('failed').join(', ')} not in place`],
  ];
  return told.flatMap(([number, text]) => (number === 0 ? [] : [text]));
}
