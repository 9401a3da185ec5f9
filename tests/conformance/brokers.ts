import type { ServiceHandle } from '../../runtime/src/binding/index.ts';
import { connectKafka } from '../../runtime/src/connections/kafka/index.ts';
import type { TransportKind } from '../../runtime/src/contracts/topology.ts';
import { openTransport } from '../../runtime/src/transports/open.ts';
import { takesMessages } from '../runtime/support/kafka.ts';
import type { TestKafka, TestRabbit } from '../support/servers.ts';
import type { TestedDriver } from './driver.ts';
import { provisionOn } from './provision.ts';

export function kafkaDriver(kafka: TestKafka, patienceMs: number): TestedDriver {
  const service = kafka.handle();
  const driver = driverOf('kafka', service, patienceMs, () => kafka.nodes[0]!.restart());
  return {
    ...driver,
    async provision(topology) {
      await driver.provision(topology);
      await using connection = await connectKafka(service);
      for (const topic of Object.keys(topology.topics)) await takesMessages(connection, topic);
    },
  };
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
