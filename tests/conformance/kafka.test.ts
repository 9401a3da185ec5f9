import { startTestKafka } from '../support/servers.ts';
import { kafkaDriver } from './brokers.ts';
import { transportConformance } from './transport.ts';

transportConformance(async () => {
  const kafka = await startTestKafka();
  return { driver: kafkaDriver(kafka, 25_000), stop: () => kafka.stop() };
});
