import { type LoadedBinding, type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { connectKafka } from '../../../runtime/src/connections/kafka/index.ts';
import { connectSearch } from '../../../runtime/src/connections/opensearch/index.ts';
import { examineServices } from '../../../runtime/src/doctor/index.ts';
import type { ServiceReport } from '../../../runtime/src/doctor/report.ts';
import { eventually } from '../../support/eventually.ts';
import { createTopic } from '../../support/kafka-topic.ts';
import { startTestKafka, startTestOpenSearch, type TestKafka, type TestOpenSearch } from '../../support/servers.ts';

async function examine(handle: ServiceHandle): Promise<ServiceReport> {
  const binding: LoadedBinding = { ...wrap({ [handle.name]: handle.service }), service: () => handle };
  const { services } = await examineServices({ binding, timeoutMs: 10_000 });
  return services[0]!;
}

const found = async (handle: ServiceHandle, fits: (report: ServiceReport) => boolean, what: string): Promise<ServiceReport> =>
  eventually(
    async () => {
      const report = await examine(handle);
      return fits(report) && report;
    },
    { what, timeoutMs: 40_000 },
  );

const codesOf = ({ problems }: ServiceReport) => [...new Set(problems.map(({ code }) => code))].sort();

describe('Kafka', () => {
  let kafka: TestKafka;
  beforeAll(async () => {
    kafka = await startTestKafka({ nodes: 3 });
    await using connection = await connectKafka(kafka.handle());
    await createTopic(await connection.admin(), { topic: 'orders', numPartitions: 3, replicationFactor: 3 });
  }, 120_000);
  afterAll(() => kafka?.stop());

  test('is well', async () => {
    const report = await found(kafka.handle(), ({ status }) => status === 'well', 'all replicas are in sync');
    expect(report).toMatchObject({
      state: expect.stringMatching(/^3 brokers, controller [123]$/),
      version: expect.stringMatching(/^\d\.\d+$/),
    });
  }, 60_000);

  test('refuses a wrong password', async () => {
    expect(codesOf(await examine(kafka.handle({ password: 'wrong' })))).toEqual(['CONNECTION_REFUSED_CREDENTIALS']);
  });

  test('lacks a broker', async () => {
    await kafka.nodes[2]!.kill();
    const report = await found(kafka.handle(), ({ state }) => state?.startsWith('2 brokers') === true, 'the cluster misses the broker');
    expect(codesOf(report)).toEqual(['KAFKA_BROKER_MISSING', 'KAFKA_UNDER_REPLICATED']);
    expect(report.status).toBe('degraded');
    expect(report.problems[0]).toMatchObject({
      sentence: 'broker 3 holds partitions and is not in the cluster',
      runbook: 'docs/runbooks/kafka-broker-offline.md',
    });
  }, 60_000);

  test('leads clients to a broker that is gone, of which the last of three does not hear', async () => {
    const { host, port } = kafka.brokers[1]!;
    await kafka.nodes[1]!.kill();
    const report = await examine(kafka.handle());
    expect(report.problems).toContainEqual(
      expect.objectContaining({ code: 'ENDPOINT_REFUSED', sentence: expect.stringContaining(`${host}:${port}: connections are refused`) }),
    );
  });
});

describe('OpenSearch', () => {
  let search: TestOpenSearch;
  beforeAll(async () => {
    search = await startTestOpenSearch();
  }, 120_000);
  afterAll(() => search?.stop());

  const make = async (index: string, settings: Record<string, unknown>): Promise<void> => {
    await using connection = await connectSearch(search.handle());
    await connection.client.indices.create({ index, wait_for_active_shards: 0, settings }, { requestTimeout: 10_000 });
  };

  test('is well, also without the replicas that one node cannot have', async () => {
    await make('yellow', { number_of_replicas: 1 });
    const report = await found(search.handle(), ({ state }) => state === 'yellow, 1 node', 'the index is there');
    expect(report).toMatchObject({ status: 'well', version: expect.stringMatching(/^\d+\.\d+\.\d+$/), problems: [] });
  }, 60_000);

  test('refuses a wrong password', async () => {
    expect(codesOf(await examine(search.handle({ password: 'wrong' })))).toEqual(['CONNECTION_REFUSED_CREDENTIALS']);
  });

  test('is red when a primary has no place', async () => {
    await make('red', { number_of_replicas: 0, 'index.routing.allocation.require._name': 'nobody' });
    const report = await found(search.handle(), ({ status }) => status === 'down', 'the cluster is red');
    expect(report).toMatchObject({
      state: 'red, 1 node',
      problems: [{ code: 'OPENSEARCH_RED', runbook: 'docs/runbooks/opensearch-red.md' }],
    });
  }, 60_000);
});
