import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { dangerOf } from '../../../runtime/src/topology/drivers/kafka/danger.ts';
import { declaredOn } from '../../../runtime/src/topology/drivers/kafka/declared.ts';
import { compare } from '../../../runtime/src/topology/drivers/kafka/diff.ts';
import type { DeclaredTopic, LiveTopic } from '../../../runtime/src/topology/drivers/kafka/model.ts';
import { notesOn } from '../../../runtime/src/topology/drivers/kafka/notes.ts';

const onKafka = { transports: [{ kind: 'kafka' as const, service: 'log' }] };
const options = { service: 'log', serverless: false };
const hourMs = 3_600_000;

const declaredOf = (topics: TopologyInput['topics']): DeclaredTopic[] => declaredOn(topologySchema.parse({ topics }), 'log');

function declaredTopic(change: Partial<DeclaredTopic> = {}): DeclaredTopic {
  return { ...declaredOf({ orders: { ...onKafka, retentionHours: 24 } })[0]!, ...change };
}

function live(change: Partial<LiveTopic> = {}, settings: Record<string, string> = {}): LiveTopic {
  const same = declaredTopic();
  return {
    ...{ name: 'orders', partitions: same.partitions, copies: 3, overridden: {}, ...change },
    settings: { ...same.settings, 'retention.bytes': '-1', ...settings },
  };
}

const plan = (declared: DeclaredTopic, found: LiveTopic) => compare([declared], [found], options)[0];

