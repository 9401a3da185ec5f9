import type * as Kafkajs from 'kafkajs';
import { MillraceError } from '../../contracts/errors.ts';
import { Pause } from '../../pause.ts';
import { backoffMs } from '../backoff.ts';
import { once, settledWithin } from '../once.ts';
import type { ClientSource } from './client.ts';
import type { ResolvedConsumerOptions } from './consumer-options.ts';
import { kafkaError } from './errors.ts';
import { type GroupMember, joinGroup } from './group-member.ts';
import { type KafkaConsumerStatus, type LifeSigns, lifeSigns } from './life-signs.ts';

/** A member of a consumer group that is built anew, with backoff and for ever, when it crashes or gets stuck. */
export interface KafkaConsumer extends AsyncDisposable {
  readonly groupId: string;
  /** kafkajs's consumer of this moment, to seek and pause; another one after a rebuild. */
  readonly client: Kafkajs.Consumer;
  status(): KafkaConsumerStatus;
  /** Time since it last fetched, beat, finished a batch or was built anew: what a `Beacon` needs. */
  silentForMs(): number;
  /** Waits for batches in hand, within the connection's `closeTimeoutMs`, and leaves the group. */
  close(): Promise<void>;
}

/** Lasting errors are tried again this much more slowly than passing ones. */
const lastingFactor = 10;

export async function openConsumer(source: ClientSource, options: ResolvedConsumerOptions, onClosed: () => void): Promise<KafkaConsumer> {
  const { where, settings } = source;
  const life = lifeSigns();
  const first = await joinGroup(source, options, life).catch((error: unknown) => {
    throw kafkaError(error, where);
  });
  const supervisor = supervise(source, options, life, first);
  let closed = false;
  const close = once(async () => {
    closed = true;
    supervisor.stop();
    await supervisor.member().leave(settings.closeTimeoutMs);
    await settledWithin(supervisor.ended, settings.closeTimeoutMs);
    life.close();
    onClosed();
  });
  return {
    groupId: options.groupId,
    get client() {
      if (closed) throw new MillraceError('CONNECTION_CLOSED', `consumer of group ${options.groupId} at ${where} is closed`);
      return supervisor.member().consumer;
    },
    status: life.status,
    silentForMs: life.silentForMs,
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Supervisor {
  /** The one that is in the group now, or was last. */
  member(): GroupMember;
  /** Lets no other follow the present one. */
  stop(): void;
  readonly ended: Promise<void>;
}

/** Waits for the end of a member and replaces it. */
function supervise(source: ClientSource, options: ResolvedConsumerOptions, life: LifeSigns, first: GroupMember): Supervisor {
  const { where, settings, tell } = source;
  const pause = new Pause();
  let member = first;
  let stopped = false;
  const failed = (error: unknown): void => {
    life.failed(kafkaError(error, where));
    tell(error);
  };
  async function successor(): Promise<GroupMember | undefined> {
    for (;;) {
      await pause.wait(backoffMs(life.failures(), settings.maxReconnectDelayMs * (life.isLasting() ? lastingFactor : 1)));
      if (stopped) return undefined;
      life.rebuilding();
      try {
        return await joinGroup(source, options, life, life.memberId());
      } catch (error) {
        failed(error);
      }
    }
  }
  async function watch(): Promise<void> {
    while (!stopped) {
      const reason = await member.ended;
      if (stopped) return;
      failed(reason);
      await member.leave(Math.min(settings.closeTimeoutMs, 1_000));
      const next = await successor();
      if (next === undefined) return;
      member = next;
    }
    // It was joining when all was stopped.
    await member.leave(settings.closeTimeoutMs);
  }
  const stop = (): void => {
    stopped = true;
    pause.poke();
  };
  return { member: () => member, stop, ended: watch() };
}
