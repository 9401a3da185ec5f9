import { answerOf, failureOf } from '../../../runtime/src/lambda/answer.ts';
import { parseRequest } from '../../../runtime/src/lambda/request.ts';
import type { ApplyOutcome, ChangeOutcome, ServiceOutcome, ServiceStatus } from '../../../runtime/src/topology/outcome.ts';

const change = (name: string, state: ChangeOutcome['state'], more: Partial<ChangeOutcome> = {}): ChangeOutcome => ({
  ...{ name, state, action: 'update', differences: [{ property: 'ttl', declared: '1' }] },
  ...more,
});
const service = (name: string, status: ServiceStatus, changes: readonly ChangeOutcome[] = [], more: Partial<ServiceOutcome> = {}) => ({
  ...{ service: name, kind: 'rabbitmq', status, changes, notes: [], elapsedMs: 1 },
  ...more,
});
const outcome = (services: readonly ServiceOutcome[], check = false): ApplyOutcome => ({
  ...{ environment: 'trial', check, status: services[0]!.status, services, unbound: [], idle: [], elapsedMs: 1 },
});

describe('the answer', () => {
  test('tells what is open, and counts what nothing declares', () => {
    const undeclared = change('tasks/queue/old', 'refused', { undeclared: true });
    const { services } = answerOf(outcome([service('tasks', 'applied', [change('tasks/queue/a', 'applied'), undeclared])]));
    expect(services).toEqual([{ service: 'tasks', status: 'applied', applied: 1, open: [], undeclared: 1, problems: [] }]);
  });

  test('stays small, however much there is', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => change(`tasks/queue/${'x'.repeat(180)}-${index}`, 'pending'));
    const answer = answerOf(outcome([service('tasks', 'differs', many)], true));
    expect(answer.services[0]?.open).toHaveLength(21);
    expect(answer.services[0]?.open.at(-1)).toBe('4980 more');
    expect(JSON.stringify(answer).length).toBeLessThan(8_000);
  });
});

describe('a deployment goes on', () => {
  test.each<[ServiceStatus, boolean]>([
    ['as-declared', true],
    ['applied', true],
    ['differs', true], // a problem that no change mends
    ['refused', false],
    ['conflict', false],
    ['failed', false],
    ['unreachable', false],
  ])('after %s: %s', (status, goesOn) => {
    expect(failureOf(outcome([service('tasks', status)])) === undefined).toBe(goesOn);
  });

  test('after a look that found differences, and not after one that could not look', () => {
    expect(failureOf(outcome([service('tasks', 'differs'), service('log', 'conflict')], true))).toBeUndefined();
    expect(failureOf(outcome([service('tasks', 'unreachable')], true))?.message).toBe(
      'the topology of trial could not be compared: tasks is unreachable',
    );
  });
});

describe('the sentence', () => {
  test('tells what others changed, and how to overwrite it', () => {
    const conflict = change('search/lifecycle/year', 'refused', { action: 'conflict' });
    const sentence = failureOf(outcome([service('search', 'conflict', [conflict]), service('tasks', 'applied')]))?.message;
    expect(sentence).toBe(
      'the topology of trial is not in place: search is conflict (search/lifecycle/year waits: conflict of ttl; ' +
        'to carry this out, list search/lifecycle/year in protection.allowDestroy and deploy); done: tasks',
    );
  });

  test('tells why a change failed', () => {
    const failed = change('tasks/queue/a', 'failed', { error: { code: 'ACCESS_DENIED', message: 'may not' } });
    expect(failureOf(outcome([service('tasks', 'failed', [failed])]))?.message).toContain(
      'tasks is failed (tasks/queue/a: ACCESS_DENIED may not)',
    );
  });
});

test.each([undefined, null, {}])('asked for %j it applies all, and allows nothing', (event) => {
  expect(parseRequest(event)).toEqual({ allow: [], check: false });
});
