import type * as Ioredis from 'ioredis';
import { MillraceError } from '../../contracts/errors.ts';
import { backoffMs } from '../backoff.ts';
import { once, settledWithin } from '../once.ts';
import { type ClientContext, type Command, commandGuard, forgiveInfo, type Line } from './client.ts';
import { evictionOf, type Info, serverName, standaloneConnector } from './connectors.ts';
import { isLasting, redisError } from './errors.ts';
import { closeClient, type Ground, type OpenConnection } from './open.ts';
import { type ResolvedRedisOptions, redisBehaviour } from './settings.ts';
import { certificates, noteShown, wouldShowElse } from './shown.ts';
import { timedOut } from './supervisor.ts';

type Node = Ioredis.Redis;
type Access = Ground['target']['access'];

/** What is known of the nodes at present. */
interface ClusterState {
  readonly context: ClientContext;
  /** How to get in; put into the options of each node before it connects. */
  access: Access;
  /** Nodes that are not to be used, with the reason, by address. */
  readonly refused: Map<string, MillraceError>;
  /** Told of what ended a line, and of the certificates that line was begun with. */
  lost(error: Error, tls: Access['tls']): void;
}

/** Longest life of what is known about slots, when nothing tells of a change. */
const slotsRefreshMs = 10_000;

/**
 * A connection to every master of a cluster.
 *
 * ioredis itself sends a command again when a node redirects it or has no slots, which is safe: it was not carried out. That it also would when a
 * connection breaks is turned off. Each master is connected to as soon as it is known, so that commands never meet half a handshake.
 */
export function openCluster({ ioredis, settings, target, readTarget }: Ground): OpenConnection<Ioredis.Cluster> {
  const { where } = target;
  const context: ClientContext = { where, commandTimeoutMs: settings.commandTimeoutMs, refusal: undefined, lastError: undefined };
  const state: ClusterState = { context, access: target.access, refused: new Map(), lost: () => undefined };
  const client = guardedCluster(ioredis, target.nodes, clusterBehaviour(ioredis, settings, state), state, settings.profile);
  const supervisor = superviseCluster(client, state, settings, async () => (await readTarget()).access);
  return {
    client,
    nodes: () => client.nodes(),
    renew: supervisor.renew,
    tell: supervisor.tell,
    async firstReady() {
      const deadline = performance.now() + settings.connectTimeoutMs;
      await firstReady(client, supervisor, context, settings.connectTimeoutMs);
      const nodes = client.nodes(settings.forStreams ? 'all' : 'master');
      const judged = await settledWithin(Promise.all(nodes.map(attempted)), deadline - performance.now());
      const [refusal] = state.refused.values();
      if (refusal !== undefined) throw refusal;
      // The others serve; but whether a node evicts is not known before it lets itself be asked.
      if (!judged && settings.forStreams) throw timedOut({ ...context, lastError: unready(nodes) }, settings.connectTimeoutMs);
    },
    close: once(async () => {
      context.refusal = new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
      supervisor.stop();
      await closeClient(client, settings);
    }),
  };
}

function guardedCluster(
  { Cluster }: typeof Ioredis,
  nodes: Ground['target']['nodes'],
  options: ReturnType<typeof clusterBehaviour>,
  { context, refused }: ClusterState,
  profile: ResolvedRedisOptions['profile'],
): Ioredis.Cluster {
  const guard = commandGuard(context);
  class GuardedCluster extends Cluster implements Line {
    /** An error that no server sent tells of a node, whatever the state of the others. */
    isUp(): boolean {
      return false;
    }
    refusal(): MillraceError | undefined {
      return [...refused.values()][0];
    }
    override sendCommand(...[command, stream, node]: Parameters<Ioredis.Cluster['sendCommand']>): unknown {
      guard(command, this);
      const refusal = context.refusal ?? (isOffline(this.status, command) && profile === 'producer' ? down(context) : undefined);
      if (refusal === undefined) return super.sendCommand(command, stream, node);
      command.reject(refusal);
      return command.promise;
    }
  }
  return new GuardedCluster([...nodes], options);
}

/** CLUSTER is what ioredis itself asks before it calls a cluster ready. */
function isOffline(status: string, { name }: Command): boolean {
  return status !== 'ready' && name !== 'cluster';
}

function down({ where, lastError }: ClientContext): MillraceError {
  const reason = lastError === undefined ? '' : `: ${lastError.message}`;
  return new MillraceError('CONNECTION_FAILED', `connection to ${where} is down${reason}`, { cause: lastError });
}

