import type { RoutedOptions, SendOptions } from '../../../runtime/src/tasks/index.ts';
import { eventually } from '../../support/eventually.ts';
import { refusalOf } from '../support/rabbit.ts';
import { type TaskBroker, taskTopology } from '../support/tasks.ts';

/** What holds for those that send. */
export function publishCases(rabbit: () => TaskBroker): void {
  const queues = ['emails', 'webhooks', 'pdfs', 'images'];

  test.each<[exchange: string, options: RoutedOptions, to: string[]]>([
    ['notifications', {}, ['emails', 'webhooks']],
    ['events', { routingKey: 'orders.created.eu' }, ['pdfs']],
    ['events', { routingKey: 'products.image.changed' }, ['images']],
    ['tasks', { routingKey: 'webhooks' }, ['webhooks']],
    ['documents', { headers: { format: 'pdf', kind: 'invoice' } }, ['pdfs']],
    ['documents', { headers: { format: 'png' } }, ['images']],
  ])('what is published to %s with %j comes to %j', async (exchange, options, to) => {
    const tasks = await rabbit().open();
    const id = await tasks.publish(exchange, { n: 1 }, options);
    const found: string[] = [];
    for (const queue of queues) {
      const message = await rabbit().next(queue);
      if (message?.properties.messageId === id) found.push(queue);
    }
    expect(found).toEqual(to);
  });

  test.each<[what: string, exchange: string, options: RoutedOptions]>([
    ['no binding of a topic exchange fits', 'events', { routingKey: 'nobody.wants.it' }],
    ['no binding of a headers exchange fits', 'documents', { headers: { format: 'pdf' } }],
  ])('publishing fails if %s', async (_, exchange, options) => {
    const tasks = await rabbit().open();
    expect(await refusalOf(tasks.publish(exchange, 1, options))).toMatchObject({ code: 'MESSAGE_UNROUTABLE', retriable: false });
  });

  test('sending fails if the queue is declared and is not on the broker, and so does working on it', async () => {
    const tasks = await rabbit().open();
    await rabbit().remove('careless');
    expect(await refusalOf(tasks.send('careless', 1))).toMatchObject({ code: 'MESSAGE_UNROUTABLE' });
    const refusal = await refusalOf(tasks.work('careless', {}, async () => undefined));
    expect(refusal).toMatchObject({ code: 'QUEUE_UNKNOWN', message: expect.stringContaining('millrace apply') });
    await rabbit().broker.apply(taskTopology);
  });

  test('sending fails if the queue is full', async () => {
    const tasks = await rabbit().open();
    await rabbit().remove('careless');
    await rabbit().declare('careless', { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    let sent = 0;
    // A quorum queue notices some messages late that it is full.
    const error = await refusalOf(
      (async () => {
        for (; sent < 1_000; sent++) await tasks.send('careless', sent);
      })(),
    );
    expect(error).toMatchObject({ code: 'PUBLISH_FAILED', retriable: true });
    await eventually(async () => (await rabbit().broker.ready('careless')) === sent, { what: 'all that were confirmed are there' });
    await rabbit().remove('careless');
    await rabbit().broker.apply(taskTopology);
  });

  test.each<[why: string, options: SendOptions & { queue: string }, message: string]>([
    ['is misspelt', { queue: 'email' }, 'did you mean emails?'],
    ['is a quorum queue and the task has a priority', { queue: 'emails', priority: 1 }, 'the queue has no priorities'],
    ['has fewer priorities', { queue: 'images', priority: 6 }, 'must be a whole number from 0 to 5, got 6'],
  ])('sending is refused if the queue %s', async (_, { queue, ...options }, message) => {
    const tasks = await rabbit().open();
    expect((await refusalOf(tasks.send(queue, 1, options))).message).toContain(message);
  });

  test.each<[what: string, options: SendOptions]>([
    ['ttlMs is 0', { ttlMs: 0 }],
    ['ttlMs is more than the broker takes', { ttlMs: 2 ** 32 }],
    ['delayMs is below 0', { delayMs: -1 }],
    ['a header is the broker’s', { headers: { 'x-death': 'me' } }],
    ['a header copies the task to other queues', { headers: { CC: 'pdfs' } }],
    ['the headers are too long', { headers: { text: 'x'.repeat(20_000) } }],
  ])('sending is refused if %s', async (_, options) => {
    const tasks = await rabbit().open();
    expect(await refusalOf(tasks.send('emails', 1, options))).toMatchObject({ code: 'TASK_INVALID' });
  });

  test('five thousand tasks sent at once are all confirmed, bytes come as bytes', async () => {
    const tasks = await rabbit().open();
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => tasks.send('pdfs', new Uint8Array([n % 256]))));
    let [count, sum] = [0, 0];
    await tasks.work<Uint8Array>('pdfs', { prefetch: 500 }, async ({ payload }) => {
      count += 1;
      sum += payload[0]!;
    });
    await eventually(() => count === 5_000, { what: 'all are handled', timeoutMs: 20_000 });
    expect(sum).toBe(Array.from({ length: 5_000 }, (_, n) => n % 256).reduce((a, b) => a + b));
  });

  test('of tasks with priorities the highest is taken first', async () => {
    const tasks = await rabbit().open();
    for (const priority of [1, 5, 3]) await tasks.send('images', priority, { priority });
    const order: number[] = [];
    await tasks.work<number>('images', { prefetch: 1 }, async ({ payload }) => void order.push(payload));
    await eventually(() => order.length === 3, { what: 'all are handled' });
    expect(order).toEqual([5, 3, 1]);
  });

  test('a delayed task does not come early, and one that has expired goes to the dead letters: by the broker at the head of its queue, by the worker after a delay', async () => {
    const tasks = await rabbit().open();
    const sentAt = Date.now();
    const [now, later] = [
      await tasks.send('emails', 'now', { ttlMs: 1 }),
      await tasks.send('emails', 'later', { ttlMs: 1, delayMs: 1_000 }),
    ];
    await tasks.send('emails', 'good', { delayMs: 1_000 });
    const dead = () => eventually(() => rabbit().next('tasks.dlq'), { what: 'there is a dead letter' });
    expect((await dead()).properties).toMatchObject({ messageId: now, headers: { 'x-first-death-reason': 'expired' } });
    await eventually(async () => (await rabbit().broker.ready('emails')) === 2, { what: 'the delayed ones are due' });
    expect(Date.now() - sentAt).toBeGreaterThanOrEqual(1_000);
    const seen: unknown[] = [];
    await tasks.work('emails', {}, async ({ payload }) => void seen.push(payload));
    expect((await dead()).properties).toMatchObject({ messageId: later, headers: { 'x-millrace-reason': 'expired' } });
    await eventually(() => seen.length > 0, { what: 'the good one is handled' });
    expect(seen).toEqual(['good']);
  });
}
