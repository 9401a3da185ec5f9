import { Gaps } from '../../../runtime/src/outbox/gaps.ts';
import * as ground from '../../../runtime/src/outbox/ground.ts';
import { LogReader, type LogRow } from '../../../runtime/src/outbox/log.ts';
import { Position } from '../../../runtime/src/outbox/progress.ts';
import { type Attempt, Publisher } from '../../../runtime/src/outbox/publisher.ts';
import type { Session } from '../../../runtime/src/outbox/session.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestPostgres, type TestPostgres } from '../../support/servers.ts';
import { begin, commitEach, drained, event, openLog, sinkRow, type TestLog } from '../support/log.ts';
import { type Recorder, recorder } from '../support/recorder.ts';
import { startTestRelay, type TestRelay } from '../support/relay.ts';

/**
 * Each guard of the relay against an interleaving that needs it: the relay as it is passes, and with that one guard taken out it loses or reorders,
 * every time. Transactions are steered by hand, so nothing depends on luck.
 */
jest.mock('../../../runtime/src/outbox/ground.ts', () => {
  const actual = jest.requireActual('../../../runtime/src/outbox/ground.ts');
  return { ...actual, lockHolders: jest.fn(actual.lockHolders) };
});
const actualGround = jest.requireActual<typeof ground>('../../../runtime/src/outbox/ground.ts');

let postgres: TestPostgres;
let log: TestLog;
let broker: Recorder;
const relays: TestRelay[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres({ settings: { autovacuum: 'off' } });
});
afterAll(() => postgres.stop());

beforeEach(async () => {
  log = await openLog(postgres);
  broker = recorder();
});
afterEach(async () => {
  jest.restoreAllMocks();
  jest.mocked(ground.lockHolders).mockImplementation(actualGround.lockHolders);
  broker.release();
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
  await log.close();
});

/** A relay that has settled: it holds the sink, and writes nothing more until something happens. */
async function settledRelay(times: Parameters<typeof startTestRelay>[0] | object = {}): Promise<TestRelay> {
  const relay = startTestRelay({ log, transport: broker.transport, leaseMs: 60_000, ...times });
  relays.push(relay);
  await eventually(async () => ((await sinkRow(log))?.version ?? 0) >= 2, { what: 'the relay has written its first progress' });
  return relay;
}

/** Waits until `name` is published. */
function publishedNow(name: string): Promise<true> {
  return eventually(() => broker.published().includes(name) || undefined, { what: `${name} is published` });
}

/** Nothing is in doubt any more. */
function settled(relay: TestRelay): Promise<true> {
  return eventually(() => relay.status().gaps === 0 || undefined, { what: 'the gap is settled' });
}

/** Commits one more event and waits until the sink has done everything, so that what is still missing is lost for good. */
async function quiesce(): Promise<void> {
  await commitEach(log, [event('last', 0)]);
  await publishedNow('last#0');
  await drained(log, 5_000);
}

/** The guard taken out by `without` makes `scenario` fail; with it the scenario passes. */
function guards(name: string, { without, scenario, passes, instead }: Guard): void {
  test(`${name}: the relay passes`, async () => {
    expect(await scenario()).toEqual(passes);
  });
  test(`${name}: without the guard it fails`, async () => {
    await without();
    expect(await scenario()).toEqual(instead);
  });
}

interface Guard {
  readonly without: () => unknown;
  /** What came of it: the events published, in order. */
  readonly scenario: () => Promise<string[]>;
  readonly passes: string[];
  readonly instead: string[];
}

const nothingLost = { passes: ['quick#0', 'slow#0', 'last#0'], instead: ['quick#0', 'last#0'] };

async function lateCommit(): Promise<string[]> {
  const relay = await settledRelay();
  const slow = await begin(log);
  await slow.enqueue(event('slow'));
  await commitEach(log, [event('quick')]);
  await publishedNow('quick#0');
  await slow.commit();
  await settled(relay);
  await quiesce();
  return broker.published();
}

guards('a cursor alone skips a transaction that commits late', {
  without: () => jest.spyOn(Gaps.prototype, 'add').mockReturnValue(undefined),
  scenario: lateCommit,
  ...nothingLost,
});