/** See the reasons beside each line, and `redisBehaviour` for the nodes. */
function clusterBehaviour(ioredis: typeof Ioredis, settings: ResolvedRedisOptions, state: ClusterState) {
  const { retryStrategy, enableOfflineQueue, lazyConnect, ...node } = redisBehaviour(settings);
  const accept = (info: Info, { host, port }: Ioredis.RedisOptions): boolean => {
    const address = `${host}:${port}`;
    const refusal = settings.forStreams ? evictionOf(`node ${address} of ${state.context.where}`, info) : undefined;
    if (refusal === undefined) {
      state.refused.delete(address);
    } else {
      state.refused.set(address, refusal);
      settings.onError?.(refusal);
    }
    return refusal === undefined;
  };
  const Connector = standaloneConnector(ioredis, accept, (error, tls) => state.lost(error, tls));
  return {
    lazyConnect: true,
    redisOptions: { ...node, ...state.access, Connector },
    clusterRetryStrategy: (attempt) => backoffMs(attempt, settings.maxReconnectDelayMs),
    // Would send a command again whose fate is not known.
    retryDelayOnFailover: 0,
    // Queues within a cluster that is up are short: a node being connected to. One that is down is not waited for, see `sendCommand`.
    enableOfflineQueue: true,
    slotsRefreshTimeout: 1_000,
    slotsRefreshInterval: slotsRefreshMs,
    // Certificates are issued to names; resolved here, they would be checked against addresses.
    dnsLookup: (address, callback) => callback(null, address),
  } satisfies Ioredis.ClusterOptions;
}

interface ClusterSupervisor {
  tell(error: unknown): void;
  renew(): Promise<unknown>;
  onRefusal(listener: (error: MillraceError) => void): void;
  stop(): void;
}

function superviseCluster(
  client: Ioredis.Cluster,
  state: ClusterState,
  settings: ResolvedRedisOptions,
  readAccess: () => Promise<Access>,
): ClusterSupervisor {
  const { context } = state;
  let stopped = false;
  let refused = (_error: MillraceError): void => undefined;
  const tell = (error: unknown): void => {
    if (!stopped) settings.onError?.(redisError(error, context.where));
  };
  const shown = noteShown();
  const renew = async (): Promise<void> => {
    state.access = await readAccess();
    for (const node of client.nodes()) equip(node, state.access);
  };
  const report = (error: unknown): void => {
    const cause = (error as { lastNodeError?: Error }).lastNodeError ?? error;
    // Before `tell`, which strikes the password from the error.
    const shownThen = shown.by(cause) ?? state.access.password;
    context.lastError = cause instanceof Error ? cause : new Error(String(cause));
    tell(cause);
    const explained = redisError(cause, context.where);
    if (isLasting(explained)) renew().then(() => wouldShowElse(state.access, shownThen) || refused(explained), tell);
  };
  state.lost = (error, tls) => {
    shown.note(error, certificates(tls));
    report(error);
  };
  client.on('error', report).on('node error', report);
  client.on('+node', (node: Node) => {
    equip(node, state.access);
    const send = node.sendCommand.bind(node);
    node.sendCommand = (command, stream) => {
      forgiveInfo(command, node.status);
      shown.watch(command);
      return send(command, stream);
    };
  });
  const pace = paceRefreshes(client, settings.maxReconnectDelayMs);
  return {
    tell,
    renew,
    onRefusal(listener) {
      refused = listener;
    },
    stop() {
      stopped = true;
      pace.stop();
    },
  };
}

/** Asks for the slots again soon after a node was lost, until every master that is known is connected: a fail-over is noticed without any command. */
function paceRefreshes(client: Ioredis.Cluster, capMs: number): { stop(): void } {
  let attempt = 0;
  let timer: NodeJS.Timeout | undefined;
  const refresh = (): void => {
    timer = undefined;
    if (client.status === 'ready') client.refreshSlotsCache();
  };
  client.on('refresh', () => {
    const masters = client.nodes('master');
    if (masters.every(({ status }) => status === 'ready')) attempt = 0;
    // Failures come as `-node`.
    for (const node of masters) if (node.status === 'wait') node.connect().catch(() => undefined);
  });
  client.on('-node', () => {
    timer ??= setTimeout(refresh, backoffMs(++attempt + 2, capMs));
  });
  return { stop: () => clearTimeout(timer) };
}

/** ioredis itself connects to a node once more, for what is published, and names no server then. */
function equip({ options }: Node, access: Access): void {
  Object.assign(options, access, access.tls && { tls: { ...serverName(options.host ?? ''), ...access.tls } });
}

function unready(nodes: readonly Node[]): Error {
  const waiting = nodes.filter(({ status }) => status !== 'ready' && status !== 'end');
  return new Error(
    `not ready yet: ${waiting.map(({ options }) => `node ${options.host}:${options.port}`).join(', ')}; is it loading its data?`,
  );
}

/** Resolves when the node is connected to or will not be now. */
function attempted(node: Node): Promise<unknown> {
  if (node.status === 'wait') return node.connect().catch(() => undefined);
  if (node.status === 'ready' || node.status === 'end') return Promise.resolve();
  return new Promise((resolve) => {
    node.once('ready', resolve).once('end', resolve);
  });
}

function firstReady(client: Ioredis.Cluster, supervisor: ClusterSupervisor, context: ClientContext, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(timedOut(context, timeoutMs)), timeoutMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      client.off('ready', onReady);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onReady = (): void => settle();
    supervisor.onRefusal(settle);
    client.on('ready', onReady);
    client.connect().catch((error: Error) => {
      context.lastError ??= error;
    });
  });
}
