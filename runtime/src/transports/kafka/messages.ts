import type { MessageBroker } from '../../consuming/consumer.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import type { Blocked } from './blocked.ts';
import type { Committer } from './committer.ts';
import type { Consumer } from './consumer.ts';
import { createGiveUp } from './give-up.ts';
import { goBack, type HeldPartition, offsetOf, shedFollowers } from './held-partition.ts';
import type { Member } from './member.ts';

interface MessageParts {
  readonly consumer: Consumer;
  readonly member: Pick<Member, 'sureUntil'>;
  readonly committer: Committer;
  readonly blocked: Blocked;
  /** Reading has gone back. */
  onBack(): void;
}

/** What Kafka does with the messages of held partitions. */
export function partitionMessages({ consumer, member, committer, blocked, onBack }: MessageParts): MessageBroker<HeldPartition> {
  const finish = (held: HeldPartition, id: string): void => {
    const offset = offsetOf(id);
    held.offsets.finish(offset);
    held.attempts.delete(offset);
    held.unreadable.delete(id);
    held.dirty = true;
  };
  const giveUp = createGiveUp(consumer, blocked);
  return {
    isSure: () => performance.now() < member.sureUntil(),
    begin(held, { id, attempt }) {
      const offset = offsetOf(id);
      if (offset < held.suspectsBelow) {
        held.attempts.set(offset, attempt);
        return committer.announce(held, offset);
      }
      return offset < held.begunBelow ? undefined : committer.announce(held, offset);
    },
    acknowledge(held, { id }) {
      held.known.delete(id);
      finish(held, id);
      const letter = held.blocked.get(offsetOf(id));
      if (letter === undefined) return;
      held.blocked.delete(offsetOf(id));
      blocked.resolve(held, id, letter);
    },
    async giveUp(lane, message) {
      const outcome = await giveUp(lane, message);
      if (outcome === 'given up') finish(lane.source, message.id);
      return outcome;
    },
    isOwing: committer.isOwing,
    isSuperseded: (error) => isMillraceError(error, 'CONSUMER_LEASE_LOST'),
    lose: (held) => consumer.lose(held),
    lease: ({ lease }) => lease,
    onWait: shedFollowers,
    onEmpty({ source: held, key }) {
      const from = held.shed.get(key);
      if (from === undefined) return;
      held.shed.delete(key);
      goBack(held, from);
      onBack();
    },
  };
}
