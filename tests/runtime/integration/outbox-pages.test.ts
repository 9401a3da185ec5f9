import { enqueue } from '../../../runtime/src/outbox/enqueue.ts';
import { LogReader } from '../../../runtime/src/outbox/log.ts';
import { Session } from '../../../runtime/src/outbox/session.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { openLog, type TestLog } from '../support/log.ts';

let postgres: TestPostgres;
let log: TestLog;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  log = await openLog(postgres);
});
afterEach(() => log.close());

async function write(count: number, bytes: number): Promise<void> {
  const client = await log.open();
  const data = Buffer.alloc(bytes, 'x');
  await client.query('begin');
  for (let i = 0; i < count; i++) await enqueue(client, [{ topic: 't', type: 't', datacontenttype: 'text/plain', data }], { source: '/t' });
  await client.query('commit');
}

test('a page ends at 4 MiB of data, however well that compresses, and says that there is more', async () => {
  await write(20, 512 * 1024);
  const reader = new LogReader(new Session(await log.open()), 1_000);
  const first = await reader.read(0, []);
  expect(first.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(first.full).toBe(true);
  const last = await reader.read(16, []);
  expect(last.rows.map(({ id }) => id)).toEqual([17, 18, 19, 20]);
  expect(last.full).toBe(false);
});

test('late rows beyond 4 MiB hold back the rows above them', async () => {
  await write(20, 512 * 1024);
  const reader = new LogReader(new Session(await log.open()), 1_000);
  const page = await reader.read(15, [{ from: 1, to: 13 }]);
  expect(page.late.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(page).toMatchObject({ rows: [], truncated: true });
});

test('an event larger than a page is a page', async () => {
  await write(1, 9 * 1024 * 1024);
  const reader = new LogReader(new Session(await log.open()), 1_000);
  expect((await reader.read(0, [])).rows.length).toBe(1);
});
