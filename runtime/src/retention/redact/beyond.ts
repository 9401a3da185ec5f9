import type { Topology } from '../../contracts/topology.ts';
import { deadLetterHours } from '../../contracts/topology.ts';
import type { Remains } from './outcome.ts';
import type { Sought } from './sought.ts';

/** Where events cannot be changed: what may remain there, and until when. */
export function beyondReach(topology: Topology, { topics }: Sought, now: Date): Remains[] {
  return Object.entries(topology.topics).flatMap(([name, topic]) => {
    if (topics?.length && !topics.includes(name)) return [];
    return topic.transports.flatMap(({ kind, service }): Remains[] => {
      if (kind === 'rabbitmq')
        return [
          {
            where: `${service} ${name}`,
            sentence: 'messages in queues stay until they are consumed, in dead-letter queues until they are purged',
          },
        ];
      if (kind !== 'kafka') return [];
      const [until, dead] = [topic.retentionHours, deadLetterHours(topic)].map((hours) =>
        new Date(now.getTime() + hours * 3_600_000).toISOString(),
      );
      return [
        {
          where: `${service} ${name}`,
          sentence: `Kafka cannot change records: they go with the retention of the topic, by ${until} (dead letters by ${dead})`,
        },
      ];
    });
  });
}
