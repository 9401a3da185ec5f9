import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { type Check, must, mustEqual, type Topics } from '../check.ts';
import { eventsOf } from '../events.ts';
import { group } from '../ground.ts';
import { outcomes, publishAll, recorder, refusal } from '../recorder.ts';

const tenants = ['acme', 'globex', 'hooli', 'initech'];
const isolated: Topics = {
  events: { isolation: 'tenant', tenantless: false, partitions: 2, consumers: [{ group }, { group: 'all' }] },
};

/** Events of the tenants in turn, under keys that several tenants use. */
function ofTenants(count: number, from = 1): MillraceEvent[] {
  return eventsOf(count, { keys: 2, from }).map((event, index) => ({ ...event, tenantid: tenants[index % tenants.length]! }));
}

const bound: Check = {
  name: 'tenants',
  title: 'a consumer bound to a tenant gets all events of that one and never another, while one that is not bound gets all',
  topics: isolated,
  async run(ground) {
    const [transport, topic] = [await ground.open(), ground.topic()];
    // Each tenant has a consumer, so that all has been delivered in the end, and nothing can still come to the wrong one.
    const bounds = tenants.map((tenant) => [tenant, recorder()] as const);
    const everything = recorder();
    for (const [tenant, { handler }] of bounds) {
      await transport.subscribe(topic, { group: ground.group(), tenant, concurrency: 4 }, handler);
    }
    await transport.subscribe(topic, { group: ground.group('all'), concurrency: 4 }, everything.handler);
    const events = ofTenants(80);
    await publishAll(transport, topic, events);
    await everything.has(ground, events);
    const foreign = () => bounds.flatMap(([tenant, { deliveries }]) => deliveries.filter(({ event }) => event.tenantid !== tenant));
    const share = events.length / tenants.length;
    await ground.eventually('the consumers of one tenant have all events', () => {
      return foreign().length > 0 || new Set(bounds.flatMap(([, got]) => got.ids())).size === events.length;
    });
    must(foreign().length === 0, `a consumer of one tenant must get its events only, but got one of ${foreign()[0]?.event.tenantid}`);
    if (transport.read === undefined) return;
    const read: (string | undefined)[] = [];
    for await (const { event } of transport.read(topic, { from: 'earliest', tenant: 'globex' })) read.push(event.tenantid);
    mustEqual(read, new Array(share).fill('globex'), 'the tenants of what is read for globex');
  },
};

const required: Check = {
  name: 'tenantless',
  title: 'refuses an event without tenant on a topic that isolates them, and a consumer of one tenant on a topic that does not',
  topics: { ...isolated, shared: {} },
  async run(ground) {
    const [transport, got] = [await ground.open(), recorder()];
    const [nobody, somebody] = [eventsOf(1), eventsOf(1, { from: 2, tenantid: 'acme' })];
    mustEqual(
      await outcomes(transport, ground.topic(), [...nobody, ...somebody]),
      ['TENANT_REQUIRED', 'PUBLISH_FAILED'],
      'an event without tenant and another of its key',
    );
    mustEqual(await outcomes(transport, ground.topic(), somebody), ['published'], 'an event with a tenant');
    const subscribed = transport.subscribe(ground.topic('shared'), { group: ground.group(), tenant: 'acme' }, got.handler);
    mustEqual([await refusal(subscribed)], ['SUBSCRIPTION_INVALID'], 'subscribing for one tenant to a topic that does not isolate them');
    await transport.subscribe(ground.topic(), { group: ground.group('all') }, got.handler);
    await got.has(ground, somebody);
    mustEqual(got.ids(), ['event-2'], 'what was delivered');
  },
};

export const tenantChecks: readonly Check[] = [bound, required];
