import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { type ApplyProgress, applyTopology, exitCodeOf } from '../../../runtime/src/topology/apply.ts';
import { parseTopology } from '../../../runtime/src/topology/index.ts';
import {
  carriedOut,
  conflict,
  create,
  dangerous,
  run,
  type ScriptedServer,
  scripted,
  server,
  statesOf,
  statusesOf,
  undeclared,
  unreachable,
  update,
} from '../support/scripted-driver.ts';

describe('what is done', () => {
  test('nothing differs: everything is as declared, and every connection is closed', async () => {
    const servers = { log: server(), tasks: server(), search: server() };
    const outcome = await run(servers);
    expect(outcome).toMatchObject({ environment: 'wrapped', check: false, status: 'as-declared', unbound: [] });
    expect(statusesOf(outcome)).toEqual({ log: 'as-declared', search: 'as-declared', tasks: 'as-declared' });
    expect(Object.values(servers).map(({ closed }) => closed)).toEqual([1, 1, 1]);
  });

  test('changes of a service are made in the order of its driver, and compared again', async () => {
    let compared = 0;
    const log = { ...server(create('log/topic/b'), create('log/topic/a'), update('log/topic/c')), compare: async () => void compared++ };
    const outcome = await run({ log });
    expect(log.applied).toEqual(['log/topic/b', 'log/topic/a', 'log/topic/c']);
    expect(compared).toBe(2);
    expect(outcome.status).toBe('applied');
    expect(exitCodeOf(outcome.status)).toBe(0);
  });

  test('services are worked on side by side', async () => {
    let arrived = 0;
    let release = () => {};
    const both = new Promise<void>((resolve) => {
      release = resolve;
    });
    const meet = async () => {
      if (++arrived === 3) release();
      await both;
    };
    expect(
      (await run({ log: { ...server(), open: meet }, tasks: { ...server(), open: meet }, search: { ...server(), open: meet } })).status,
    ).toBe('as-declared');
  });

  test('with check nothing is changed, and any difference is told', async () => {
    const log = server(create('log/topic/a'), dangerous('log/topic/b'));
    const tasks = server(undeclared('tasks/queue/old'));
    const search = {
      ...server(),
      notes: [{ level: 'problem', name: 'search/lifecycle/year', sentence: 'the plugin is missing' }] as const,
    };
    const outcome = await run({ log, tasks, search }, { check: true });
    expect(statusesOf(outcome)).toEqual({ log: 'differs', tasks: 'differs', search: 'differs' });
    expect(statesOf(outcome)).toEqual({ 'log/topic/a': 'pending', 'log/topic/b': 'refused', 'tasks/queue/old': 'refused' });
    expect([log.applied, tasks.applied]).toEqual([[], []]);
    expect(exitCodeOf(outcome.status)).toBe(2);
  });

  test('only the services that are named are connected to; one that is none is refused with the names that there are', async () => {
    const servers = { log: server(create('log/topic/a')), tasks: server(create('tasks/queue/a')) };
    const outcome = await run(servers, { only: ['log'] });
    expect(statusesOf(outcome)).toEqual({ log: 'applied' });
    expect(servers.tasks.closed).toBe(0);
    await expect(run(servers, { only: ['lag'] })).rejects.toMatchObject({
      code: 'BINDING_NAME_UNKNOWN',
      message: expect.stringContaining('did you mean log?'),
    });
  });

  test('a service of the topology that the binding does not name is told and left out', async () => {
    const { binding, topology, openDriver } = scripted({});
    const elsewhere = { ...topology, queues: { emails: { ...topology.queues.emails!, service: 'elsewhere' } } };
    expect(await applyTopology({ binding, topology: elsewhere, openDriver })).toMatchObject({
      status: 'as-declared',
      unbound: ['elsewhere'],
    });
  });

  test('what others look after is neither shown nor touched', async () => {
    const tasks = server(undeclared('tasks/exchange/amq.topic'), undeclared('tasks/queue/mine'), update('tasks/queue/their(s)'));
    const outcome = await run({ tasks }, { check: true }, ['tasks/exchange/amq.*', '*/queue/their(s)']);
    expect(statesOf(outcome)).toEqual({ 'tasks/queue/mine': 'refused' });
  });
});

test('what is declared cannot be left to others: it would never be made', async () => {
  const tasks = server(create('tasks/queue/emails'));
  const expected = { code: 'BINDING_INVALID', message: expect.stringContaining('got "tasks/queue/*", which fits tasks/queue/emails') };
  await expect(run({ tasks }, {}, ['tasks/queue/*'])).rejects.toMatchObject(expected);
  const declared = { queues: { emails: { service: 'tasks' } }, unmanaged: ['tasks/queue/*'] };
  expect(() => parseTopology(declared, 'here')).toThrow(expect.objectContaining(expected));
});

