import { groupedProgress } from '../../../runtime/src/cli/apply-progress.ts';
import { bindingName } from '../../../runtime/src/contracts/object-names.ts';
import type { ChangeOutcome, ServiceOutcome } from '../../../runtime/src/topology/apply.ts';
import { differencesBetween } from '../../../runtime/src/topology/differences.ts';
import { exitCodeOf, serviceStatuses, worstOf } from '../../../runtime/src/topology/outcome.ts';
import { changeLines, closingLines, idleLines, shellWord, summaryOf } from '../../../runtime/src/topology/report.ts';
import { conflict, create, dangerous, undeclared, update } from '../support/scripted-driver.ts';

const plain = (_: string, text: string) => text;
const lines = (change: ChangeOutcome) => changeLines(change, plain);
const service = (change: Partial<ServiceOutcome> = {}): ServiceOutcome => ({
  ...{ service: 'log', kind: 'kafka', status: 'as-declared', changes: [], notes: [], elapsedMs: 10 },
  ...change,
});
const summary = (services: ServiceOutcome[], check = false) => {
  const status = worstOf(services.map((each) => each.status));
  return summaryOf({ environment: 'local', check, status, services, unbound: [], idle: [], elapsedMs: 1_234 }, plain);
};

describe('a change', () => {
  test('that makes something is one line', () => {
    expect(lines({ ...create('log/topic/a'), state: 'applied' })).toEqual(['  + create   log/topic/a']);
  });

  test('of properties has both values of each', () => {
    const change: ChangeOutcome = { ...update('log/topic/a'), state: 'applied' };
    const two = [...change.differences, { property: 'cleanup.policy', live: 'compact' }];
    expect(lines({ ...change, differences: two })).toEqual([
      '  ~ update   log/topic/a',
      '      retention.ms: 1 -> 2',
      '      cleanup.policy: compact -> none',
    ]);
  });

  test('that was refused says what would be lost and what to type, as a shell takes it', () => {
    expect(lines({ ...dangerous('tasks/binding/events/images/products.*'), state: 'refused' })).toEqual([
      '-/+ replace  tasks/binding/events/images/products.* waits: deletes the queue and 12 messages; done only with' +
        " --allow-destroy 'tasks/binding/events/images/products.*'",
      '      type: classic -> quorum',
    ]);
    expect(lines({ ...undeclared('log/topic/old'), state: 'refused' })).toEqual([
      '  - delete   log/topic/old nothing declares it; left alone, deleted only with --allow-destroy log/topic/old',
    ]);
    expect(lines({ ...conflict('search/lifecycle/year'), state: 'refused' })[0]).toBe(
      '  ! conflict search/lifecycle/year changed by others since it was applied; overwritten only with --allow-destroy search/lifecycle/year',
    );
  });

  test('that failed says why, with what it would have been', () => {
    const error = { code: 'ACCESS_DENIED', message: 'millrace may not create topics' };
    expect(lines({ ...create('log/topic/a'), state: 'failed', error })).toEqual([
      '  + create   log/topic/a failed: ACCESS_DENIED: millrace may not create topics',
      '      partitions: none -> 3',
    ]);
  });

  const updateOf = (live: string | undefined, declared: string | undefined): ChangeOutcome => ({
    ...update('search/template/logs'),
    ...{ state: 'pending', differences: [{ property: 'mappings', live, declared }] },
  });

  test('of pages of JSON shows each value that changes, at its place', () => {
    const fields = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`field-${index}`, { type: 'keyword' }]));
    const text = (change: object) => JSON.stringify({ properties: { ...fields, ...change } });
    expect(lines(updateOf(text({ user: { type: 'text' }, old: 1 }), text({ user: { type: 'keyword' }, age: { type: 'long' } })))).toEqual([
      '  ~ update   search/template/logs',
      '      mappings.properties.age: none -> {"type":"long"}',
      '      mappings.properties.old: 1 -> none',
      '      mappings.properties.user.type: text -> keyword',
    ]);
    const all = JSON.stringify({ properties: Object.fromEntries(Object.keys(fields).map((name) => [name, { type: 'text' }])) });
    expect(lines(updateOf(text({}), all)).at(-1)).toBe('      mappings: 49 more differences, --json has all of them');
  });

  test('of a long list, or of long rules, shows what was added and removed', () => {
    const entries = Array.from({ length: 80 }, (_, index) => `+command-${index}`);
    const changed = [...entries.slice(1), '+xadd', '+xlen'];
    const expected = '      mappings: adds +xadd, +xlen; removes +command-0';
    expect(lines(updateOf(JSON.stringify(entries), JSON.stringify(changed)))[1]).toBe(expected);
    expect(lines(updateOf(entries.join(' '), changed.join(' ')))[1]).toBe(expected);
  });

  test('of a long text shows it from where it differs, and cuts what is new as a whole', () => {
    const text = (middle: string) => `${'a'.repeat(300)}${middle}${'b'.repeat(300)}`;
    expect(lines(updateOf(text('old'), text('new')))[1]).toBe(
      `      mappings: ...${'a'.repeat(20)}old${'b'.repeat(20)}... -> ...${'a'.repeat(20)}new${'b'.repeat(20)}...`,
    );
    expect(lines(updateOf('x'.repeat(1_000), undefined))[1]).toBe(`      mappings: ${'x'.repeat(160)}... (1000 characters) -> none`);
  });
});

