import type * as Elastic from '@elastic/elasticsearch';
import type { ServiceHandle } from '../../binding/index.ts';
import { connectSearch } from '../../connections/opensearch/index.ts';
import type { Topology } from '../../contracts/topology.ts';
import { Pause } from '../../pause.ts';
import type { PlaceOutcome, Remains } from './outcome.ts';
import type { Sought } from './sought.ts';

/** Attributes under the names that documents have them, and what is sought of them. */
function termsOf({ tenant, actor, subject }: Sought): readonly (readonly [field: string, value: string])[] {
  const all = [
    ['tenantid', tenant],
    ['actorid', actor],
    ['subject', subject],
  ] as const;
  return all.flatMap(([field, value]) => (value === undefined ? [] : [[field, value] as const]));
}

/**
 * Deletes documents whose `tenantid`, `actorid` and `subject` are those sought, in the indices and data streams of the topology, by tasks on the server.
 *
 * Documents know no topic, so a choice of topics is not looked at here: with one, nothing is deleted and that is told of.
 */
export async function redactSearch(handle: ServiceHandle, topology: Topology, sought: Sought, dryRun: boolean): Promise<PlaceOutcome> {
  const indices = Object.entries(topology.indices).flatMap(([name, index]) => (index.service === handle.name ? [name] : []));
  if (sought.topics?.length) {
    return { counts: {}, remains: [{ where: handle.name, sentence: 'documents know no topic: redact without --topic to delete them' }] };
  }
  await using search = await connectSearch(handle);
  const counts: Record<string, number> = {};
  const remains: Remains[] = [];
  for (const name of indices) {
    const { query, blind } = await queryFor(search.client, name, sought);
    for (const index of blind) {
      const sentence = `the fields of ${index} are texts without a keyword, so documents cannot be found exactly: delete them by hand, and map the fields as keyword`;
      remains.push({ where: `${handle.name} ${name}`, sentence });
    }
    if (query !== undefined) counts[`${handle.name} ${name}`] = await (dryRun ? count : deleteAll)(search.client, name, query);
  }
  return { counts, remains: [...remains, ...snapshotsOf(handle.name, topology)] };
}

type Query = Record<string, unknown>;

interface Mapping {
  readonly properties?: Record<string, { type?: string; fields?: Record<string, { type?: string }> }>;
}

/**
 * Only exact fields count: a full-text field would match a tenant `acme` in the name `acme north`. Which they are differs from index to index.
 *
 * @returns indices that hold the fields as full text alone under `blind`
 */
async function queryFor(client: Elastic.Client, name: string, sought: Sought): Promise<{ query: Query | undefined; blind: string[] }> {
  const mappings = await request<Record<string, { mappings: Mapping }>>(
    client,
    'GET',
    `/${name}/_mapping?ignore_unavailable=true&allow_no_indices=true`,
  );
  const blind: string[] = [];
  const should: Query[] = [];
  for (const [index, { mappings: mapping }] of Object.entries(mappings)) {
    const filters = termsOf(sought).map(([field, value]) => exactTerm(mapping, field, value));
    if (filters.includes('text')) blind.push(index);
    else if (!filters.includes('absent')) should.push({ bool: { filter: [{ term: { _index: index } }, ...(filters as Query[])] } });
  }
  return { query: should.length === 0 ? undefined : { bool: { should, minimum_should_match: 1 } }, blind };
}

function exactTerm({ properties = {} }: Mapping, field: string, value: string): Query | 'text' | 'absent' {
  const found = properties[field];
  if (found === undefined) return 'absent';
  if (found.type === 'keyword') return { term: { [field]: value } };
  const exact = Object.entries(found.fields ?? {}).find(([, each]) => each.type === 'keyword');
  return exact === undefined ? 'text' : { term: { [`${field}.${exact[0]}`]: value } };
}

async function count(client: Elastic.Client, name: string, query: Query): Promise<number> {
  await request(client, 'POST', `/${name}/_refresh`);
  return (await request<{ count: number }>(client, 'POST', `/${name}/_count`, { query })).count;
}

interface TaskAnswer {
  readonly completed: boolean;
  readonly response?: { readonly deleted: number; readonly version_conflicts: number };
  readonly error?: { readonly reason?: string };
}

/** Until a pass finds nothing: documents that changed meanwhile are conflicts, and met again. Then the deleted ones leave the segments. */
async function deleteAll(client: Elastic.Client, name: string, query: Query): Promise<number> {
  let deleted = 0;
  for (;;) {
    await request(client, 'POST', `/${name}/_refresh`);
    const start = `/${name}/_delete_by_query?conflicts=proceed&wait_for_completion=false&refresh=true`;
    const { task } = await request<{ task: string }>(client, 'POST', start, { query });
    const { deleted: some, version_conflicts: conflicts } = await ended(client, task);
    deleted += some;
    if (some === 0 && conflicts === 0) break;
  }
  if (deleted > 0) await request(client, 'POST', `/${name}/_forcemerge?only_expunge_deletes=true`);
  return deleted;
}

async function ended(client: Elastic.Client, task: string): Promise<{ deleted: number; version_conflicts: number }> {
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 5_000)) {
    const { completed, response, error } = await request<TaskAnswer>(client, 'GET', `/_tasks/${task}`);
    if (error !== undefined) throw new Error(`deletion by query failed: ${error.reason}`);
    if (completed && response !== undefined) return response;
    await new Pause().wait(waitMs);
  }
}

async function request<T>(client: Elastic.Client, method: string, path: string, body?: object): Promise<T> {
  return (await client.transport.request({ method, path, ...(body && { body }) })) as T;
}

function snapshotsOf(service: string, topology: Topology): Remains[] {
  return Object.entries(topology.snapshots).flatMap(([name, snapshots]) => {
    if (snapshots.service !== service) return [];
    return [
      {
        where: `${service} ${name}`,
        sentence: `snapshots taken before now hold the documents for ${snapshots.keepDays} days, or delete them`,
      },
    ];
  });
}
