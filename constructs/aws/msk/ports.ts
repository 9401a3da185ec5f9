import type { ServicePort } from '../foundation/connections.ts';
import type { MskAuthMode } from './props.ts';

/** Where brokers listen within the network; MSK has fixed them. @see https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html */
export const clientPorts: Readonly<Record<MskAuthMode, ServicePort>> = {
  iam: { port: 9098, description: 'Kafka with IAM' },
  scram: { port: 9096, description: 'Kafka with SCRAM' },
};

/** Where brokers offer metrics to Prometheus. @see https://docs.aws.amazon.com/msk/latest/developerguide/open-monitoring.html */
export const monitoringPorts: readonly ServicePort[] = [
  { port: 11001, description: 'metrics of Kafka' },
  { port: 11002, description: 'metrics of the brokers machines' },
];
