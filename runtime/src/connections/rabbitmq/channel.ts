import type * as Amqp from 'amqplib';
import { MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import { backoffMs } from '../backoff.ts';
import { once, settledWithin } from '../once.ts';
import { rabbitError } from './errors.ts';
import type { Link } from './link.ts';
import type { Session } from './session.ts';
import type { RabbitSettings } from './settings.ts';

/** One channel, from its opening to its end. What was delivered or published on it is of no use to the next one. */
export interface ChannelLife<C extends Amqp.Channel = Amqp.Channel> {
  readonly channel: C;
  /** Resolves with the reason when the channel has ended, whoever ended it. */
  readonly ended: Promise<Error>;
  readonly isOpen: boolean;
  /** Why it ended, when that is known. */
  readonly lastError: Error | undefined;
  /** Gives the channel up and tells the broker, without waiting for its answer. */
  end(reason: Error): void;
}

/** What channels need of their connection. */
export interface ChannelGround {
  readonly link: Link;
  readonly settings: RabbitSettings;
  /** For messages: `rabbitmq service tasks (127.0.0.1:5671)`. */
  readonly where: string;
  /** Closes of the publishers and consumers that are open. */
  readonly owned: Set<() => Promise<void>>;
}

/** Opens a channel with `create`, within `limitMs`: a broker that blocks this connection does not even read the question. */
export async function openLife<C extends Amqp.Channel>(
  { link, where, settings }: ChannelGround,
  session: Session,
  create: (model: Amqp.ChannelModel) => Promise<C>,
): Promise<ChannelLife<C>> {
  const opening = Promise.resolve(session.model)
    .then(create)
    .then((channel) => lifeOf(channel, session))
    .catch((error: Error) => {
      // amqplib's error for a connection that is closed already. It was believed open: its end can have come together with the end of its handshake.
      if (error.name === 'IllegalOperationError') session.drop(error);
      throw error;
    });
  if (!(await settledWithin(opening, settings.setupTimeoutMs))) {
    void opening.then((late) => late.end(new Error('opened too late'))).then(undefined, () => undefined); // its failure is told below
    const text = `${where} did not open a channel within ${settings.setupTimeoutMs} ms`;
    throw link.refusal() ?? new MillraceError('CONNECTION_TIMEOUT', text);
  }
  return opening;
}

function lifeOf<C extends Amqp.Channel>(channel: C, session: Session): ChannelLife<C> {
  let open = true;
  let lastError: Error | undefined;
  let settle: (reason: Error) => void;
  const ended = new Promise<Error>((resolve) => {
    settle = resolve;
  });
  channel.on('error', (error) => {
    lastError = error;
  });
  // Before amqplib's own listener, which rejects what is unconfirmed and must find the channel ended.
  channel.prependListener('close', () => {
    open = false;
    settle(lastError ?? new Error('the channel was closed'));
  });
  // The connection can have ended before there was a listener: its last words may arrive together with the answer that opened the channel.
  const forget = session.whenEnded((reason) => {
    open = false;
    settle(reason);
  });
  void ended.then(forget);
  return {
    channel,
    ended,
    get isOpen() {
      return open;
    },
    get lastError() {
      return lastError;
    },
    end(reason) {
      if (!open) return;
      open = false;
      lastError = reason;
      channel.close().then(undefined, () => undefined); // it has ended by itself meanwhile
      settle(reason);
    },
  };
}

/** A channel that is opened and set up again after every loss, until it is closed. */
export interface SupervisedChannel<C extends Amqp.Channel> {
  readonly life: ChannelLife<C> | undefined;
  /** Why there is no channel at present. */
  readonly lastError: Error | undefined;
  /** Resolves when it has been set up once; rejects when that fails. */
  firstReady(): Promise<void>;
  close(): Promise<void>;
}

/** Reason of an end that is no fault: the next channel is opened without a pause, and nobody is told. */
export const renewal = new Error('the channel is being renewed');

/** How to open a channel of a kind, make it ready, and leave it in peace. */
export interface ChannelPlan<C extends Amqp.Channel> {
  create(model: Amqp.ChannelModel): Promise<C>;
  setup(life: ChannelLife<C>): Promise<unknown>;
  /** Lets what is in flight finish; called once, by `close()`, which gives it `closeTimeoutMs`. */
  drain(life: ChannelLife<C>): Promise<unknown>;
}

/** Waits until it is set up once and returns its close, which the connection calls too; what cannot be set up is closed at once. */
export async function ownedClose<C extends Amqp.Channel>(
  { owned }: ChannelGround,
  supervised: SupervisedChannel<C>,
  during: { closing?(): void; closed?(): void } = {},
): Promise<() => Promise<void>> {
  const close = once(async () => {
    during.closing?.();
    await supervised.close();
    during.closed?.();
    owned.delete(close);
  });
  owned.add(close);
  try {
    await supervised.firstReady();
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}

interface Supervision<C extends Amqp.Channel> {
  life: ChannelLife<C> | undefined;
  lastError: Error | undefined;
  onAttempt: ((error?: Error) => void) | undefined;
}

/** Starts supervising; `ground.settings.onError` is told of every loss and of every setup that fails. */
export function superviseChannel<C extends Amqp.Channel>(ground: ChannelGround, plan: ChannelPlan<C>): SupervisedChannel<C> {
  const { settings, where } = ground;
  const stop = new AbortController();
  const now: Supervision<C> = { life: undefined, lastError: undefined, onAttempt: undefined };
  const running = keepOpen(ground, plan, now, stop.signal);
  return {
    get life() {
      return now.life?.isOpen === true ? now.life : undefined;
    },
    get lastError() {
      return now.lastError;
    },
    firstReady: () => firstOutcome(ground, now),
    close: once(async () => {
      const { life } = now;
      if (life?.isOpen === true) await settledWithin(plan.drain(life), settings.closeTimeoutMs);
      const closed = new MillraceError('CONNECTION_CLOSED', `the channel to ${where} is closed`);
      now.onAttempt?.(closed);
      stop.abort(closed);
      await settledWithin(running, settings.closeTimeoutMs);
    }),
  };
}

async function keepOpen<C extends Amqp.Channel>(ground: ChannelGround, plan: ChannelPlan<C>, now: Supervision<C>, stop: AbortSignal) {
  const { link, settings, where } = ground;
  const fail = (thrown: unknown): void => {
    now.lastError = rabbitError(thrown, where);
    now.onAttempt?.(now.lastError);
    settings.onError?.(now.lastError);
  };
  for (let failures = 0; !stop.aborted; ) {
    const session = await link.nextSession(stop);
    if (session === undefined) continue;
    const openedAt = performance.now();
    try {
      now.life = await openReady(ground, session, plan, stop);
      now.onAttempt?.();
      const reason = await now.life.ended;
      if (reason === renewal) continue;
      if (!stop.aborted && session.isOpen) fail(reason);
    } catch (thrown) {
      if (!stop.aborted) fail(thrown);
    }
    failures = performance.now() - openedAt > 2 * settings.maxReconnectDelayMs ? 1 : failures + 1;
    await new Pause().wait(backoffMs(failures, settings.maxReconnectDelayMs), stop);
  }
}

async function openReady<C extends Amqp.Channel>(
  ground: ChannelGround,
  session: Session,
  plan: ChannelPlan<C>,
  stop: AbortSignal,
): Promise<ChannelLife<C>> {
  const { link, settings, where } = ground;
  const life = await openLife(ground, session, plan.create);
  endWith(stop, life);
  const ended = life.ended.then((reason) => Promise.reject(reason));
  try {
    stop.throwIfAborted();
    if (await settledWithin(Promise.race([plan.setup(life), ended]), settings.setupTimeoutMs)) return life;
    const text = `setting up a channel to ${where} took longer than ${settings.setupTimeoutMs} ms`;
    throw link.refusal() ?? new MillraceError('CONNECTION_TIMEOUT', text);
  } catch (error) {
    life.end(error as Error);
    throw error;
  } finally {
    ended.then(undefined, () => undefined); // the channel outlives its setup
  }
}

/** From its first moment: a channel that is being set up may consume already. */
function endWith(stop: AbortSignal, life: ChannelLife): void {
  const end = (): void => life.end(stop.reason as Error);
  stop.addEventListener('abort', end, { once: true });
  void life.ended.then(() => stop.removeEventListener('abort', end));
}

/** The outcome of the first attempt; while the connection is down there is none, for a limited time. */
function firstOutcome<C extends Amqp.Channel>({ link, settings, where }: ChannelGround, now: Supervision<C>): Promise<void> {
  return new Promise((resolve, reject) => {
    // Opening and setting up have a limit each.
    const limitMs = 2 * settings.setupTimeoutMs;
    const text = `no channel to ${where} within ${limitMs} ms`;
    const timer = setTimeout(() => settle(link.refusal() ?? new MillraceError('CONNECTION_TIMEOUT', text)), limitMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      now.onAttempt = undefined;
      if (error === undefined) resolve();
      else reject(error);
    };
    now.onAttempt = settle;
  });
}
