import type { ServiceHandle } from '../../runtime/src/binding/index.ts';
import type { TransportKind } from '../../runtime/src/contracts/topology.ts';
import { openTransport } from '../../runtime/src/transports/open.ts';
import type { TestKafka, TestRabbit } from '../support/servers.ts';
import type { TestedDriver } from './driver.ts';
import { provisionOn } from './provision.ts';

export function kafkaDriver(kafka: TestKafka, patienceMs: number): TestedDriver {
  return driverOf('kafka', kafka.handle(), patienceMs, () => kafka.nodes[0]!.restart());
}

export function rabbitDriver(rabbit: TestRabbit, patienceMs: number): TestedDriver {
  return driverOf('rabbitmq', rabbit.handle(), patienceMs, () => rabbit.nodes[0]!.restart());
}

function driverOf(kind: TransportKind, service: ServiceHandle, patienceMs: number, restart: () => Promise<void>): TestedDriver {
  return {
    ...{ kind, service: service.name, patienceMs, restart },
    provision: (topology) => provisionOn(service, topology),
    open: (topology, change) => openTransport({ service, topology, ...change }),
  };
}
