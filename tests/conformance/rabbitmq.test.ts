import { startTestRabbit } from '../support/servers.ts';
import { rabbitDriver } from './brokers.ts';
import { transportConformance } from './transport.ts';

transportConformance(async () => {
  const rabbit = await startTestRabbit();
  return { driver: rabbitDriver(rabbit, 40_000), stop: () => rabbit.stop() };
});
