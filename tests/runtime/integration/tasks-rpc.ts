import { setTimeout as pause } from 'node:timers/promises';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { remoteFailure } from '../../../runtime/src/tasks/index.ts';
import { eventually } from '../../support/eventually.ts';
import { openGate } from '../support/gate.ts';
import { refusalOf } from '../support/rabbit.ts';
import type { TaskBroker } from '../support/tasks.ts';

/** What holds for callers and servers. */
export function rpcCases(rabbit: () => TaskBroker): void {
  test('a call is answered, with what the handler was told', async () => {
    const tasks = await rabbit().open();
    await tasks.serve<{ sku: string }>('prices', {}, async ({ payload, tenantId, type }) => ({
      sku: payload.sku,
      tenantId,
      type,
      cents: 120,
    }));
    const answer = await tasks.call('prices', { sku: 'A-1' }, { tenantId: 'acme', type: 'price' });
    expect(answer).toEqual({ sku: 'A-1', tenantId: 'acme', type: 'price', cents: 120 });
    await tasks.serve('stock', {}, async ({ payload }) => (payload === undefined ? undefined : new Uint8Array([1, 2])));
    expect([await tasks.call('stock', 1), await tasks.call('stock', undefined)]).toEqual([new Uint8Array([1, 2]), undefined]);
  });

  test.each<[thrown: string, error: unknown, failure: object]>([
    [
      'an error with a code',
      Object.assign(new Error('no such order'), { code: 'ORDER_UNKNOWN' }),
      { code: 'ORDER_UNKNOWN', message: 'no such order' },
    ],
    ['an error of ours', new MillraceError('TENANT_REQUIRED', 'whose?'), { code: 'TENANT_REQUIRED', message: 'whose?' }],
    ['any other', new Error('oh'), { code: 'HANDLER_FAILED', message: 'oh' }],
  ])('what the handler throws reaches the caller: %s', async (_, thrown, failure) => {
    const tasks = await rabbit().open();
    await tasks.serve('prices', {}, () => Promise.reject(thrown));
    const refusal = await refusalOf(tasks.call('prices', 1));
    expect(refusal).toMatchObject({ code: 'CALL_FAILED', retriable: false });
    expect(remoteFailure(refusal)).toEqual(failure);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 30 * 86_400_000])(
    'fails if timeoutMs is %p, and nothing is sent',
    async (timeoutMs) => {
      const tasks = await rabbit().open();
      expect(await refusalOf(tasks.call('prices', 1, { timeoutMs }))).toMatchObject({ code: 'TASK_INVALID', retriable: false });
      expect(tasks.calls.outstanding).toBe(0);
      expect(await rabbit().broker.ready('prices')).toBe(0);
    },
  );

  test('a call whose timeoutMs is a fraction is answered, as are those beside it, each after one request', async () => {
    const tasks = await rabbit().open();
    const gate = openGate();
    const begun: number[] = [];
    await tasks.serve<number>('prices', { concurrency: 20 }, async ({ payload }) => {
      begun.push(payload);
      await gate.opened;
      return payload;
    });
    const calls = [1, 2, 3].map((n) => tasks.call('prices', n, { timeoutMs: 20_000 }));
    await eventually(() => begun.length === 3, { what: 'three are begun' });
    calls.push(tasks.call('prices', 4, { timeoutMs: 20_000.5 }));
    await eventually(() => begun.includes(4), { what: 'the one with the fraction is begun' });
    gate.open();
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4]);
    expect(begun).toEqual([1, 2, 3, 4]);
  });

  test('a call that nobody serves ends at its deadline, and its request is gone', async () => {
    const tasks = await rabbit().open();
    expect(await refusalOf(tasks.call('prices', 1, { timeoutMs: 100 }))).toMatchObject({ code: 'CALL_DEADLINE', retriable: true });
    await eventually(async () => (await rabbit().broker.ready('prices')) === 0, { what: 'the request is gone' });
    expect(tasks.calls.outstanding).toBe(0);
  });

  test('a request that waits in the server beyond its deadline is dropped, and a late answer too: both are counted', async () => {
    const tasks = await rabbit().open();
    const gate = openGate();
    const begun: unknown[] = [];
    await tasks.serve('prices', { concurrency: 1, prefetch: 10 }, async ({ payload }) => {
      begun.push(payload);
      await gate.opened;
    });
    const calls = [refusalOf(tasks.call('prices', 'slow', { timeoutMs: 3_000 }))];
    await eventually(() => begun.length === 1, { what: 'the first is begun' });
    calls.push(refusalOf(tasks.call('prices', 'behind it', { timeoutMs: 3_000 })));
    for (const refusal of await Promise.all(calls)) expect(refusal).toMatchObject({ code: 'CALL_DEADLINE' });
    // The answer of the first is given up at its deadline; one that was sent before comes late.
    await rabbit().publishRaw('prices', Buffer.from('"foreign"'), {
      replyTo: 'tasks.dlq',
      messageId: 'f',
      contentType: 'application/json',
    });
    gate.open();
    await eventually(() => tasks.calls.expiredRequests === 1, { what: 'the second is dropped' });
    await eventually(() => begun.includes('foreign'), { what: 'the foreign one is served' });
    expect(begun).toEqual(['slow', 'foreign']);
    expect((await eventually(() => rabbit().next('tasks.dlq'), { what: 'its answer is there' })).properties.messageId).toBe('f answer');
  });

  test('an answer that comes after the caller has given up is dropped and counted', async () => {
    const tasks = await rabbit().open();
    const gate = openGate();
    await tasks.serve('prices', {}, () => gate.opened);
    const stop = new AbortController();
    const call = refusalOf(tasks.call('prices', 1, { signal: stop.signal }));
    await eventually(() => tasks.calls.outstanding === 1, { what: 'the call is out' });
    stop.abort(new Error('enough'));
    expect((await call).message).toBe('enough');
    gate.open();
    await eventually(() => tasks.calls.lateReplies === 1, { what: 'the answer has come' });
  });

  test('a call goes on when the lines of caller and server are cut, and is carried out once', async () => {
    const [caller, server] = [await rabbit().openThroughProxy(), await rabbit().openThroughProxy()];
    const gate = openGate();
    const begun: string[] = [];
    await server.tasks.serve('prices', {}, async ({ id, payload }) => {
      begun.push(id);
      await gate.opened;
      return `${String(payload)} answered`;
    });
    const calls = Promise.all(Array.from({ length: 100 }, (_, n) => caller.tasks.call('prices', n, { timeoutMs: 20_000 })));
    await eventually(() => begun.length === 100, { what: 'all are begun' });
    for (const { proxy } of [caller, server]) proxy.cut();
    await pause(0);
    gate.open();
    expect(await calls).toEqual(Array.from({ length: 100 }, (_, n) => `${n} answered`));
    expect(new Set(begun).size).toBe(begun.length);
    // The broker may notice only now that a line was cut, and give back what was answered meanwhile.
    await rabbit().tidy();
    await rabbit().purge('prices');
  });

  test('a request that comes again is answered from memory', async () => {
    const tasks = await rabbit().open();
    let begun = 0;
    await tasks.serve('prices', {}, async () => ++begun);
    const answers = [
      await tasks.call('prices', 1, { id: 'one' }),
      await tasks.call('prices', 1, { id: 'one' }),
      await tasks.call('prices', 1),
    ];
    expect(answers).toEqual([1, 1, 2]);
  });

  test('three thousand calls wait at once over one connection, each for its own answer', async () => {
    const tasks = await rabbit().open();
    await tasks.serve<number>('prices', { prefetch: 5_000 }, async ({ payload }) => {
      if (payload < 2_999) await eventually(() => tasks.calls.outstanding === 3_000 || answered, { what: 'all are out' });
      answered = true;
      return payload * 2;
    });
    let answered = false;
    const answers = await Promise.all(Array.from({ length: 3_000 }, (_, n) => tasks.call<number>('prices', n, { timeoutMs: 30_000 })));
    expect(answers).toEqual(Array.from({ length: 3_000 }, (_, n) => n * 2));
  });
}