describe('topics of Kafka as they are declared', () => {
  test('are those with a route to the service, in whatever phase', () => {
    const routes = [
      { kind: 'redis-streams' as const, service: 'events' },
      { ...onKafka.transports[0]!, phase: 'mirror' as const },
    ];
    const mirrored = { transports: routes };
    const elsewhere = { transports: [{ kind: 'kafka' as const, service: 'other' }] };
    expect(declaredOf({ b: onKafka, a: mirrored, c: elsewhere }).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('keep what they keep for the declared hours, and take what is declared as the largest event', () => {
    expect(declaredOf({ orders: { ...onKafka, partitions: 6, retentionHours: 24, maxBytes: 2_000_000 } })).toEqual([
      {
        name: 'orders',
        partitions: 6,
        ordered: true,
        settings: { 'cleanup.policy': 'delete', 'max.message.bytes': String(2_000_000 + 16_384), 'retention.ms': String(24 * hourMs) },
      },
    ]);
  });

  test('take batches of the size that clients make, however small the events are', () => {
    expect(declaredOf({ orders: { ...onKafka, maxBytes: 1_000 } })[0]!.settings['max.message.bytes']).toBe('1048588');
  });

  test('have a topic of dead letters a group, which keeps them a month longer', () => {
    const topics = declaredOf({ orders: { ...onKafka, retentionHours: 24, consumers: [{ group: 'emails' }, { group: 'audit' }] } });
    expect(topics.map(({ name, partitions }) => [name, partitions])).toEqual([
      ['orders', 3],
      ['orders.dead.audit', 1],
      ['orders.dead.emails', 1],
    ]);
    expect(topics[1]!.settings['retention.ms']).toBe(String((24 + 30 * 24) * hourMs));
  });

  test('have none where dead letters are not wanted', () => {
    expect(declaredOf({ orders: { ...onKafka, deadLetter: false, consumers: [{ group: 'emails' }] } })).toHaveLength(1);
  });

  test('fail if a topic of dead letters cannot have its name, or another has it', () => {
    const long = { [`o${'r'.repeat(198)}`]: { ...onKafka, consumers: [{ group: 'g'.repeat(60) }] } };
    expect(() => declaredOf(long)).toThrow(/has 265 characters, Kafka takes 249/);
    const twice = { orders: { ...onKafka, consumers: [{ group: 'emails' }] }, 'orders.dead.emails': onKafka };
    expect(() => declaredOf(twice)).toThrow(/orders\.dead\.emails is also the name of a topic of dead letters/);
  });
});

describe('what is to be changed', () => {
  test('is nothing where all is as declared, whatever else is set', () => {
    expect(compare([declaredTopic()], [live({}, { 'segment.bytes': '1000' })], options)).toEqual([]);
  });

  test('is a topic that is missing, and last one that nothing declares', () => {
    const planned = compare([declaredTopic()], [live({ name: 'a-stranger' })], options);
    expect(planned.map(({ change }) => [change.action, change.name, change.undeclared])).toEqual([
      ['create', 'log/topic/orders', undefined],
      ['delete', 'log/topic/a-stranger', true],
    ]);
    expect(dangerOf(planned[1]!.risks, () => 12)).toEqual({ sentence: 'deletes the topic and 12 messages', messages: 12 });
  });

  test('are more partitions, at a risk where keys have an order and there are messages', () => {
    const planned = plan(declaredTopic({ partitions: 6 }), live())!;
    expect(planned.change).toMatchObject({ action: 'update', differences: [{ property: 'partitions', live: '3', declared: '6' }] });
    expect(dangerOf(planned.risks, () => 5)?.sentence).toBe(
      'moves keys from 3 to 6 partitions: events of a key may overtake those of it among the 5 messages there are, until the old partitions are read',
    );
    expect(dangerOf(planned.risks, () => 0)).toBeUndefined();
    expect(plan(declaredTopic({ partitions: 6, ordered: false }), live())!.risks).toEqual([]);
  });

  test('are fewer partitions, which only a new topic can have', () => {
    const planned = plan(declaredTopic({ partitions: 1 }), live())!;
    expect(planned.change.action).toBe('replace');
    expect(dangerOf(planned.risks, () => 1)).toEqual({
      sentence: 'deletes the topic with 1 message and creates it again, because Kafka takes no partition away',
      messages: 1,
    });
  });

  test('is a shorter retention, at a risk where there are messages that old', () => {
    const planned = plan(declaredTopic(), live({}, { 'retention.ms': String(48 * hourMs) }))!;
    expect(planned.risks).toEqual([{ kind: 'shorten', retentionMs: 24 * hourMs }]);
    expect(dangerOf(planned.risks, () => 7)).toEqual({ sentence: 'deletes 7 messages older than 24 hours', messages: 7 });
    expect(dangerOf(planned.risks, () => 0)).toBeUndefined();
  });

  test.each([
    ['no limit', { 'retention.ms': '-1' }],
    ['compaction alone', { 'cleanup.policy': 'compact' }],
  ])('is a retention in place of %s, at the same risk', (_, settings) => {
    expect(plan(declaredTopic(), live({}, settings))!.risks).toEqual([{ kind: 'shorten', retentionMs: 24 * hourMs }]);
  });

  test('is a longer retention, at no risk', () => {
    expect(plan(declaredTopic(), live({}, { 'retention.ms': '1000' }))).toMatchObject({ change: { action: 'update' }, risks: [] });
  });

  test('names both where keys move and messages go, and counts only what is lost', () => {
    const planned = plan(declaredTopic({ partitions: 6 }), live({}, { 'retention.ms': '-1' }))!;
    const danger = dangerOf(planned.risks, ({ kind }) => (kind === 'shorten' ? 2 : 9))!;
    expect(danger.sentence).toMatch(/^moves keys .*9 messages.*, and deletes 2 messages older than 24 hours$/);
    expect(danger.messages).toBe(2);
  });

  test('stays a danger where the messages cannot be counted', () => {
    const planned = plan(declaredTopic({ partitions: 1 }), live())!;
    expect(dangerOf(planned.risks, () => undefined)).toMatchObject({
      sentence: expect.stringMatching(/messages that could not be counted/),
    });
  });

  test('is a new topic where MSK Serverless does not let the clean-up policy be changed', () => {
    const found = live({}, { 'cleanup.policy': 'compact' });
    expect(compare([declaredTopic()], [found], { ...options, serverless: true })[0]!.change.action).toBe('replace');
    expect(compare([declaredTopic()], [found], options)[0]!.change.action).toBe('update');
  });
});

describe('what weakens a declared topic without being declared', () => {
  const notesFor = (found: LiveTopic, copies: number | undefined = 3) => notesOn('log', [declaredTopic()], [found], { copies });

  test.each([
    ['retention.bytes', '1000', '-1', 'messages may be deleted before their retention is over'],
    ['min.insync.replicas', '1', '2', 'an acknowledged message may be on fewer brokers than the cluster asks for'],
    ['unclean.leader.election.enable', 'true', 'false', 'acknowledged messages may be lost with a broker'],
  ])('is a problem when it was set by hand: %s', (setting, value, usual, consequence) => {
    const found = live({ overridden: { [setting]: usual } }, { [setting]: value });
    expect(compare([declaredTopic()], [found], options)).toEqual([]);
    expect(notesFor(found)).toEqual([
      {
        level: 'problem',
        name: 'log/topic/orders',
        sentence: `${setting} is ${value} for this topic, ${usual} elsewhere, so that ${consequence}; take it back with kafka-configs --alter --entity-type topics --entity-name orders --delete-config ${setting}`,
      },
    ]);
  });

  test('is worth knowing where the brokers do it, and nothing where it strengthens', () => {
    expect(notesFor(live({}, { 'retention.bytes': '1000' }))).toMatchObject([{ level: 'info' }]);
    const strengthened = live({ overridden: { 'min.insync.replicas': '1', 'retention.bytes': '1000' } }, { 'min.insync.replicas': '2' });
    expect(notesFor(strengthened)).toEqual([]);
    expect(notesFor(live({}, { 'min.insync.replicas': '1', 'unclean.leader.election.enable': 'true' }))).toEqual([]);
  });

  test('are fewer copies than the cluster makes; not where it does not tell how many', () => {
    expect(notesFor(live({ copies: 1 }))).toMatchObject([
      { level: 'problem', sentence: expect.stringMatching(/^has 1 copy where the cluster makes 3/) },
    ]);
    expect(notesOn('log', [declaredTopic()], [live({ copies: 1 })], { copies: undefined })).toEqual([]);
  });

  test('is not looked for where nothing is declared', () => {
    expect(notesFor(live({ name: 'a-stranger', copies: 1 }))).toEqual([]);
  });
});