describe('what waits for a person', () => {
  test('a change that costs data is refused, the others are made', async () => {
    const tasks = server(dangerous('tasks/queue/a'), create('tasks/queue/b'));
    const outcome = await run({ tasks });
    expect(statesOf(outcome)).toEqual({ 'tasks/queue/a': 'refused', 'tasks/queue/b': 'applied' });
    expect(statusesOf(outcome)).toMatchObject({ tasks: 'refused' });
    expect(exitCodeOf(outcome.status)).toBe(2);
  });

  test('it is made when its name is allowed, and only that one', async () => {
    const tasks = server(dangerous('tasks/queue/a'), dangerous('tasks/queue/ab'));
    await run({ tasks }, { allow: ['tasks/queue/a'] });
    expect(tasks.applied).toEqual(['tasks/queue/a']);
  });

  test('an undeclared object is left alone without making the run fail, and deleted when it is named', async () => {
    const log = server(undeclared('log/topic/old'));
    const outcome = await run({ log });
    expect(outcome).toMatchObject({ status: 'as-declared', services: [{ changes: [{ state: 'refused' }] }, {}, {}] });
    await run({ log }, { allow: ['log/topic/old'] });
    expect(log.applied).toEqual(['log/topic/old']);
  });

  test('a conflict is not overwritten unless it is named', async () => {
    const search = server(conflict('search/lifecycle/year'));
    expect(await run({ search })).toMatchObject({ status: 'conflict' });
    expect(search.applied).toEqual([]);
    expect(await run({ search }, { allow: ['search/lifecycle/year'] })).toMatchObject({ status: 'applied' });
  });

  test('a conflict that shows only at the write is one too', async () => {
    const refuse = async () => {
      throw new MillraceError('TOPOLOGY_CONFLICT', 'search/lifecycle/year was changed meanwhile');
    };
    expect((await run({ search: { ...server(update('search/lifecycle/year')), apply: refuse } })).status).toBe('conflict');
  });

  test('an allowed name that nothing waits for is told, and keeps nothing from being done: after a kill it is done already', async () => {
    const tasks = server(dangerous('tasks/queue/emails'), create('tasks/queue/new'));
    const outcome = await run({ tasks }, { allow: ['tasks/queue/email', 'tasks/queue/new', 'log/topic/gone', 'log/topic/gone'] });
    expect(outcome.idle).toEqual(['tasks/queue/email', 'log/topic/gone']);
    expect(statesOf(outcome)).toEqual({ 'tasks/queue/emails': 'refused', 'tasks/queue/new': 'applied' });
    expect((await run({ tasks }, { allow: ['tasks/queue/emails'] })).idle).toEqual([]);
    expect(await run({ tasks }, { allow: ['tasks/queue/emails'] })).toMatchObject({ status: 'as-declared', idle: ['tasks/queue/emails'] });
  });

  test.each([
    ['tasks/emails', '"tasks/emails" is not of the form SERVICE/KIND/NAME, nothing was changed'],
    [
      'task/queue/emails',
      'task/queue/emails is on no service of the binding that is looked after, nothing was changed; did you mean tasks?',
    ],
    ['audit/queue/emails', 'nothing was changed; services with topics, queues, users or indices are log, search, tasks'],
  ])('the name %s, which no object can have, is refused before any server is looked at', async (name, message) => {
    const [tasks, log] = [server(dangerous('tasks/queue/emails')), server(create('log/topic/a'))];
    await expect(run({ tasks, log }, { allow: ['tasks/queue/emails', name] })).rejects.toMatchObject({
      code: 'TOPOLOGY_NAME_UNKNOWN',
      message: expect.stringContaining(message),
    });
    expect([tasks.applied, log.applied, tasks.closed, log.closed]).toEqual([[], [], 0, 0]);
  });

  test('a name on a service that is not there cannot be looked up, and does not keep the others', async () => {
    const tasks = server(create('tasks/queue/a'));
    const outcome = await run({ log: { ...server(), open: unreachable }, tasks }, { allow: ['log/topic/a'] });
    expect(statusesOf(outcome)).toMatchObject({ log: 'unreachable', tasks: 'applied' });
    expect(outcome.idle).toEqual([]);
  });
});

test('progress tells each change once, failures last, and then the service', async () => {
  const told: ApplyProgress[] = [];
  const fail = async (change: Parameters<NonNullable<ScriptedServer['apply']>>[0], it: ScriptedServer) => {
    if (change.name === 'log/topic/a') throw new MillraceError('ACCESS_DENIED', 'no');
    carriedOut(change, it);
  };
  const log = { ...server(create('log/topic/a'), create('log/topic/b'), dangerous('log/topic/c')), apply: fail };
  await run({ log }, { only: ['log'], onProgress: (progress) => told.push(progress) });
  expect(
    told.map((step) =>
      step.event === 'change' ? `${step.change.name} ${step.change.state}` : `${step.outcome.service} ${step.outcome.status}`,
    ),
  ).toEqual(['log/topic/b applied', 'log/topic/c refused', 'log/topic/a failed', 'log failed']);
});

test('a change that failed here and was done by another run is told as well', async () => {
  const told: string[] = [];
  const beaten = async (change: Parameters<NonNullable<ScriptedServer['apply']>>[0], it: ScriptedServer) => {
    carriedOut(change, it);
    throw new MillraceError('TOPOLOGY_CONFLICT', 'it exists already');
  };
  const log = { ...server(create('log/topic/a')), apply: beaten };
  const onProgress = (progress: ApplyProgress) =>
    progress.event === 'change' && told.push(`${progress.change.name} ${progress.change.state}`);
  await run({ log }, { only: ['log'], onProgress });
  expect(told).toEqual(['log/topic/a applied']);
});

test('what a server can do together is prepared once, of what may be done; nothing is tried when that fails', async () => {
  const prepared: string[][] = [];
  const log = { ...server(create('log/topic/a'), dangerous('log/topic/b'), create('log/topic/c')) };
  const prepare = async (changes: readonly { name: string }[]) => void prepared.push(changes.map(({ name }) => name));
  await run({ log: { ...log, prepare } }, { check: true });
  await run({ log: { ...log, prepare } });
  expect(prepared).toEqual([['log/topic/a', 'log/topic/c']]);
  const lost = await run({ log: { ...server(create('log/topic/a')), prepare: unreachable } });
  expect(statusesOf(lost)).toMatchObject({ log: 'unreachable' });
  expect(statesOf(lost)).toEqual({ 'log/topic/a': 'pending' });
});
