import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import type { TakenDelivery } from '../../../runtime/src/inbox/index.ts';
import type { Task } from '../../../runtime/src/tasks/index.ts';
import { eventually } from '../../support/eventually.ts';
import { type ClientProcess, startClientProcess } from '../support/client-process.ts';
import { openGate } from '../support/gate.ts';
import { timed } from '../support/kafka.ts';
import { refusalOf } from '../support/rabbit.ts';
import { failuresOf, type TaskBroker, taskTopology } from '../support/tasks.ts';

export interface TaskChildSettings {
  readonly service: BoundService;
  readonly env: Readonly<Record<string, string>>;
  readonly topology: TopologyInput;
  readonly queues: readonly string[];
}

/** What holds for workers. */
export function workCases(rabbit: () => TaskBroker): void {
  const deadLetter = () => eventually(() => rabbit().next('tasks.dlq'), { what: 'there is a dead letter', timeoutMs: 20_000 });

  test('a task comes with all that was sent along, fits the inbox, and is gone when it was handled', async () => {
    const tasks = await rabbit().open();
    const seen: Task[] = [];
    const id = await tasks.send('emails', { to: 'ann' }, { type: 'welcome', headers: { lang: 'de' }, tenantId: 'acme', actorId: 'u1' });
    await tasks.work('emails', {}, async (task) => void seen.push(task));
    const task = await eventually(() => seen[0], { what: 'the task is handled' });
    const taken: TakenDelivery = task;
    expect(taken.event).toMatchObject({ id, type: 'welcome', source: '/queues/emails', tenantid: 'acme', actorid: 'u1' });
    expect(task).toMatchObject({
      ...{ id, type: 'welcome', payload: { to: 'ann' }, headers: { lang: 'de' }, tenantId: 'acme', actorId: 'u1' },
      ...{ queue: 'emails', attempt: 1, redelivered: false, failures: [], run: '' },
    });
    await tasks.close();
    expect(await rabbit().broker.ready('emails')).toBe(0);
  });

  test('a failed task comes back to its own queue alone, after its pause, and becomes a dead letter with the history of its failures', async () => {
    const tasks = await rabbit().open();
    const attempts: { at: number; attempt: number; from: string }[] = [];
    const others: string[] = [];
    await tasks.work('emails', {}, async ({ id }) => void others.push(id));
    await tasks.work('webhooks', { retry: { initialDelayMs: 10 } }, async ({ attempt, exchange: from, failures }) => {
      attempts.push({ at: Date.now(), attempt, from });
      throw new Error(`no ${attempt} after ${failures.length}`);
    });
    const id = await tasks.publish('notifications', 'hello');
    const { properties } = await deadLetter();
    expect(attempts).toMatchObject([1, 2, 3].map((attempt) => ({ attempt, from: 'notifications' })));
    expect(attempts[1]!.at - attempts[0]!.at).toBeGreaterThanOrEqual(900);
    expect(others).toEqual([id]);
    expect(properties).toMatchObject({ messageId: id, headers: { 'x-millrace-queue': 'webhooks', 'x-millrace-reason': 'exhausted' } });
    const told = ['no 1 after 0', 'no 2 after 1', 'no 3 after 2'].map((message, index) => ({ attempt: index + 1, message }));
    expect(failuresOf(properties)).toMatchObject(told);
  });

  test.each([
    ['its handler rejects it', 'emails', async () => Promise.reject(new MillraceError('EVENT_REJECTED', 'never'))],
    ['its payload is not the JSON that it says', 'webhooks', async () => undefined],
  ])('a task is set aside at once if %s', async (_, queue, handler) => {
    const tasks = await rabbit().open();
    let calls = 0;
    await tasks.work(queue, {}, () => {
      calls += 1;
      return handler();
    });
    if (queue === 'emails') await tasks.send(queue, 1);
    else await rabbit().publishRaw(queue, Buffer.from('{'), { contentType: 'application/json' });
    const { properties } = await deadLetter();
    expect(properties.headers['x-millrace-reason']).toBe('rejected');
    expect(failuresOf(properties)).toHaveLength(1);
    expect(calls).toBe(queue === 'emails' ? 1 : 0);
  });

  test('a task stays in its queue while its dead-letter queue is missing, and leaves it when that has it', async () => {
    let calls = 0;
    const failing = async () => {
      calls += 1;
      throw new MillraceError('EVENT_REJECTED', 'never');
    };
    await rabbit().remove('tasks.dlq');
    const first = await rabbit().open({ drainMs: 50 });
    await first.work('emails', {}, failing);
    await first.send('emails', 1);
    await eventually(() => calls === 1, { what: 'it has failed' });
    await first.close();
    await eventually(async () => (await rabbit().broker.ready('emails')) === 1, { what: 'it is back' });
    const second = await rabbit().open();
    await second.work('emails', {}, failing);
    await eventually(() => calls === 2, { what: 'it has failed again' });
    await rabbit().broker.apply(taskTopology);
    expect((await deadLetter()).properties.headers['x-millrace-queue']).toBe('emails');
    expect(calls).toBe(2);
  });

  test('a task that its sender had copied to another queue is not copied again when it is set aside', async () => {
    const tasks = await rabbit().open();
    await rabbit().publishRaw('webhooks', Buffer.from('1'), {
      headers: { CC: ['pdfs'] },
      contentType: 'application/json',
      messageId: 'cc',
    });
    await tasks.work('webhooks', {}, () => Promise.reject(new MillraceError('EVENT_REJECTED', 'never')));
    expect((await deadLetter()).properties.messageId).toBe('cc');
    await eventually(async () => (await rabbit().broker.ready('pdfs')) === 1, { what: 'the copy is there' });
    await rabbit().purge('pdfs');
  });

  test('a task that has been delayed is not lost when it is delayed again', async () => {
    const longest = jest.spyOn(Math, 'random').mockReturnValue(0.99);
    const tasks = await rabbit().open();
    const attempts: number[] = [];
    // The pause of 3 s ends in the queue of 1 s, through which it has come before: RabbitMQ drops what expires in a circle.
    await tasks.work('webhooks', { retry: { initialDelayMs: 3_000 } }, async ({ attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Error('not yet');
    });
    await tasks.send('webhooks', 1, { delayMs: 1_000 });
    await eventually(() => attempts.length === 2, { what: 'it is repeated', timeoutMs: 15_000 });
    longest.mockRestore();
  });

  test('tasks that kill their process are set aside, in a quorum queue and in a classic one, and those beside them are handled', async () => {
    const tasks = await rabbit().open();
    const sent = { poison: ['a', 'b', 'kill', 'c'], poison2: ['d', 'kill', 'e', 'f'] };
    for (const [queue, texts] of Object.entries(sent)) for (const text of texts) await tasks.send(queue, text);
    const { service } = rabbit().broker.handle;
    const { password: PASSWORD, ca: CA } = rabbit().server;
    const settings: TaskChildSettings = { service, env: { PASSWORD, CA }, topology: taskTopology, queues: Object.keys(sent) };
    const lines: ClientProcess['lines'][number][] = [];
    let deaths = 0;
    const bothDead = async (): Promise<boolean> => (await rabbit().broker.ready('tasks.dlq')) === 2;
    for (let dead = false; !dead; deaths += dead ? 0 : 1) {
      const child = startClientProcess(join(__dirname, 'tasks-child.mts'), settings);
      const handled = () => new Set([...lines, ...child.lines].flatMap(({ verb, rest }) => (verb === 'end' ? [rest] : []))).size >= 6;
      const done = eventually(async () => handled() && (await bothDead()), { what: 'all is settled', timeoutMs: 60_000 });
      dead = await Promise.race([done, child.ended.then(() => false)]);
      if (dead) await child.end();
      else void done.catch(() => undefined);
      lines.push(...child.lines);
    }
    const letters = [await deadLetter(), await deadLetter()];
    expect(letters.map(({ content }) => String(content))).toEqual(['"kill"', '"kill"']);
    for (const { properties } of letters) {
      expect(failuresOf(properties)).toMatchObject([{ message: expect.stringContaining('ended during the attempt') }]);
    }
    expect(new Set(lines.filter(({ verb }) => verb === 'end').map(({ rest }) => rest))).toEqual(new Set(['a', 'b', 'c', 'd', 'e', 'f']));
    expect(deaths).toBeLessThanOrEqual(5);
  }, 120_000);

  test('a task whose connection is cut while it is handled is not begun a second time in its process', async () => {
    const { tasks, proxy } = await rabbit().openThroughProxy();
    const calls: unknown[] = [];
    const gate = openGate();
    await tasks.work('emails', {}, async ({ payload }) => {
      calls.push(payload);
      if (payload === 'slow') await gate.opened;
    });
    await tasks.send('emails', 'slow');
    await eventually(() => calls.length === 1, { what: 'it is begun' });
    proxy.cut();
    // What was taken is given back before the queue goes on: when the later one is handled, the slow one is here again.
    await eventually(() => tasks.send('emails', 'later'), { what: 'the line is back' });
    await eventually(() => calls.includes('later'), { what: 'the later one is handled' });
    gate.open();
    await tasks.close();
    expect(await rabbit().broker.ready('emails')).toBe(0);
    expect(calls.filter((call) => call === 'slow')).toHaveLength(1);
  });

  test('no more handlers run than wanted; closing lets them end and puts back what waits, as if it had not been taken', async () => {
    const tasks = await rabbit().open();
    const gate = openGate();
    const begun: number[] = [];
    for (let n = 0; n < 6; n++) await tasks.send('webhooks', n);
    const worker = await tasks.work<number>('webhooks', { concurrency: 2, prefetch: 6 }, async ({ payload }) => {
      begun.push(payload);
      await gate.opened;
    });
    await eventually(async () => (await rabbit().broker.ready('webhooks')) === 0, { what: 'all are taken' });
    expect(worker.running).toBe(2);
    const closing = worker.close();
    await eventually(async () => (await rabbit().broker.ready('webhooks')) === 4, { what: 'those that wait are back' });
    gate.open();
    await closing;
    expect(begun).toEqual([0, 1]);
    const again: Task<number>[] = [];
    await tasks.work<number>('webhooks', {}, async (task) => void again.push(task));
    await eventually(() => again.length === 4, { what: 'the others are handled' });
    expect(again.map(({ payload }) => payload).sort()).toEqual([2, 3, 4, 5]);
    expect(again.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
  });

  test('closing aborts the signal of a handler that does not end', async () => {
    const tasks = await rabbit().open({ drainMs: 50 });
    let [begun, aborted] = [false, false];
    await tasks.work('emails', {}, async ({ signal }) => {
      begun = true;
      await pause(60_000, undefined, { signal }).catch(() => undefined);
      aborted = signal.aborted;
    });
    await tasks.send('emails', 1);
    await eventually(() => begun, { what: 'it is begun' });
    await tasks.close();
    expect(aborted).toBe(true);
    await rabbit().purge('emails');
  });
  test('closing ends while the broker takes no copies, and what waited comes again', async () => {
    const tasks = await rabbit().open({ drainMs: 500 });
    for (const payload of ['begun', 'waits', 'waits too']) await tasks.send('webhooks', payload);
    let begun = false;
    await tasks.work('webhooks', { concurrency: 1, prefetch: 3 }, async ({ signal }) => {
      begun = true;
      await pause(60_000, undefined, { signal }).catch(() => undefined);
    });
    await eventually(async () => begun && (await rabbit().broker.ready('webhooks')) === 0, { what: 'all are taken' });
    const { server } = rabbit();
    await server.ctl('set_vm_memory_high_watermark', '0.00001');
    try {
      // A connection is told only once it publishes.
      const isRefused = async () => (await refusalOf(tasks.send('emails', 'during'))).code === 'BROKER_BLOCKED';
      await eventually(isRefused, { what: 'the broker blocks', timeoutMs: 30_000 });
      const { ms } = await timed(tasks.close());
      expect(ms).toBeLessThan(15_000);
    } finally {
      await server.ctl('set_vm_memory_high_watermark', '0.4');
    }
    const again: unknown[] = [];
    await (await rabbit().open()).work('webhooks', {}, async ({ payload }) => void again.push(payload));
    await eventually(() => ['waits', 'waits too'].every((payload) => again.includes(payload)), {
      what: 'they come again',
      timeoutMs: 20_000,
    });
  }, 120_000);

  test('closing closes all, also when a worker cannot be opened meanwhile', async () => {
    const { tasks, proxy } = await rabbit().openThroughProxy();
    await tasks.send('emails', 1);
    proxy.blackHole();
    const opening = refusalOf(tasks.work('emails', {}, async () => undefined));
    await tasks.close();
    expect((await opening).code).toMatch(/^CONNECTION_/);
    await eventually(() => proxy.connections() === 0, { what: 'no connection is left' });
  }, 120_000);
}
