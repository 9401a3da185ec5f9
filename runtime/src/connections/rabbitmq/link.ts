import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import { backoffMs } from '../backoff.ts';
import { settledWithin } from '../once.ts';
import { rabbitError } from './errors.ts';
import { type Dialling, openSession, type Session } from './session.ts';

/** How a connection is at this moment. */
export interface RabbitState {
  readonly connected: boolean;
  /** `host:port` of the node that the connection leads to. */
  readonly endpoint?: string;
  /**
   * Why the broker does not read from this connection (`low on memory`, `low on disk`). It tells only those that have published since, and what is sent
   * meanwhile, acknowledgements of deliveries too, waits.
   */
  readonly blocked?: string;
  /** Latest error of the connection itself: why it is down, when it is. */
  readonly lastError?: Error;
}

/**
 * The connection over all its reconnections.
 *
 * Why not `recovery` of amqplib 2.3 (tried against a real broker): it knows one address and one password for ever; an attempt to reconnect into a black hole,
 * and `close()` in one, never end; `createChannel` waits without limit; and a connection that is lost while its `setup` runs ends the process with an
 * unhandled `error` event.
 */
export interface Link {
  readonly state: RabbitState;
  readonly session: Session | undefined;
  /** Resolves at the first connection; rejects at once with what no further attempt can mend, and after `connectTimeoutMs`. */
  firstOpen(): Promise<void>;
  /** The open session, or the next one; undefined when `signal` fires first. */
  nextSession(signal: AbortSignal): Promise<Session | undefined>;
  /** Why nothing can be sent at present; undefined when it can. */
  refusal(): MillraceError | undefined;
  close(limitMs: number): Promise<void>;
}

/** What is known of a connection at this moment, and who waits for it. */
interface Condition {
  session: Session | undefined;
  lastError: Error | undefined;
  readonly waiters: Set<() => void>;
  onAttempt: ((error?: Error) => void) | undefined;
}

/** Starts connecting, to a node drawn by lot, and keeps connected until `close()`. */
export function startLink(dialling: Dialling): Link {
  const { target, settings } = dialling;
  const stop = new AbortController();
  const condition: Condition = { session: undefined, lastError: undefined, waiters: new Set(), onAttempt: undefined };
  const running = keepConnected(dialling, stop.signal, {
    onOpen(session) {
      condition.session = session;
      condition.onAttempt?.();
      for (const wake of [...condition.waiters]) wake();
    },
    onError(error) {
      condition.lastError = error;
      condition.onAttempt?.(error);
      settings.onError?.(error);
    },
  });
  return {
    get state() {
      return stateOf(condition);
    },
    get session() {
      return openSessionOf(condition);
    },
    firstOpen: () => firstOpen(condition, dialling),
    nextSession: (signal) => nextSession(condition, signal),
    refusal() {
      if (stop.signal.aborted) return new MillraceError('CONNECTION_CLOSED', `connection to ${target.where} is closed`);
      const session = openSessionOf(condition);
      if (session === undefined) return down(target.where, condition.lastError);
      const { blocked } = session;
      return blocked === undefined ? undefined : new MillraceError('BROKER_BLOCKED', `${target.where} blocks publishers: ${blocked}`);
    },
    async close(limitMs) {
      stop.abort();
      const session = openSessionOf(condition);
      if (session !== undefined) await hangUp(session, limitMs, target.where);
      await running;
    },
  };
}

function openSessionOf({ session }: Condition): Session | undefined {
  return session?.isOpen === true ? session : undefined;
}

function stateOf(condition: Condition): RabbitState {
  const session = openSessionOf(condition);
  const { lastError } = condition;
  return {
    connected: session !== undefined,
    ...(session && { endpoint: session.endpoint }),
    ...(session?.blocked !== undefined && { blocked: session.blocked }),
    ...(lastError && { lastError }),
  };
}

function firstOpen(condition: Condition, dialling: Dialling): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(lateFirst(dialling, condition.lastError)), dialling.settings.connectTimeoutMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      condition.onAttempt = undefined;
      if (error === undefined) resolve();
      else reject(error);
    };
    condition.onAttempt = (error) => {
      if (!isMillraceError(error) || !error.retriable) settle(error);
    };
  });
}

