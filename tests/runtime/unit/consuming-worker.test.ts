import type { ConsumerSettings, MessageBroker } from '../../../runtime/src/consuming/consumer.ts';
import { consumerSettings, inBatches } from '../../../runtime/src/consuming/settings.ts';
import { enter, letGo, openSource, type Source } from '../../../runtime/src/consuming/source.ts';
import { createWorker } from '../../../runtime/src/consuming/worker.ts';
import { MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { openGate } from '../support/gate.ts';

interface Own extends Source<Own> {}

const topic = topologySchema.parse({ topics: { t: { transports: [{ kind: 'kafka', service: 'log' }], tenantless: true } } }).topics.t!;
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A worker on two sources whose attempts are counted on the server before they begin, as Kafka does after a pause. */
function consuming() {
  const handled: string[][] = [];
  const unsure = new Set<Own>();
  const begun: string[] = [];
  const counted = openGate();
  const settings: ConsumerSettings = consumerSettings(
    't',
    topic,
    inBatches({ group: 'g' }, async (deliveries) => void handled.push(deliveries.map(({ event }) => event.id))),
    { system: 'kafka', consumer: 'c', maxUnhandled: 500, drainMs: 1_000, log },
  );
  const broker: MessageBroker<Own> = {
    isSure: (source) => !unsure.has(source),
    begin(_source, { id }) {
      begun.push(id);
      return id === 'alone' ? undefined : counted.opened;
    },
    acknowledge: (source, { id }) => void source.known.delete(id),
    giveUp: () => Promise.reject(new Error('nothing is given up here')),
    isOwing: () => false,
    isSuperseded: () => false,
    lose: (source) => letGo(source, new MillraceError('CONSUMER_LEASE_LOST', 'lost')),
  };
  const worker = createWorker(settings, broker, () => undefined);
  const put = (source: Own, id: string): void => {
    const event = { id, source: '', type: '', time: '', partitionkey: `key of ${id}` };
    const lane = enter(source, { id, event, made: 0, by: '', orphaned: false }, topic.retry);
    if (lane !== undefined) worker.add(lane);
  };
  return { handled, unsure, begun, counted, worker, put, sources: [openSource<Own>('t/0'), openSource<Own>('t/1')] as const };
}

describe('a batch of two sources, of which one is lost while its attempts are counted', () => {
  test.each([
    ['the first', 't/0', 'b'],
    ['the second', 't/1', 'a'],
  ])('%s: the events of the other are handled all the same', async (_which, lost, expected) => {
    const { handled, unsure, begun, counted, put, worker, sources } = consuming();
    const [first, second] = sources;
    put(first, 'alone'); // while it runs the next two come together
    put(first, 'a');
    put(second, 'b');
    await eventually(() => begun.length === 3, { what: 'the batch of two is being counted' });
    unsure.add(sources.find(({ name }) => name === lost)!);
    counted.open();
    await eventually(() => handled.length === 2 && worker.active() === 0, { what: 'the other source is handled' });
    expect(handled).toEqual([['alone'], [expected]]);
    expect(sources.map((source) => [source.name, source.lost, source.lanes.size])).toEqual([
      ['t/0', lost === 't/0', 0],
      ['t/1', lost === 't/1', 0],
    ]);
  });
});