guards('the xmax of the page does not bound the owners of its gaps', {
  without: () => {
    const { read } = LogReader.prototype;
    const { add } = Gaps.prototype;
    let xmax = 0n;
    jest.spyOn(LogReader.prototype, 'read').mockImplementation(async function (this: LogReader, ...args) {
      const page = await read.apply(this, args);
      const [row] =
        page.rows.length > 0 ? await log.rows<{ xmax: string }>('select pg_snapshot_xmax(pg_current_snapshot())::text as xmax') : [];
      xmax = BigInt(row?.xmax ?? 0);
      return page;
    });
    jest.spyOn(Gaps.prototype, 'add').mockImplementation(function (this: Gaps, from, to) {
      add.call(this, from, to);
      Gaps.bindTo(this.unbound(), xmax);
    });
  },
  scenario: async () => {
    const relay = await settledRelay();
    const quick = await begin(log);
    await quick.client.query('select pg_current_xact_id()');
    await log.rows('select pg_current_xact_id()'); // completed between the two: the xmax of a page follows this one
    const slow = await begin(log);
    await slow.enqueue(event('slow'));
    await quick.enqueue(event('quick'));
    await quick.commit();
    await publishedNow('quick#0');
    const reads = jest.spyOn(Gaps.prototype, 'settle');
    await eventually(() => reads.mock.calls.length > 5, { what: 'the gap was read again' });
    await slow.commit();
    await settled(relay);
    await quiesce();
    return broker.published();
  },
  ...nothingLost,
});

guards('late rows go before the rows of their page', {
  without: () => {
    const { attempt } = Publisher.prototype;
    let highest = 0;
    jest.spyOn(Publisher.prototype, 'attempt').mockImplementation(async function <Row extends LogRow>(
      this: Publisher,
      ...[rows, fence, signal]: [readonly Row[], { producer: string; epoch: bigint }, AbortSignal]
    ) {
      const [above, late] = [rows.filter((row) => row.id > highest), rows.filter((row) => row.id <= highest)];
      highest = Math.max(highest, ...rows.map((row) => row.id));
      const outcomes = [await attempt.call(this, above, fence, signal), await attempt.call(this, late, fence, signal)] as Attempt<Row>[];
      return {
        published: outcomes.flatMap((outcome) => outcome.published),
        retriable: outcomes.flatMap((outcome) => outcome.retriable),
        refused: outcomes.flatMap((outcome) => outcome.refused),
      };
    });
  },
  scenario: async () => {
    const { read } = LogReader.prototype;
    let opened: Promise<void> | undefined;
    jest.spyOn(LogReader.prototype, 'read').mockImplementation(async function (this: LogReader, ...args) {
      await opened;
      return read.apply(this, args);
    });
    await settledRelay();
    const slow = await begin(log);
    await slow.enqueue(event('k', 0));
    await commitEach(log, [event('other')]);
    await publishedNow('other#0');
    let open = (): void => undefined;
    opened = new Promise((resolve) => {
      open = resolve;
    });
    // The read that is under way may not have waited.
    const { calls } = jest.mocked(LogReader.prototype.read).mock;
    const before = calls.length;
    await eventually(() => calls.length > before, { what: 'the relay waits to read' });
    await slow.commit();
    await commitEach(log, [event('k', 1)]);
    open();
    await quiesce();
    return broker.published();
  },
  passes: ['other#0', 'k#0', 'k#1', 'last#0'],
  instead: ['other#0', 'k#1', 'k#0', 'last#0'],
});

guards('progress leaves out late rows that are read and not yet published', {
  without: () => {
    const { absorb } = Position.prototype;
    jest.spyOn(Position.prototype, 'absorb').mockImplementation(function (this: Position, page) {
      absorb.call(this, { ...page, late: [] });
    });
  },
  scenario: async () => {
    const relay = await settledRelay({ leaseMs: 3_000 });
    const slow = await begin(log);
    await slow.enqueue(event('slow'));
    await commitEach(log, [event('quick')]);
    await publishedNow('quick#0');
    broker.hold();
    await slow.commit();
    await eventually(() => broker.waiting() > 0, { what: 'the late row is on its way to the broker' });
    const { version } = (await sinkRow(log))!;
    await eventually(async () => (await sinkRow(log))!.version > version + 1, { what: 'progress was written meanwhile' });
    await relay.crash();
    broker.release();
    await settledRelay({ leaseMs: 3_000 });
    await quiesce();
    return [...new Set(broker.published())];
  },
  ...nothingLost,
});

