import type { MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import { type Check, must, mustEqual, type Topics } from '../check.ts';
import { eventsOf } from '../events.ts';
import { group } from '../ground.ts';
import { outcomes, publishAll, recorder, refusal } from '../recorder.ts';

const tenants = ['acme', 'globex', 'initech'];
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
    const [acme, globex, everything] = [recorder(), recorder(), recorder()];
    await transport.subscribe(topic, { group: ground.group(), tenant: 'acme', concurrency: 4 }, acme.handler);
    await transport.subscribe(topic, { group: ground.group(), tenant: 'globex', concurrency: 4 }, globex.handler);
    await transport.subscribe(topic, { group: ground.group('all'), concurrency: 4 }, everything.handler);
    const events = ofTenants(60);
    await publishAll(transport, topic, events);
    await everything.has(ground, events);
    const bounds = [['acme', acme] as const, ['globex', globex] as const];
    const foreign = () => bounds.flatMap(([tenant, { deliveries }]) => deliveries.filter(({ event }) => event.tenantid !== tenant));
    const share = events.length / tenants.length;
    await ground.eventually('both consumers of one tenant have its events', () => {
      return foreign().length > 0 || bounds.every(([, got]) => new Set(got.ids()).size === share);
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
