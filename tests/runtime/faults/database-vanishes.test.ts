import { eventually } from '../../support/eventually.ts';
import { startProxy } from '../../support/proxy.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { commitEach, event, logAt, openLog, type TestLog } from '../support/log.ts';
import { recorder } from '../support/recorder.ts';
import { startTestRelay } from '../support/relay.ts';

let postgres: TestPostgres;
let line: Awaited<ReturnType<typeof startProxy>>;
let direct: TestLog;
let log: TestLog;

beforeAll(async () => {
  postgres = await startTestPostgres();
  line = await startProxy(postgres);
  direct = await openLog(postgres);
  log = logAt({ url: direct.url.replace(`:${postgres.port}/`, `:${line.port}/`), database: direct.database });
});
afterAll(async () => {
  await log.close();
  await direct.close();
  await line.close();
  await postgres.stop();
});

test('a relay whose database stops answering without closing connections finds its way when there is one again, and can be closed meanwhile', async () => {
  const broker = recorder();
  const relay = startTestRelay({ log, transport: broker.transport });
  const closing = startTestRelay({ log, transport: recorder().transport });
  await commitEach(direct, [event('k', 0)]);
  await eventually(() => broker.published().includes('k#0') || closing.status().published > 0, { what: 'events flow' });
  line.blackHole();
  await commitEach(direct, [event('k', 1)]);
  const closed = closing.close();
  await eventually(() => relay.status().state === 'unreachable', { what: 'the relay has given the connections up', timeoutMs: 40_000 });
  await closed;
  line.restore();
  await eventually(() => broker.published().includes('k#1'), { what: 'the event is published', timeoutMs: 20_000 });
  await relay.close();
}, 90_000);