/** A gap whose owner outlives everything while rule 2 looks at the locks several times. */
async function ownerOutlives(owner: () => Promise<() => Promise<void>>): Promise<string[]> {
  const relay = await settledRelay();
  const commit = await owner();
  await commitEach(log, [event('quick')]);
  await publishedNow('quick#0');
  const looks = jest.mocked(ground.lockHolders).mock.calls;
  const before = looks.length;
  await eventually(() => looks.length > before + 3 || relay.status().gaps === 0, { what: 'the locks were looked at' });
  await commit();
  await settled(relay);
  await quiesce();
  return broker.published();
}

async function openOwner(): Promise<() => Promise<void>> {
  const slow = await begin(log);
  await slow.enqueue(event('slow'));
  return slow.commit;
}

async function preparedOwner(): Promise<() => Promise<void>> {
  const slow = await begin(log);
  await slow.enqueue(event('slow'));
  await slow.client.query(`prepare transaction '${log.database}'`);
  await slow.client.end();
  return async () => void (await log.rows(`commit prepared '${log.database}'`));
}

guards('the holders of the lock are noted after the gap was known', {
  without: () => {
    let earlier: ReadonlySet<string> = new Set();
    jest.mocked(ground.lockHolders).mockImplementation(async (session) => {
      const answer = earlier;
      earlier = await actualGround.lockHolders(session);
      return answer;
    });
  },
  scenario: () => ownerOutlives(openOwner),
  ...nothingLost,
});

guards('a prepared transaction holds the lock as well', {
  without: () => {
    jest.mocked(ground.lockHolders).mockImplementation(async (session: Session) => {
      const living = await session.rows<{ xid: string }>(
        'living',
        'select transactionid::text as xid from pg_locks where transactionid is not null and pid is not null',
      );
      const all = await actualGround.lockHolders(session);
      return new Set(living.map((row) => row.xid).filter((xid) => all.has(xid)));
    });
  },
  scenario: () => ownerOutlives(preparedOwner),
  ...nothingLost,
});

guards('writers of one key take turns', {
  without: async () => {
    const [row] = await log.rows<{ source: string }>(
      "select pg_get_functiondef('millrace.enqueue(uuid[],text[],text[],text[],text[],text[],text[],text[],bytea[],text[],jsonb[],boolean)'::regprocedure) as source",
    );
    await log.rows(row!.source.replaceAll(/perform pg_advisory_xact_lock\w*\([^;]*;/g, 'null;'));
  },
  scenario: async () => {
    const [first, second] = [await begin(log), await begin(log)];
    await first.enqueue(event('k', 1));
    // With the lock it waits here for the first; without, it goes on and commits before it.
    const secondEnds = second.enqueue(event('k', 2)).then(() => second.commit());
    const waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    const order = ['k#1', 'k#2'];
    let overtaken = false;
    const committed = secondEnds.then(() => {
      overtaken = true;
    });
    await eventually(async () => overtaken || (await log.rows(waits)).length > 0, { what: 'the second writer waits or has ended' });
    if (overtaken) order.reverse();
    await first.commit();
    await committed;
    await settledRelay();
    await quiesce();
    return [`commit order ${order.join(', ')}`, ...broker.published()];
  },
  passes: ['commit order k#1, k#2', 'k#1', 'k#2', 'last#0'],
  instead: ['commit order k#2, k#1', 'k#1', 'k#2', 'last#0'],
});

test('rule 2 gives up a rolled-back id while an unrelated writer of another database holds xmin, and rule 1 alone never would', async () => {
  const other = await openLog(postgres);
  const foreign = await begin(other);
  await foreign.client.query('select pg_current_xact_id()');
  const relay = await settledRelay();
  const noting = jest.spyOn(Gaps, 'noteOwners').mockReturnValue(undefined);
  const undone = await begin(log);
  await undone.enqueue(event('undone'));
  await commitEach(log, [event('quick')]);
  await publishedNow('quick#0');
  await undone.rollback();
  await eventually(() => noting.mock.calls.length > 5, { what: 'the locks were looked at' });
  expect(relay.status().gaps).toBe(1);
  noting.mockRestore();
  await settled(relay);
  await quiesce();
  await foreign.rollback();
  await other.close();
  expect(broker.published()).toEqual(['quick#0', 'last#0']);
});
