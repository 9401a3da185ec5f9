import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { exitCodeOf } from '../../../runtime/src/topology/apply.ts';
import { carriedOut, create, run, type ScriptedServer, server, statesOf, statusesOf, unreachable } from '../support/scripted-driver.ts';

const never = () => new Promise<never>(() => undefined);

describe('what fails', () => {
  test('a service that is not there is told, the others are done', async () => {
    const tasks = server(create('tasks/queue/a'));
    const outcome = await run({ log: { ...server(), open: unreachable }, tasks });
    expect(outcome.status).toBe('unreachable');
    expect(exitCodeOf(outcome.status)).toBe(1);
    expect(outcome.services[0]).toMatchObject({ service: 'log', error: { code: 'CONNECTION_FAILED' }, changes: [] });
    expect(tasks.applied).toEqual(['tasks/queue/a']);
  });

  test.each([
    ['opened', { open: never }],
    ['compared', { compare: never }],
  ])('one that is silent when it is %s costs its own time and no more', async (_, silence) => {
    const tasks = server(create('tasks/queue/a'));
    const outcome = await run({ log: { ...server(), ...silence }, tasks }, { timeoutMs: 100 });
    expect(outcome.services[0]).toMatchObject({
      status: 'unreachable',
      error: { code: 'CONNECTION_TIMEOUT', message: 'log was not done within 100 ms' },
    });
    expect(statusesOf(outcome)).toMatchObject({ tasks: 'applied' });
  });

  test('one that falls silent in the middle leaves the rest pending', async () => {
    const hang = (change: Parameters<NonNullable<ScriptedServer['apply']>>[0], it: ScriptedServer) =>
      change.name === 'log/topic/b' ? never() : Promise.resolve(carriedOut(change, it));
    const log = { ...server(create('log/topic/a'), create('log/topic/b'), create('log/topic/c')), apply: hang };
    const outcome = await run({ log }, { timeoutMs: 100 });
    expect(statesOf(outcome)).toEqual({ 'log/topic/a': 'applied', 'log/topic/b': 'failed', 'log/topic/c': 'pending' });
    expect(statusesOf(outcome)).toMatchObject({ log: 'unreachable' });
    expect(log.closed).toBe(1);
  });

  test('a driver that opens after its time is closed', async () => {
    let open = () => {};
    const late = () =>
      new Promise<void>((resolve) => {
        open = resolve;
      });
    const log = { ...server(), open: late };
    const running = run({ log }, { timeoutMs: 50 });
    setTimeout(() => open(), 200);
    expect(statusesOf(await running)).toMatchObject({ log: 'unreachable' });
    expect(log.closed).toBe(1);
  });

  test('a change that fails does not keep the later ones', async () => {
    const fail = async (change: { name: string }, it: ScriptedServer) => {
      if (change.name === 'log/topic/a') throw new MillraceError('ACCESS_DENIED', 'millrace may not create topics');
      carriedOut(change as never, it);
    };
    const outcome = await run({ log: { ...server(create('log/topic/a'), create('log/topic/b')), apply: fail } });
    expect(statesOf(outcome)).toEqual({ 'log/topic/a': 'failed', 'log/topic/b': 'applied' });
    expect(outcome.services[0]).toMatchObject({ status: 'failed', changes: [{ error: { code: 'ACCESS_DENIED' } }, {}] });
  });

  test('a change that another run has made meanwhile is not held against this one', async () => {
    const beaten = async (change: Parameters<NonNullable<ScriptedServer['apply']>>[0], it: ScriptedServer) => {
      carriedOut(change, it);
      throw new MillraceError('TOPOLOGY_CONFLICT', 'it exists already');
    };
    const outcome = await run({ log: { ...server(create('log/topic/a')), apply: beaten } });
    expect(statusesOf(outcome)).toMatchObject({ log: 'applied' });
  });

  test('a change that was acknowledged and is not there has failed', async () => {
    const outcome = await run({ log: { ...server(create('log/topic/a')), apply: async () => undefined } });
    expect(outcome.services[0]).toMatchObject({ status: 'failed', changes: [{ state: 'failed', error: { code: 'TOPOLOGY_NOT_KEPT' } }] });
  });

  test('a change that shows a moment later has not', async () => {
    let left = 3;
    const slow = (it: ScriptedServer) => {
      if (it.applied.length > 0 && left-- === 0) it.changes = [];
      return Promise.resolve();
    };
    const apply = async (change: { name: string }, it: ScriptedServer) => void it.applied.push(change.name);
    expect(await run({ log: { ...server(create('log/topic/a')), compare: slow, apply } })).toMatchObject({ status: 'applied' });
  });

  test('an error that nobody foresaw keeps its stack', async () => {
    const broken = () => Promise.reject(new TypeError('cannot read x'));
    const { services } = await run({ log: { ...server(), compare: broken } });
    expect(services[0]).toMatchObject({
      status: 'failed',
      error: { code: 'UNEXPECTED', message: expect.stringMatching(/cannot read x\n +at /) },
    });
  });

  test('an abort ends the work before the next change, throws its reason, and closes everything', async () => {
    const controller = new AbortController();
    const stopAfterFirst = async (change: Parameters<NonNullable<ScriptedServer['apply']>>[0], it: ScriptedServer) => {
      carriedOut(change, it);
      controller.abort(new Error('enough'));
    };
    const log = { ...server(create('log/topic/a'), create('log/topic/b')), apply: stopAfterFirst };
    await expect(run({ log }, { signal: controller.signal })).rejects.toThrow('enough');
    expect(log).toMatchObject({ applied: ['log/topic/a'], closed: 1 });
  });
});
