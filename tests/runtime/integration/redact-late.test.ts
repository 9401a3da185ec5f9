import type { Client } from 'pg';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { cutLog } from '../../../runtime/src/retention/log/cut.ts';
import { openRedactions, type RedactOptions, redact } from '../../../runtime/src/retention/redact/index.ts';
import * as replays from '../../../runtime/src/retention/redact/replays.ts';
import * as tables from '../../../runtime/src/retention/redact/tables.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, event, openLog, type TestLog } from '../support/log.ts';
import { topologyOf } from './redis-streams-fixture.ts';

jest.mock('../../../runtime/src/retention/redact/tables.ts', () => {
  const actual = jest.requireActual('../../../runtime/src/retention/redact/tables.ts');
  return { ...actual, redactLog: jest.fn(actual.redactLog) };
});

jest.mock('../../../runtime/src/retention/redact/replays.ts', () => {
  const actual = jest.requireActual('../../../runtime/src/retention/redact/replays.ts');
  return { redactReplays: jest.fn(actual.redactReplays) };
});

const topology = topologyOf({ t: { tenantless: false }, 'audit.logs': {} });

let postgres: TestPostgres;
let log: TestLog;
let client: Client;
beforeAll(async () => {
  postgres = await startTestPostgres();
}, 60_000);
afterAll(() => postgres?.stop());
beforeEach(async () => {
  log = await openLog(postgres);
  client = await log.open();
});
afterEach(() => log.close());

function run(sought: RedactOptions['sought'], more: Partial<RedactOptions> = {}) {
  return redact({ client, binding: wrap({}), topology }, { sought, by: 'officer', reason: 'ticket 7', ...more });
}

const of = (actorId: string, n: number) =>
  event(`key of ${actorId}`, n, { tenantId: 'acme', actorId, subject: `order of ${actorId}`, data: { n, actorId } });

/** All rows of a table as text. */
async function textOf(table: string): Promise<string> {
  return JSON.stringify(await log.rows(`select to_jsonb(t) as row from millrace.${table} t`));
}

test('what a relay sets aside between the request and the redaction of the log is redacted as well', async () => {
  await commitEach(log, [of('ann', 0)]);
  await log.rows("insert into millrace.sink (name) values ('s')");
  jest.mocked(tables.redactLog).mockImplementationOnce(async (...args) => {
    await log.rows("insert into millrace.parked select 's', o.*, 1, '[]' from millrace.outbox o where actor_id = 'ann'");
    return jest.requireActual('../../../runtime/src/retention/redact/tables.ts').redactLog(...args);
  });
  const { counts } = await run({ tenant: 'acme' });
  expect(counts).toMatchObject({ parked: 1 });
  expect(await textOf('parked')).not.toContain('ann');
});

test('an event of a transaction that outlasts an interrupted redaction is found when that is taken up again, however late', async () => {
  await commitEach(log, [of('bob', 0)]);
  const late = await begin(log);
  await late.enqueue(of('ann', 1));
  // Everything is done but the end.
  jest.mocked(replays.redactReplays).mockRejectedValueOnce(new Error('killed'));
  await expect(run({ tenant: 'acme' })).rejects.toThrow('killed');
  await late.commit();
  for (let day = 0; day < 3; day++) {
    await log.rows("update millrace.outbox set created_at = created_at - interval '2 days'");
    await cutLog(client, 7);
    await commitEach(log, [of('carl', day)]);
  }
  const [open] = await openRedactions(client);
  expect((await run(undefined, { resume: open!.id })).remains).toEqual([]);
  expect(await textOf('outbox')).not.toContain('ann');
}, 60_000);

describe('what replays keep', () => {
  const keep = async (state: string, key: string | null): Promise<void> => {
    const replay = `insert into millrace.replay (run, topic, consumer_group, tenant_id, key, from_id, to_id, expected, position, reach, state)
      values ($1, 't', 'g', 'acme', $2, 1, 9, 2, 0, 0, $1)`;
    await log.rows(replay, [state, key]);
  };
  const give = (run: string): Promise<unknown> =>
    log.rows(
      `insert into millrace.replay_failure (run, id, event_id, key, tenant_id, type, errors)
        select $1, id, event_id, key, tenant_id, type, jsonb_build_array(jsonb_build_object('message', 'no such person: ' || actor_id)) from millrace.outbox`,
      [run],
    );

  test('of a person loses errors and key, also where the log has the event no more; others are left', async () => {
    await commitEach(log, [of('ann', 0), of('bob', 1)]);
    await keep('done', 'key of ann');
    await give('done');
    const dry = await run({ tenant: 'acme', key: 'key of ann' }, { dryRun: true });
    expect(dry.counts).toMatchObject({ replay_failure: 1 });
    const { counts, remains } = await run({ tenant: 'acme', key: 'key of ann' });
    expect(counts).toMatchObject({ replay_failure: 1, replay: 1 });
    expect(remains).toEqual([]);
    const kept = `${await textOf('replay')}${await textOf('replay_failure')}`;
    expect(kept).not.toContain('ann');
    expect(kept).toContain('no such person: bob');
    await log.rows('delete from millrace.outbox');
    expect((await run({ tenant: 'acme' })).counts).toMatchObject({ replay_failure: 1 });
    expect(await textOf('replay_failure')).not.toContain('bob');
    expect((await run({ tenant: 'acme' })).counts).toMatchObject({ replay_failure: 0 });
  });

  test('of a subject, whose name the failure does not have, goes by the event in the log', async () => {
    await commitEach(log, [of('ann', 0), of('bob', 1)]);
    await keep('failed', null);
    await give('failed');
    expect((await run({ tenant: 'acme', subject: 'order of ann' })).counts).toMatchObject({ replay_failure: 1 });
    expect(await textOf('replay_failure')).not.toContain('no such person: ann');
  });

  test('of an event that was given up after its redaction goes with the next one', async () => {
    await commitEach(log, [of('ann', 0), of('bob', 1)]);
    await keep('done', null);
    const given = 'create temp table given as select id, event_id, key, tenant_id, type from millrace.outbox';
    await client.query(given);
    await run({ tenant: 'acme', actor: 'ann' });
    await client.query(
      `insert into millrace.replay_failure (run, id, event_id, key, tenant_id, type, errors) select 'done', *, '[{"message": "no ann"}]' from given`,
    );
    expect((await run({ tenant: 'acme', actor: 'ann' })).counts).toMatchObject({ replay_failure: 1 });
    expect((await log.rows("select key, errors from millrace.replay_failure where errors = '[]'")).length).toBe(1);
  });

  test('the key of an ended replay goes as keys of the log do: with its tenant, and where it is the text that is sought', async () => {
    await keep('done', 'key of ann');
    await keep('cancelled', 'key of bob');
    await run({ tenant: 'acme', subject: 'key of bob' });
    expect(await textOf('replay')).toContain('ann');
    expect(await textOf('replay')).not.toContain('bob');
    expect((await run({ tenant: 'acme' }, { dryRun: true })).counts).toMatchObject({ replay: 1 });
    expect((await run({ tenant: 'acme' })).counts).toMatchObject({ replay: 1 });
    expect(await textOf('replay')).not.toContain('ann');
  });

  test.each([
    ['requested', 'key of ann'],
    ['running', 'key of bob'],
  ])('a replay that is %s is told of: it needs its key, or has read events', async (state, key) => {
    await keep(state, key);
    const { remains } = await run({ tenant: 'acme', key: 'key of ann' });
    expect(remains).toEqual([{ where: 'millrace.replay', sentence: expect.stringContaining(`replay ${state} has not ended`) }]);
  });
});
