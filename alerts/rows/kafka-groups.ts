import { prometheusName } from '../../runtime/src/contracts/signals.ts';
import type { AlertRow } from '../row.ts';
import { shareOfMany } from './shares.ts';

const consumerLag = 'https://docs.aws.amazon.com/msk/latest/developerguide/consumer-lag.html';
const deadLetters = 'kafka.topic.dead_letters_added';
const ofGroup = ['service', 'topic', 'group'] as const;
const share = shareOfMany({ of: deadLetters, among: 'kafka.topic.messages_added', by: ofGroup, amongBy: ['service', 'topic'] });

/** Consumer groups: what they have not read, and what they gave up. While a group shares its partitions out anew MSK tells nothing of it. */
export const kafkaGroupRows: readonly AlertRow[] = [
  {
    id: 'kafka-group-lag',
    subject: 'kafka',
    title: 'A consumer group does not keep up with its topic',
    unit: '{message}',
    comparison: '>',
    levels: { warning: { threshold: 1_000, forSeconds: 300 } },
    missing: 'as-before',
    cloudWatch: [
      { of: 'msk', metric: 'SumOffsetLag', statistic: 'Maximum', periodSeconds: 60 },
      { of: 'msk-serverless', metric: 'SumOffsetLag', statistic: 'Maximum', periodSeconds: 60 },
    ],
    prometheus: { signal: 'kafka.group.lag' },
    why: 'Effects of these messages come late for users of the group; what is not read before the retention of the topic ends is lost to it.',
    source: 'requirement of the event bus: consumer lag > 1,000; five minutes, because a deployment of consumers makes a lag that passes',
  },
  {
    id: 'kafka-group-time-lag',
    subject: 'kafka',
    title: 'A consumer group is minutes behind its topic',
    unit: 's',
    comparison: '>',
    levels: { warning: { threshold: 300, forSeconds: 900 }, critical: { threshold: 3_600, forSeconds: 900 } },
    missing: 'as-before',
    cloudWatch: [
      { of: 'msk', metric: 'EstimatedMaxTimeLag', periodSeconds: 60 },
      { of: 'msk-serverless', metric: 'EstimatedMaxTimeLag', periodSeconds: 60 },
    ],
    why: 'Users of at least one partition wait this long for what follows from what they did; after an hour nobody is catching up by itself.',
    source: consumerLag,
  },
  {
    id: 'kafka-group-idle',
    subject: 'kafka',
    title: 'Nobody reads for a consumer group that has messages waiting',
    unit: '{message}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 300 }, critical: { threshold: 0, forSeconds: 900 } },
    missing: 'fine',
    prometheus: {
      // Of a group of the newer protocol the probe does not know the members: only a 0 says that nobody is there.
      expression:
        `sum by (service, topic, group) (${prometheusName('kafka.group.lag')}{service=~"$services"}) ` +
        `and on (service, group) (${prometheusName('kafka.group.members')}{service=~"$services"} == 0)`,
      by: ofGroup,
    },
    why: 'The service behind the group is down: nothing it does for users happens, although the lag may still be small.',
    source: 'a restart of a consumer takes less than the 60 s after which Kafka gives its partitions away; 15 minutes are no deployment',
  },
  {
    id: 'kafka-dead-letters',
    subject: 'kafka',
    title: 'A consumer group gave messages up within the last day',
    unit: '{event}',
    comparison: '>',
    levels: { warning: { threshold: 0, forSeconds: 0 } },
    missing: 'fine',
    // Nobody can take a message out of a topic: the number of them tells of the last months, their rise tells what is new.
    cloudWatch: [
      {
        ...{ of: 'probe', expression: 'DIFF(dead)', signals: { dead: deadLetters }, periodSeconds: 3_600 },
        levels: { warning: { threshold: 0, forSeconds: 86_400, periods: [1, 24] } },
      },
    ],
    prometheus: {
      expression: `sum by (${ofGroup.join(', ')}) (delta(${prometheusName(deadLetters)}{service=~"$services"}[1d]))`,
      by: ofGroup,
    },
    why: 'What these messages should have brought about has not happened for their users, and does not before a person publishes them again.',
    source: 'requirement of every service: dead letters > 0',
  },
  {
    id: 'kafka-dead-letter-ratio',
    subject: 'kafka',
    title: 'A consumer group gives up more than one message in a thousand',
    unit: '1',
    comparison: '>',
    levels: { critical: { threshold: 0.001, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', periodSeconds: 3_600, ...share.cloudWatch }],
    prometheus: share.prometheus,
    why: 'This is no single bad message: a release of the consumer or of a producer fails for whole groups of users, more every minute.',
    source: 'requirement of every service: dead letters > 0.1 % of messages; of an hour, and of at least 5,000 messages',
  },
];
