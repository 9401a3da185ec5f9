import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { commitEach, drained, event, logAt, openLog, type TestLog } from '../support/log.ts';
import { hasPgbouncer, startPooler, type TestPooler } from '../support/pgbouncer.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';
import { judge, sound } from '../support/streams.ts';
import { ledger, ledgerSql, startWriters } from '../support/writers.ts';

let postgres: TestPostgres;
let pooler: TestPooler;
let direct: TestLog;
let log: TestLog;

(hasPgbouncer ? describe : describe.skip)('behind a pooler that gives every transaction another connection', () => {
  beforeAll(async () => {
    postgres = await startTestPostgres();
    pooler = await startPooler(postgres);
  });
  afterAll(async () => {
    await pooler.stop();
    await postgres.stop();
  });
  beforeEach(async () => {
    direct = await openLog(postgres);
    log = logAt({ url: pooler.through(direct.url), database: direct.database });
  });
  afterEach(async () => {
    await log.close();
    await direct.close();
  });

  test('writers and relay work, and a restart of the server costs nothing', async () => {
    await direct.rows(ledgerSql);
    const broker = recorder();
    const relay = startTestRelay({ log, transport: broker.transport });
    const other = startTestRelay({ log, transport: recorder().transport }); // stands by; its statements have the same names
    const writers = startWriters(log, { count: 4 });
    await eventually(() => broker.events.length > 200, { what: 'events flow', timeoutMs: 30_000 });
    expect(writers.stats.failed).toBe(0);
    await postgres.kill('SIGQUIT');
    await postgres.restart();
    const before = broker.events.length;
    await other.close();
    await eventually(() => broker.events.length > before + 200, { what: 'events flow again', timeoutMs: 20_000 });
    await writers.stop();
    await drained(direct);
    await relay.close();
    const entries = broker.published().map((name) => ({ name, key: name.split('#')[0]!, n: Number(name.split('#')[1]) }));
    expect(judge(entries, await ledger(direct))).toEqual(sound);
  });

  test('a restart that the pooler hides is noticed by the time at which the server was started', async () => {
    const broker = recorder();
    const relay = startTestRelay({ log, transport: broker.transport });
    await commitEach(log, [event('k', 0)]);
    await drained(direct);
    await pooler.command('pause');
    await postgres.kill('SIGINT');
    await postgres.restart();
    await pooler.command('resume');
    await commitEach(log, [event('k', 1)]);
    await eventually(() => broker.published().includes('k#1'), { what: 'the next event is published' });
    expect(relay.said.map(({ details }) => String(details.error))).toContainEqual(expect.stringMatching(/database server started anew/));
    await relay.close();
    expect(broker.published()).toEqual(['k#0', 'k#1']);
  });
});
