import { connectKafka } from '../../connections/kafka/index.ts';
import { kafkaCheck } from '../../health/kafka-check.ts';
import { brokersOffline } from '../../probe/kafka/cluster.ts';
import { counted, listed } from '../../wording.ts';
import { clientName, type Examination, type Ground, note, noteCheck, noteFailure, noteLatency } from '../examination.ts';
import { blockedAt } from '../reach.ts';
import { metadataRelease } from './kafka-release.ts';

export const kafkaExamination: Examination = { purposes: ['bootstrap'], tellsOfEach: true, examine };

async function examine(ground: Ground): Promise<void> {
  const { handle, limits, notes } = ground;
  const { connectMs: connectTimeoutMs, answerMs: requestTimeoutMs } = limits;
  await using kafka = await connectKafka(handle, { name: clientName, connectTimeoutMs, requestTimeoutMs, closeTimeoutMs: 500 });
  await noteLatency(notes, () => kafka.metadata());
  const metadata = await kafka.metadata('all');
  const { brokers, controllerId, topics } = metadata;
  notes.state = `${counted(brokers.length, 'broker')}, controller ${controllerId ?? 'missing'}`;
  const offline = brokersOffline(metadata);
  if (offline.length > 0) {
    const which =
      offline.length === 1
        ? `broker ${offline[0]} holds partitions and is`
        : `brokers ${listed(offline.map(String))} hold partitions and are`;
    note(notes, 'degraded', 'KAFKA_BROKER_MISSING', `${which} not in the cluster`);
  }
  // Clients go to these addresses, whichever they began with; and a broker cut off from the others has not heard that they are gone.
  const { obstacles } = await blockedAt(
    brokers.map(({ host, port }) => ({ purpose: 'node', host, port })),
    limits.answerMs,
  );
  for (const { code, sentence } of obstacles) note(notes, 'degraded', code, `${sentence}; the cluster leads clients there`);
  await noteCheck(ground, kafkaCheck(kafka, { topics: topics.filter(({ errorCode }) => errorCode === 0).map(({ name }) => name) }));
  await noteFailure(
    ground,
    metadataRelease(kafka).then((release) => {
      if (release !== undefined) notes.version = release;
    }),
  );
}
