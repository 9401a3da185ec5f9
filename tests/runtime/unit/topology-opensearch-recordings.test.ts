import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { policyProperties } from '../../../runtime/src/topology/drivers/opensearch/comparable.ts';
import { managedIn } from '../../../runtime/src/topology/drivers/opensearch/read-managed.ts';
import { policiesIn } from '../../../runtime/src/topology/drivers/opensearch/read-objects.ts';
import { answerTo } from '../support/index-management.ts';

type Json = Readonly<Record<string, unknown>>;
interface Exchange {
  readonly request: { readonly method: string; readonly path: string; readonly body?: Json };
  readonly response: { readonly status: number; readonly body: Json };
}

/** Exchanges with the index management plugin of OpenSearch 3.4.0, in the order in which they took place. */
const folder = join(__dirname, 'ism');
const files = readdirSync(folder).sort();
const exchanges = new Map(files.map((file) => [file.slice(0, 2), JSON.parse(readFileSync(join(folder, file), 'utf8')) as Exchange]));
const exchange = (number: string): Exchange => exchanges.get(number)!;

const policyAsked = (number: string) => exchange(number).request.body!.policy as Json;

test('what was written is what is read, in every answer that has the policy', () => {
  const written = policyProperties(policyAsked('02'));
  expect(policyProperties((exchange('02').response.body.policy as { policy: Json }).policy)).toEqual(written);
  expect(policyProperties(exchange('03').response.body.policy as Json)).toEqual(written);
  const [listed] = policiesIn(exchange('09').response.body);
  expect(listed).toMatchObject({
    kind: 'lifecycle',
    name: 'logs',
    properties: written,
    version: { seqNo: 1, primaryTerm: 1 },
    deleteDays: 365,
  });
});

test('a difference that somebody made is seen', () => {
  const text = JSON.stringify(exchange('03').response.body.policy);
  for (const [from, to] of [
    ['"365d"', '"30d"'],
    ['"max_num_segments":1', '"max_num_segments":2'],
    ['"count":3', '"count":4'],
    ['"copy_alias":false', '"copy_alias":true'],
    ['"priority":100', '"priority":1'],
  ] as const) {
    const edited = JSON.parse(text.replace(from, to)) as Json;
    expect(policyProperties(edited)).not.toEqual(policyProperties(policyAsked('02')));
  }
});

test('an index that the plugin does not look after is not managed', () => {
  expect(managedIn(exchange('10').response.body)).toEqual(new Map());
});

describe('the stand-in for the plugin', () => {
  const comparable = ['01', '02', '03', '04', '05', '06', '09', '11'];
  test.each(comparable)('answers as the plugin did in exchange %s', (number) => {
    const state = { policies: new Map(), snapshotPolicies: new Map(), managed: new Map(), written: [] };
    let answer: { status: number; body: object } | undefined;
    for (const each of comparable.filter((other) => other <= number)) {
      const { method, path, body = {} } = exchange(each).request;
      const { pathname, searchParams } = new URL(path, 'http://localhost');
      // The index was taken up between the two exchanges, by its name.
      if (each === '11') state.managed.set('logs-000001', { policy_id: 'logs' });
      answer = answerTo(state, { method, path: pathname, query: searchParams, body });
    }
    const { status, body } = exchange(number).response;
    expect(answer!.status).toBe(status);
    expect(told(answer!.body)).toEqual(told(body));
  });
});

/** Without times, and the words and places of refusals. */
function told(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (name, value: unknown) => {
    if (name === 'last_updated_time') return 0;
    if (['reason', 'root_cause', 'index', 'shard', 'index_uuid', 'resource.id', 'resource.type', 'status'].includes(name)) return undefined;
    return value;
  });
}
