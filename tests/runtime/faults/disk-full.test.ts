import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../../../runtime/src/schema/migrate.ts';
import { unprivilegedOwner } from '../../../servers/local-process/owner.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { mountSmallDisk, type SmallDisk, smallDisksAreImpossible } from '../../support/small-disk.ts';
import { commitEach, drained, event, logAt, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';
import { judge, sound } from '../support/streams.ts';

const impossible = smallDisksAreImpossible();

let postgres: TestPostgres;
let folder: TestFolder;
let disk: SmallDisk;
let log: TestLog;

(impossible === undefined ? describe : describe.skip)('the disk under PostgreSQL is full', () => {
  beforeAll(async () => {
    [postgres, folder] = await Promise.all([startTestPostgres(), testFolder('small-disk')]);
    disk = mountSmallDisk(join(folder.path, 'disk'), 48);
    const owner = unprivilegedOwner('postgres', 'nobody')!;
    mkdirSync(join(disk.path, 'space'));
    chownSync(join(disk.path, 'space'), owner.uid, owner.gid);
    const server = logAt({ url: postgres.url, database: postgres.database });
    await server.rows(`create tablespace small location '${join(disk.path, 'space')}'`);
    await server.rows('create database small tablespace small');
    await server.close();
    log = logAt({ url: postgres.url.replace(/postgres$/, 'small'), database: 'small' });
    await migrate(await log.open());
  });
  afterAll(async () => {
    await log?.close();
    await postgres.stop();
    disk.unmount();
    await folder.remove();
  });

  test('writers get a plain error, and when there is room again the relay goes on; nothing is lost', async () => {
    const broker = recorder();
    await using relay = startTestRelay({ log, transport: broker.transport });
    await commitEach(log, [event('k', 0)]);
    await drained(log);
    await disk.fill();
    const failure = await writeUntilRefused();
    expect(failure.error).toMatchObject({ code: '53100', message: expect.stringMatching(/No space left on device/) });
    await disk.clear();
    await commitEach(log, [event('k', failure.next)]);
    await drained(log, 30_000);
    expect(relay.status().state).toBe('active');
    await relay.close();
    const entries = broker.published().map((name) => ({ name, key: 'k', n: Number(name.split('#')[1]) }));
    expect(
      judge(
        entries,
        Array.from({ length: failure.next + 1 }, (_, n) => `k#${n}`),
      ),
    ).toEqual(sound);
  });
});

/** Events until one finds no room; its transaction is rolled back, so its number is the next. */
async function writeUntilRefused(): Promise<{ error: Error; next: number }> {
  for (let n = 1; ; n++) {
    try {
      await commitEach(log, [event('k', n, { data: { n, ballast: 'x'.repeat(20_000) } })]);
    } catch (error) {
      return { error: error as Error, next: n };
    }
  }
}
