interface FaultText {
  /** What to do, in one sentence. SERVICE stands for the name of the service. */
  readonly wayOut: string;
  /** Page of `docs/runbooks` that goes on from there. */
  readonly runbook?: string;
}

/**
 * What health checks and `millrace doctor` find wrong with a service, where no error says it: the way out of each, for people. `docs/doctor.md` is generated from it.
 *
 * Apart from the checks, which take only the names: services do not load the texts.
 */
export const faultGuide = {
  ENDPOINT_UNRESOLVED: {
    wayOut:
      'Correct the host in the binding, or look from where the name is known: names inside a VPC or a Docker network are not known outside.',
  },
  ENDPOINT_REFUSED: {
    wayOut:
      'Start the server (`make up` on this machine; elsewhere see why its container, task or machine is not running), or correct the port in the binding.',
  },
  ENDPOINT_UNREACHABLE: {
    wayOut: 'Open the way to it (security group, firewall, VPN, route), look from inside its network, or correct the host in the binding.',
  },
  ENDPOINT_SILENT: {
    wayOut:
      'See whether the server is paused, overloaded or out of memory, and restart it if it does not come back; a proxy without a server behind it looks the same.',
  },
  ENDPOINT_OTHER_KIND: {
    wayOut: 'Correct host and port of the service in the binding: they lead to another server.',
  },
  ENDPOINT_WANTS_TLS: {
    wayOut: 'Add `tls` to the service in the binding, with `caRef` where its authority is not a public one.',
  },
  ENDPOINT_WITHOUT_TLS: {
    wayOut: 'Switch TLS on at the server, or correct the port: the binding asks for TLS there.',
  },
  CLOCK_SKEWED: {
    wayOut:
      'Let both machines follow a time server (`chronyc tracking` or `timedatectl` tells whether they do): ages, expiry and signatures are judged by these clocks.',
  },
  TOPOLOGY_DIFFERS: {
    wayOut:
      'Run `millrace apply --check --only SERVICE` to see each difference, then `millrace apply --only SERVICE` to make it as declared.',
  },
  TOPOLOGY_PROBLEM: {
    wayOut: 'Mend what the sentence names, which `millrace apply` cannot, then run `millrace apply --only SERVICE`.',
  },
  REDIS_LOADING: {
    wayOut: 'Wait until it has read its data from disk, then look again.',
    runbook: 'redis-down',
  },
  REDIS_MEMORY_HIGH: {
    wayOut: 'Shorten retention of its streams, let stuck consumers catch up, or give it more memory before it refuses writes.',
    runbook: 'redis-memory',
  },
  REDIS_PERSISTENCE_FAILED: {
    wayOut: 'Read in the log of the server why it cannot write (most often a full disk), and make room.',
    runbook: 'redis-persistence',
  },
  REDIS_REPLICA_DETACHED: {
    wayOut: 'See whether its master runs and is reachable from the replica, and whether both have the same password.',
    runbook: 'redis-replica-missing',
  },
  REDIS_REPLICA_LATE: {
    wayOut: 'Look at the load of master and replica and at the network between them; a full synchronisation passes by itself.',
    runbook: 'redis-replication-lag',
  },
  REDIS_REPLICA_MISSING: {
    wayOut: 'Start the replica again, or read in its log why it does not follow its master.',
    runbook: 'redis-replica-missing',
  },
  REDIS_CONNECTIONS_REJECTED: {
    wayOut: 'Find who holds the connections (`CLIENT LIST`), or raise `maxclients`.',
    runbook: 'redis-connections',
  },
  REDIS_CLUSTER_DOWN: {
    wayOut:
      'Bring back the masters of the slots that nobody serves, or let their replicas take over (`CLUSTER FAILOVER TAKEOVER` on a replica).',
    runbook: 'redis-down',
  },
  REDIS_NODE_SILENT: {
    wayOut: 'See whether this node runs and is reachable from here.',
    runbook: 'redis-down',
  },
  SENTINEL_MISSING: {
    wayOut: 'Start this sentinel again: with a majority gone, nobody is left to elect a new master.',
    runbook: 'redis-down',
  },
  SENTINEL_NO_QUORUM: {
    wayOut: 'Start the sentinels that are missing before anything happens to the master: without a majority there is no fail-over.',
    runbook: 'redis-down',
  },
  SENTINEL_DISAGREE: {
    wayOut:
      'Wait for a fail-over under way to end; if it lasts, run `SENTINEL RESET` for the set on the sentinel that names the old master.',
    runbook: 'redis-down',
  },
  SENTINEL_SET_UNKNOWN: {
    wayOut: 'Correct `masterName` of SERVICE in the binding: the sentinels watch no set of that name.',
  },
  POSTGRES_POOL_BUSY: {
    wayOut: 'Look for long transactions, or give the pool of the process more connections.',
    runbook: 'postgres-connections',
  },
  KAFKA_CLUSTER_OTHER: {
    wayOut: 'Correct the bootstrap endpoints: they lead to another cluster, whose topics and offsets are not the same.',
  },
  KAFKA_BROKER_MISSING: {
    wayOut: 'Start the broker again, or read in its log why it has left the cluster.',
    runbook: 'kafka-broker-offline',
  },
  KAFKA_NO_CONTROLLER: {
    wayOut: 'Bring a majority of the controllers back: without one no leader is elected and no topic changed.',
    runbook: 'kafka-controller',
  },
  KAFKA_NO_LEADER: {
    wayOut: 'Start the brokers that hold these partitions: nothing can be written to or read from them.',
    runbook: 'kafka-offline-partitions',
  },
  KAFKA_UNDER_MIN_ISR: {
    wayOut: 'Start the brokers that are missing: writes to these partitions fail until enough replicas are in sync.',
    runbook: 'kafka-under-min-isr',
  },
  KAFKA_UNDER_REPLICATED: {
    wayOut: 'Start the broker that is missing, or wait until it has caught up.',
    runbook: 'kafka-under-replicated',
  },
  KAFKA_GROUP_BEHIND: {
    wayOut: 'See whether consumers of the group run and what their handlers wait for.',
    runbook: 'kafka-group-lag',
  },
  KAFKA_TOPIC_FAILS: {
    wayOut: "Look the number up among the error codes of Kafka's protocol, and for the topic in the logs of the brokers.",
  },
  KAFKA_GROUP_UNREADABLE: {
    wayOut: 'See whether the broker that looks after the group runs, and whether the user may describe groups.',
    runbook: 'kafka-group-idle',
  },
  RABBITMQ_ALARM: {
    wayOut: 'Let consumers empty the queues, or give the node memory or disk space: until then it takes no messages.',
    runbook: 'rabbitmq-alarm',
  },
  RABBITMQ_NODE_DOWN: {
    wayOut: 'Start the node again, or read in its log why it has left the cluster.',
    runbook: 'rabbitmq-node-down',
  },
  RABBITMQ_QUEUE_LONG: {
    wayOut: 'See whether the queue is consumed, and how fast.',
    runbook: 'rabbitmq-queue-depth',
  },
  RABBITMQ_CONSUMERS_MISSING: {
    wayOut: 'Start the consumers of the queue.',
    runbook: 'rabbitmq-queue-unconsumed',
  },
  OPENSEARCH_NO_MANAGER: {
    wayOut: 'Bring a majority of the nodes that may be cluster manager back.',
    runbook: 'opensearch-master-unreachable',
  },
  OPENSEARCH_RED: {
    wayOut:
      'Bring back the nodes that hold the missing primaries, or restore their indices from a snapshot; `GET _cluster/allocation/explain` says why a shard has no place.',
    runbook: 'opensearch-red',
  },
  OPENSEARCH_YELLOW: {
    wayOut: 'Bring back the node that is missing, or declare fewer replicas than there are nodes.',
    runbook: 'opensearch-yellow',
  },
  OPENSEARCH_READ_ONLY: {
    wayOut:
      'Find out who blocked it or which disk is full, make room, then set `cluster.blocks.read_only` (or `read_only_allow_delete`) to null.',
    runbook: 'opensearch-writes-blocked',
  },
  OPENSEARCH_INDICES_BLOCKED: {
    wayOut: 'Make room on the disk of the data nodes: delete old indices or enlarge it, and the block goes by itself.',
    runbook: 'opensearch-writes-blocked',
  },
  OPENSEARCH_DISK_FULL: {
    wayOut: 'Delete or move old indices, or enlarge the disk, before OpenSearch stops taking writes.',
    runbook: 'opensearch-disk',
  },
  OPENSEARCH_REJECTS: {
    wayOut: 'Write in larger and fewer requests, or give the cluster more nodes.',
    runbook: 'opensearch-write-rejected',
  },
  RELAY_ENDED: {
    wayOut: 'Read the cause, mend it, and start the process of the relay again.',
    runbook: 'outbox-oldest-age',
  },
  RELAY_LATE: {
    wayOut: 'Read the cause: most often the broker is away or refuses events.',
    runbook: 'outbox-oldest-age',
  },
  RELAY_KEYS_HELD: {
    wayOut: 'Look at what holds them back with `millrace dlq list`, mend it, and let it go on.',
    runbook: 'outbox-parked-keys',
  },
  PARTITIONS_SHORT: {
    wayOut: 'End the transaction that locks `millrace.outbox`, or call `makePartitions`.',
    runbook: 'outbox-partition-headroom',
  },
  SERVICE_UNSEEN: {
    wayOut: 'Run `millrace doctor`, which tells what is wrong with the service.',
    runbook: 'probe-service-unreachable',
  },
  JANITOR_FAILED: {
    wayOut: 'Read the cause and mend it: what is too old stays until then.',
    runbook: 'outbox-retention-held',
  },
  RETENTION_HELD: {
    wayOut: 'See which sink is behind: nothing is dropped that it has not published.',
    runbook: 'outbox-retention-held',
  },
  PROMETHEUS_TARGET_DOWN: {
    wayOut: 'See whether what it scrapes there runs; the rest of this report tells of the service itself.',
    runbook: 'prometheus-target-down',
  },
} as const satisfies Record<string, FaultText>;

export type FaultCode = keyof typeof faultGuide;
