import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { Agent, request as secureRequest } from 'node:https';
import { freePorts } from '../../support/ports.ts';

/** An answer of the plugin. */
interface Answer {
  readonly status: number;
  readonly body: object;
}

type Json = Readonly<Record<string, unknown>>;

interface Stored {
  readonly policy: Json;
  readonly version: number;
  readonly seqNo: number;
}

/** What the stand-in looks after; tests write into `managed` what the plugin would find out by itself. */
export interface IndexManagement {
  readonly port: number;
  readonly policies: Map<string, Stored>;
  readonly snapshotPolicies: Map<string, Stored>;
  readonly managed: Map<string, Json>;
  /** `METHOD PATH` of what changed something. */
  readonly written: string[];
  close(): Promise<void>;
}

/**
 * Answers for the index management plugin, which nobody publishes, as 3.4.0 has answered (`unit/ism`); everything else goes on to a real server.
 *
 * @param behind a real server over TLS, or none: then everything else is not found.
 */
export async function startIndexManagement(behind?: {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
}): Promise<IndexManagement> {
  const port = await freePorts();
  const state = { policies: new Map(), snapshotPolicies: new Map(), managed: new Map(), written: [] as string[] } as Omit<
    IndexManagement,
    'port' | 'close'
  >;
  const agent = new Agent({ keepAlive: true, ...(behind && { ca: behind.ca }) });
  const server = createServer((incoming, outgoing) => {
    const { pathname, searchParams } = new URL(incoming.url!, 'http://localhost');
    if (!/^\/_plugins\/_(ism|sm)\//.test(pathname)) return forward(incoming, outgoing, behind, agent);
    void bodyOf(incoming).then((body) => {
      const { status, body: answer } = answerTo(state, { method: incoming.method!, path: pathname, query: searchParams, body });
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...{ ...state, port },
    close: async () => {
      server.closeAllConnections();
      agent.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  behind: { host: string; port: number } | undefined,
  agent: Agent,
): void {
  if (behind === undefined) {
    outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    return;
  }
  const { method, headers, url } = incoming;
  const target = { host: behind.host, port: behind.port, method, headers, path: url, agent };
  const passed = (agent === undefined ? request : secureRequest)(target, (answer) => {
    outgoing.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on('error', () => outgoing.destroy());
  incoming.pipe(passed);
}

async function bodyOf(incoming: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : (JSON.parse(text) as Json);
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Json;
}

type State = Omit<IndexManagement, 'port' | 'close'>;

/** The answer of the plugin to one request. */
export function answerTo(state: State, question: Question): Answer {
  const { method, path } = question;
  const [, plugin, part, name] = /^\/_plugins\/_(ism|sm)\/([a-z_]+)\/?(.*)$/.exec(path)!;
  const names = decodeURIComponent(name!).split(',');
  if (method !== 'GET') state.written.push(`${method} ${path}`);
  if (part === 'explain') return explain(state, name === '' ? undefined : names);
  if (part === 'add') return add(state, names, question.body);
  if (part === 'remove') return remove(state, names);
  if (part === 'change_policy') return change(state, names, question.body);
  return policies(plugin === 'ism' ? ism(state) : sm(state), names[0]!, question);
}

interface Store {
  readonly stored: Map<string, Stored>;
  readonly type: 'policy' | 'sm_policy';
  read(name: string, policy: Json, isWritten: boolean): Json;
}

function ism({ policies: stored }: State): Store {
  return {
    ...{ stored, type: 'policy' },
    // What is answered to the write says 1, what is read later the version of the index it lies in.
    read: (name, policy, isWritten) => ({ policy_id: name, ...policy, schema_version: isWritten ? 1 : 25 }),
  };
}

function sm({ snapshotPolicies: stored }: State): Store {
  return { stored, type: 'sm_policy', read: (name, policy) => ({ name, ...policy }) };
}

function policies({ stored, type, read }: Store, name: string, { method, query, body }: Question): Answer {
  const version = ({ seqNo }: Stored) => ({ _seq_no: seqNo, _primary_term: 1 });
  if (method === 'GET' && name === '') {
    const all = [...stored].map(([id, each]) => ({ _id: idOf(type, id), ...version(each), [type]: read(id, each.policy, false) }));
    return { status: 200, body: { policies: all, total_policies: all.length } };
  }
  const found = stored.get(name);
  if (method === 'GET') {
    if (found === undefined) return { status: 404, body: refused('index_not_found_exception', 'no such index [.opendistro-ism-config]') };
    return {
      status: 200,
      body: { _id: idOf(type, name), _version: found.version, ...version(found), [type]: read(name, found.policy, false) },
    };
  }
  if (method === 'DELETE') {
    stored.delete(name);
    return { status: 200, body: { _id: name, result: 'deleted' } };
  }
  const expected = query.get('if_seq_no');
  const isStale = expected === null ? found !== undefined : String(found?.seqNo) !== expected;
  if (isStale) return { status: 409, body: refused('version_conflict_engine_exception', `[${name}]: version conflict`) };
  const pattern = type === 'policy' ? takenPattern(stored, name, body) : undefined;
  if (pattern !== undefined) {
    const reason = `New policy ${name} has an ISM template with index pattern [${pattern}] matching existing policy templates, please use a different priority than 500`;
    return { status: 400, body: refused('illegal_argument_exception', reason) };
  }
  const next = { policy: stamped(type, body), version: (found?.version ?? 0) + 1, seqNo: nextSeqNo(stored) };
  stored.set(name, next);
  const answer = { _id: idOf(type, name), _version: next.version, _primary_term: 1, _seq_no: next.seqNo };
  return { status: found === undefined ? 201 : 200, body: { ...answer, [type]: { [type]: read(name, next.policy, true) } } };
}

/** One that another policy of the same priority has. */
function takenPattern(stored: Map<string, Stored>, name: string, body: Json): string | undefined {
  const taken = new Set([...stored].flatMap(([other, { policy }]) => (other === name ? [] : patternsOf(policy))));
  return patternsOf(body.policy as Json).find((pattern) => taken.has(pattern));
}

function patternsOf({ ism_template = [] }: Json): readonly string[] {
  return (ism_template as readonly { index_patterns: readonly string[] }[]).flatMap(({ index_patterns }) => index_patterns);
}

function nextSeqNo(stored: Map<string, Stored>): number {
  return Math.max(-1, ...[...stored.values()].map(({ seqNo }) => seqNo)) + 1;
}

function idOf(type: Store['type'], name: string): string {
  return type === 'policy' ? name : `${name}-sm-policy`;
}

function refused(type: string, reason: string): object {
  return { error: { root_cause: [{ type, reason }], type, reason } };
}

const retry = { count: 3, backoff: 'exponential', delay: '1m' };

/** What the plugin writes beside what it was given. */
function stamped(type: Store['type'], body: Json): Json {
  const last_updated_time = Date.now();
  if (type === 'sm_policy') {
    return {
      ...body,
      schema_version: 25,
      schedule: { interval: { start_time: 1, period: 1, unit: 'Minutes' } },
      last_updated_time,
      enabled_time: 1,
    };
  }
  const policy = body.policy as { states: readonly { actions: readonly Json[] }[]; ism_template?: readonly Json[] };
  return {
    ...{ last_updated_time, error_notification: null, ...policy },
    states: policy.states.map((state) => ({ ...state, actions: state.actions.map((action) => ({ retry, ...injected(action) })) })),
    ism_template: policy.ism_template?.map((template) => ({ ...template, last_updated_time })),
  };
}

function injected(action: Json): Json {
  const defaults: Readonly<Record<string, object>> = {
    rollover: { copy_alias: false },
    allocation: { include: {}, exclude: {}, wait_for: false },
    cold_migration: { start_time: null, end_time: null, ignore: 'none' },
  };
  return Object.fromEntries(
    Object.entries(action).map(([name, content]) => [name, name in defaults ? { ...(content as object), ...defaults[name] } : content]),
  );
}

function explain({ managed }: State, names: readonly string[] | undefined): Answer {
  const unmanaged = {
    'index.plugins.index_state_management.policy_id': null,
    'index.opendistro.index_state_management.policy_id': null,
    enabled: null,
  };
  const asked = names ?? [...managed.keys()];
  return {
    status: 200,
    body: { ...Object.fromEntries(asked.map((name) => [name, managed.get(name) ?? unmanaged])), total_managed_indices: managed.size },
  };
}

function add(state: State, names: readonly string[], { policy_id }: Json): Answer {
  const left = names.filter((name) => state.managed.has(name));
  const taken = names.filter((name) => !left.includes(name));
  const seqNo = state.policies.get(String(policy_id))?.seqNo;
  for (const name of taken) state.managed.set(name, { policy_id, policy_seq_no: seqNo });
  const reason = 'This index already has a policy, use the update policy API to update index policies';
  return updated(
    taken.length,
    left.map((index_name) => ({ index_name, index_uuid: 'uuid', reason })),
  );
}

function remove(state: State, names: readonly string[]): Answer {
  const left = names.filter((name) => !state.managed.delete(name));
  return updated(
    names.length - left.length,
    left.map((index_name) => ({ index_name, index_uuid: 'uuid', reason: 'This index does not have a policy to remove' })),
  );
}

/** The index takes the version up with its next run; until then it is explained as it was. */
function change(state: State, names: readonly string[], _body: Json): Answer {
  const left = names.filter((name) => !state.managed.has(name));
  return updated(
    names.length - left.length,
    left.map((index_name) => ({ index_name, index_uuid: 'uuid', reason: 'This index is not being managed' })),
  );
}

function updated(count: number, failed: readonly object[]): Answer {
  return { status: 200, body: { updated_indices: count, failures: failed.length > 0, failed_indices: failed } };
}
