import type { SignalName } from './signals.ts';
import type { Topic } from './topology.ts';

const onlyOf: Partial<Record<SignalName, (topic: Topic) => boolean>> = {
  'redis.stream.window_ratio': ({ volume }) => volume !== undefined,
  'redis.stream.blocked_keys': ({ onExhausted }) => onExhausted === 'block',
  'redis.stream.dead_letters': ({ deadLetter }) => deadLetter,
  'redis.stream.dead_letters_added': ({ deadLetter }) => deadLetter,
  'kafka.topic.dead_letters': ({ deadLetter }) => deadLetter,
  'kafka.topic.dead_letters_added': ({ deadLetter }) => deadLetter,
};

/** Whether a topic can ever have a value of a signal: one that never has any is paid for nothing, and its alarm cannot ring. */
export function canHave(topic: Topic, name: SignalName): boolean {
  return onlyOf[name]?.(topic) ?? true;
}
