import type { MessageBroker } from '../consuming/consumer.ts';
import { letGo } from '../consuming/source.ts';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import type { Topic } from '../contracts/topology.ts';
import type { GivenUpEvent } from './claims.ts';
import { isCareful, leaveFollowers, type ReplaySource } from './source.ts';

/** What the messages of a replay need of the one that carries it out. */
interface Hands {
  /** Writes how far the replay has come, with its suspect. */
  save(): Promise<void>;
  fail(failure: GivenUpEvent): Promise<void>;
  poke(): void;
}

/** What a replay does with its events: the position is their acknowledgement. */
export function replayMessages({ name, claim: { epoch } }: ReplaySource, topic: Topic, hands: Hands): MessageBroker<ReplaySource> {
  const lease = { scope: name, fence: epoch };
  return {
    isSure: (source) => performance.now() < source.sureUntilMs,
    begin(source, { id, attempt }) {
      if (!isCareful(source, Number(id))) return undefined;
      source.suspect = { id: Number(id), attempts: attempt };
      return hands.save();
    },
    acknowledge(source, { id }) {
      source.known.delete(id);
      source.window.settle(Number(id), 'handled');
      if (source.suspect?.id === Number(id)) source.suspect = undefined;
    },
    async giveUp({ source, key }, { id, event, failures }) {
      await hands.fail({ id: Number(id), event, errors: failures });
      if (topic.onExhausted !== 'block' || event.partitionkey === undefined) return 'given up';
      source.blocked.add(key);
      return 'blocked';
    },
    // An event that runs alone is begun with a save, which tells of all that was handled before.
    isOwing: () => false,
    isSuperseded: (error) => isMillraceError(error, 'CONSUMER_LEASE_LOST'),
    lose(source) {
      letGo(source, new MillraceError('CONSUMER_LEASE_LOST', `replay ${source.claim.run} was cancelled or taken over`));
      hands.poke();
    },
    lease: () => lease,
    onWait: leaveFollowers,
    leave: (source, { event }) => void source.behind.push(event),
    onEmpty({ source, key }) {
      if (source.left.has(key)) source.due.add(key);
    },
  };
}
