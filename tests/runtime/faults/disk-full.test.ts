import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../../../runtime/src/schema/migrate.ts';
import { unprivilegedOwner } from '../../../servers/local-process/owner.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { commitEach, drained, event, logAt, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';
import { judge, sound } from '../support/streams.ts';

/** A file system of 48 MiB needs the right to mount one. */
const canMount = ((): boolean => {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

let postgres: TestPostgres;
let folder: TestFolder;
let mounted: string;
let log: TestLog;

(canMount ? describe : describe.skip)('the disk under PostgreSQL is full', () => {
  beforeAll(async () => {
    [postgres, folder] = await Promise.all([startTestPostgres(), testFolder('small-disk')]);
    mounted = join(folder.path, 'disk');
    mkdirSync(mounted);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mounted]);
    const owner = unprivilegedOwner('postgres', 'nobody')!;
    mkdirSync(join(mounted, 'space'));
    chownSync(join(mounted, 'space'), owner.uid, owner.gid);
    const server = logAt({ url: postgres.url, database: postgres.database });
    await server.rows(`create tablespace small location '${join(mounted, 'space')}'`);
    await server.rows('create database small tablespace small');
    await server.close();
    log = logAt({ url: postgres.url.replace(/postgres$/, 'small'), database: 'small' });
    await migrate(await log.open());
  });
  afterAll(async () => {
    await log?.close();
    await postgres.stop();
    execFileSync('umount', ['-l', mounted]);
    await folder.remove();
  });

  test('writers get a plain error, and when there is room again the relay goes on; nothing is lost', async () => {
    const broker = recorder();
    await using relay = startTestRelay({ log, transport: broker.transport });
    await commitEach(log, [event('k', 0)]);
    await drained(log);
    await fill();
    const failure = await writeUntilRefused();
    expect(failure.error).toMatchObject({ code: '53100', message: expect.stringMatching(/No space left on device/) });
    await log.rows('drop table ballast');
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

/** Takes all the room there is. */
async function fill(): Promise<void> {
  await log.rows('create table ballast (b text)');
  await log.rows('alter table ballast alter b set storage external');
  for (const size of [4_000_000, 400_000, 40_000, 4_000]) {
    while (await fits(`insert into ballast select repeat('x', ${size})`));
  }
}

async function fits(insert: string): Promise<boolean> {
  try {
    await log.rows(insert);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: '53100' });
    return false;
  }
}

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