function nextSession(condition: Condition, signal: AbortSignal): Promise<Session | undefined> {
  return new Promise((resolve) => {
    const open = openSessionOf(condition);
    if (open !== undefined || signal.aborted) return resolve(open);
    const wake = (): void => {
      condition.waiters.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve(openSessionOf(condition));
    };
    condition.waiters.add(wake);
    signal.addEventListener('abort', wake, { once: true });
  });
}

interface LinkEvents {
  onOpen(session: Session): void;
  onError(error: Error): void;
}

async function keepConnected(dialling: Dialling, stop: AbortSignal, events: LinkEvents): Promise<void> {
  const { endpoints, where } = dialling.target;
  const cap = dialling.settings.maxReconnectDelayMs;
  let next = Math.floor(Math.random() * endpoints.length);
  for (let failures = 0; !stop.aborted; ) {
    const opened = await openAny(dialling, next, stop);
    if (stop.aborted) {
      if (!(opened instanceof Error)) opened.session.drop(new Error('closed'));
      return;
    }
    if (opened instanceof Error) {
      failures++;
      events.onError(opened);
    } else {
      const openedAt = performance.now();
      tellOfBlocking(opened.session, dialling.settings);
      events.onOpen(opened.session);
      const reason = await opened.session.ended;
      if (stop.aborted) return;
      next = opened.index + 1;
      // A broker that accepts and at once throws out is not asked again without a pause.
      failures = performance.now() - openedAt > 2 * cap ? 1 : failures + 1;
      events.onError(lost(where, opened.session.endpoint, reason));
    }
    await new Pause().wait(backoffMs(failures, cap), stop);
  }
}

/** Tries each node once, from `first` on. What only a person can mend outweighs what may pass; a refused password is refused by all nodes. */
async function openAny(dialling: Dialling, first: number, stop: AbortSignal): Promise<{ session: Session; index: number } | Error> {
  const { endpoints, where } = dialling.target;
  let worst: Error | undefined;
  for (let step = 0; step < endpoints.length && !stop.aborted; step++) {
    const index = (first + step) % endpoints.length;
    const endpoint = endpoints[index] ?? endpoints[0];
    try {
      return { session: await openSession(dialling, endpoint, stop), index };
    } catch (thrown) {
      const error = rabbitError(thrown, where);
      if (worst === undefined || !isMillraceError(worst) || worst.retriable) worst = error;
      if (isMillraceError(error, 'CONNECTION_REFUSED_CREDENTIALS')) break;
    }
  }
  return worst ?? new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
}

function tellOfBlocking({ model, ended }: Session, { onBlocked, onUnblocked }: Dialling['settings']): void {
  let blocked = false;
  const unblock = (): void => {
    if (blocked) onUnblocked?.();
    blocked = false;
  };
  model.on('blocked', (reason) => {
    blocked = true;
    onBlocked?.(reason);
  });
  model.on('unblocked', unblock);
  void ended.then(unblock);
}

/** The closing handshake; a broker that does not answer it in time loses the socket. */
async function hangUp(session: Session, limitMs: number, where: string): Promise<void> {
  const said = session.model.close().then(undefined, () => undefined); // it is closed already
  await settledWithin(said, limitMs);
  session.drop(new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`));
}

function lateFirst({ target, settings }: Dialling, last: Error | undefined): MillraceError {
  const reason = last === undefined ? '' : `: ${last.message}`;
  const text = `could not connect to ${target.where} within ${settings.connectTimeoutMs} ms${reason}`;
  return new MillraceError('CONNECTION_FAILED', text, { cause: last });
}

function down(where: string, last: Error | undefined): MillraceError {
  return new MillraceError('CONNECTION_FAILED', `connection to ${where} is down${last === undefined ? '' : `: ${last.message}`}`, {
    cause: last,
  });
}

function lost(where: string, endpoint: string, reason: Error): MillraceError {
  return new MillraceError('CONNECTION_FAILED', `connection to ${endpoint} of ${where} was lost: ${reason.message}`, { cause: reason });
}