test('values and names with JSON in them are on one line', () => {
  expect(differencesBetween({ a: { c: [1], b: 2 } }, {})[0]!.declared).toBe('{"b":2,"c":[1]}');
  const binding = { source: 'e', destination: 'q', destinationType: 'queue', routingKey: '', arguments: { x: { b: 1, a: [2] } } } as const;
  expect(bindingName(binding)).not.toMatch(/%0A|\s/);
});

test('a name that was allowed and nothing waits for is a warning, with the name that is meant', () => {
  const services = [service({ changes: [{ ...dangerous('tasks/queue/emails'), state: 'refused' }] })];
  expect(idleLines({ idle: ['tasks/queue/email', 'tasks/queue/*'], services }, plain)).toEqual([
    'warning: nothing waits for tasks/queue/email; did you mean tasks/queue/emails?',
    expect.stringContaining('names are exact, a * stands for itself'),
  ]);
});

test.each([
  ['log/topic/orders.created', 'log/topic/orders.created'],
  ['events/group/stream:{a:0}/b', "'events/group/stream:{a:0}/b'"],
  ["it's", "'it'\\''s'"],
])('%s is %s to a shell', (text, word) => expect(shellWord(text)).toBe(word));

test('problems are always shown, what is only worth knowing where something is to be told anyway', () => {
  const notes = [
    { level: 'info', name: 'search/lifecycle/year', sentence: 'there is no plugin' },
    { level: 'problem', name: 'search/index/logs', sentence: 'is stuck' },
  ] as const;
  expect(closingLines(service({ notes }), plain)).toEqual(['    problem search/index/logs: is stuck']);
  expect(closingLines(service({ notes, status: 'applied' }), plain)).toHaveLength(2);
});

test('a service that was lost says what was not done', () => {
  const outcome = service({
    status: 'unreachable',
    changes: [{ ...create('log/topic/a'), state: 'pending' }],
    error: { code: 'CONNECTION_TIMEOUT', message: 'log was not done within 60000 ms' },
  });
  expect(closingLines(outcome, plain)).toEqual(['    CONNECTION_TIMEOUT: log was not done within 60000 ms; 1 change not made']);
});

test('the last line counts what was done and what was not', () => {
  expect(summary([service(), service({ service: 'tasks' })])).toBe('local: log, tasks as declared (1.2 s)');
  expect(summary([])).toBe('local: the topology has no objects for the services that are bound (1.2 s)');
  const changes: ChangeOutcome[] = [
    { ...create('a'), state: 'applied' },
    { ...dangerous('b'), state: 'refused' },
    { ...undeclared('c'), state: 'refused' },
  ];
  expect(summary([service({ status: 'refused', changes }), service({ service: 'search', status: 'unreachable' })])).toBe(
    'local: 1 change made, 1 waiting for --allow-destroy, 1 undeclared left alone, search not reachable (1.2 s)',
  );
  expect(summary([service({ status: 'differs', changes: [{ ...create('a'), state: 'pending' }] })], true)).toBe(
    'local: 1 change to make (1.2 s)',
  );
});

test('services that work side by side are printed one after the other, the first as it goes on', () => {
  const printed: string[] = [];
  const tell = groupedProgress((line) => printed.push(line), plain);
  const change = (name: string) => {
    const [of] = name.split('/') as [string];
    tell({ event: 'change', service: of, kind: 'kafka', change: { ...create(name), state: 'applied' } });
    return printed.splice(0);
  };
  const end = (name: string) => {
    tell({ event: 'service', outcome: service({ service: name }) });
    return printed.splice(0);
  };
  expect(change('log/topic/a')).toEqual(['log (kafka)', '  + create   log/topic/a']);
  expect(change('tasks/queue/a')).toEqual([]);
  expect(end('silent')).toEqual([]);
  expect(end('tasks')).toEqual([]);
  expect(change('events/group/a')).toEqual([]);
  expect(change('log/topic/b')).toEqual(['  + create   log/topic/b']);
  expect(end('log')).toEqual(['tasks (kafka)', '  + create   tasks/queue/a', 'events (kafka)', '  + create   events/group/a']);
  expect(change('events/group/b')).toEqual(['  + create   events/group/b']);
  expect(end('events')).toEqual([]);
});

test('exit codes: 1 for what failed or is not there, 2 for what waits or differs', () => {
  expect(Object.fromEntries(serviceStatuses.map((status) => [status, exitCodeOf(status)]))).toEqual({
    ...{ 'as-declared': 0, applied: 0, differs: 2, refused: 2, conflict: 2, failed: 1, unreachable: 1 },
  });
});
