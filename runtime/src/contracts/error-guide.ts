/**
 * Every way in which Millrace refuses or fails: what it means and the way out, for people. `docs/errors.md` is generated from it.
 *
 * Apart from the error class, which takes only the names: services do not load the texts.
 */
export const errorGuide = {
  ENVIRONMENT_INVALID: {
    meaning: 'The declaration of an environment has problems; the message lists all of them with path, value got and the change to make.',
    wayOut: 'Mend every listed path in `environments/`, then run the command again.',
  },
  BINDING_INVALID: {
    meaning: 'The binding document is missing, is not JSON, or does not fit `millrace.binding/1`.',
    wayOut:
      '`make up` writes the binding; on AWS it is the parameter `/millrace/ENV/binding` and the output `binding` of the stack `ENV-topology`. ' +
      'Point `MILLRACE_BINDING` at the file, or at the parameter: `ssm:/millrace/ENV/binding`.',
  },
  BINDING_NAME_UNKNOWN: {
    meaning: 'The binding holds no service of that name, or none of the kind asked for under that name.',
    wayOut: 'Use one of the names that the message lists, or declare the service in the environment.',
  },
  BINDING_HOLDS_SECRET: {
    meaning: 'A binding carries a secret as a value; bindings travel through outputs, parameters and files that many can read.',
    wayOut:
      'Replace the value by a reference (`secretRef`) to an environment variable, a file or AWS Secrets Manager, and rotate the secret.',
  },
  SECRET_UNAVAILABLE: {
    meaning: 'A secret reference could not be resolved: the variable is unset, the file unreadable, or the store did not answer.',
    wayOut: 'Set the variable or file that the message names, or grant the process access to it.',
  },
  CONNECTION_FAILED: {
    meaning: 'A server could not be reached within the time allowed.',
    wayOut: 'Check that the server runs (`make status ENV=local`) and that its host and port in the binding are reachable from here.',
  },
  CONNECTION_REFUSED_CREDENTIALS: {
    meaning: 'A server answered and refused the user or password.',
    wayOut:
      'Check what the secret reference in the binding points at; after a rotation, restart the process or let it read the secret again.',
  },
  CONNECTION_TLS_FAILED: {
    meaning:
      'The TLS handshake failed: a certificate has expired, is for another host, or is signed by an authority that the binding does not name.',
    wayOut: 'Renew the certificate that the message tells of, or correct `tls` of the service in the binding.',
  },
  ACCESS_DENIED: {
    meaning: 'A server knows the user and does not let it do this.',
    wayOut: 'Grant the user what the message names, or use the user that is meant for it.',
  },
  AWS_CREDENTIALS_UNAVAILABLE: {
    meaning: 'No AWS credentials were found, or AWS did not give any in time.',
    wayOut: 'Run with a task role or instance profile, or set the variables of the AWS SDK (`AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, ...).',
  },
  CONNECTION_TIMEOUT: {
    meaning: 'A command got no answer within its deadline.',
    wayOut: 'Retry; if it lasts, look at the load of the server and at the network between.',
  },
  CONNECTION_CLOSED: {
    meaning: 'A handle was used after its `close()`.',
    wayOut: 'Close connections last, after everything that uses them has drained.',
  },
  BROKER_BLOCKED: {
    meaning: 'RabbitMQ blocks publishers until it has memory or disk space again.',
    wayOut: 'Try again later; if it lasts, look for queues that nobody consumes, and at the memory and disk of the broker.',
  },
  MESSAGE_UNROUTABLE: {
    meaning: 'RabbitMQ returned a message: no queue is bound for its routing key.',
    wayOut:
      'Run `millrace apply`, or correct exchange and routing key. The relay waits with such an event until a queue is bound, and with it wait the other topics of the broker.',
  },
  REDIS_NOT_MASTER: {
    meaning: 'A write reached a Redis replica, as happens for a moment during a fail-over.',
    wayOut: 'Retry; the connection asks the sentinels for the new master. If it lasts, no master is elected: check the sentinels.',
  },
  REDIS_EVICTS: {
    meaning: 'The Redis server may evict keys (`maxmemory-policy` is not `noeviction`), so whole streams with their groups could vanish.',
    wayOut: 'Bind streams to a server with `maxmemory-policy noeviction`; keep caches on another one.',
  },
  POSTGRES_NOT_PRIMARY: {
    meaning: 'The PostgreSQL server is a standby in recovery and cannot take writes.',
    wayOut: 'Point the binding at the primary; during a fail-over wait for the promotion.',
  },
  MIGRATION_PENDING: {
    meaning: 'The schema `millrace` in the database is older than this package.',
    wayOut: 'Run `millrace migrate` with a role that owns the schema, then start again.',
  },
  MIGRATION_CHANGED: {
    meaning: 'A migration that was applied differs from the one in this package.',
    wayOut: 'Install the version of the package that the database was migrated with, or a newer one.',
  },
  OUTBOX_NO_TRANSACTION: {
    meaning: '`enqueue` (or `take`) was called on a connection that is not inside a transaction, so event and business change could part.',
    wayOut:
      'Call `begin` on the same client first. Of another library pass what it hands over for a transaction, as `drizzleTransaction(tx)`, and not its `db`.',
  },
  EVENT_INVALID: {
    meaning: 'An event lacks a required attribute, an attribute is malformed, or its data contradicts its content type.',
    wayOut: 'Correct the attribute that the message names.',
  },
  EVENT_TOO_LARGE: {
    meaning: 'The data of an event is larger than its topic allows (`maxBytes`).',
    wayOut: 'Store the payload elsewhere (S3) and send its address, or raise `maxBytes` of the topic in the topology.',
  },
  TOPIC_UNKNOWN: {
    meaning: 'The topology does not declare the topic or routes it to no transport of this environment, or the broker has no such topic.',
    wayOut:
      'Declare the topic in `environments/topology.ts`; a relay retries, so that a rolling deployment loses nothing. Where it is declared, `millrace apply` makes it on the broker.',
  },
  TENANT_REQUIRED: {
    meaning: 'The topic isolates tenants and the event carries no `tenantid`.',
    wayOut: 'Pass `tenantId` to `enqueue`, or declare the topic tenantless.',
  },
  RELAY_FENCED: {
    meaning: 'A newer relay has taken over the sink; this one must publish nothing more under its epoch.',
    wayOut: 'Nothing to do: the relay drops its memory and stands by.',
  },
  BROKER_LOST_EVENTS: {
    meaning: 'The broker has forgotten events it had acknowledged, as an asynchronous fail-over can.',
    wayOut: 'Nothing to do: the relay rewinds and publishes them again from the log; inboxes remove the duplicates.',
  },
  OUTBOX_SEQUENCE_BEHIND: {
    meaning:
      'The sequence of the outbox is behind what the relay has published (a restore or a logical copy), so new events would be taken for old ones.',
    wayOut: 'Stop the writers, run the `setval` statement that the message gives, start them again.',
  },
  OUTBOX_NOT_HERE: {
    meaning: 'The database is a logical subscriber of the outbox table: ids and transactions there do not follow the writers.',
    wayOut: 'Run the relay against the database in which services call `enqueue`.',
  },
  PUBLISH_REJECTED: {
    meaning: 'The broker refused an event for a reason that will not pass by itself.',
    wayOut:
      'Read the cause and mend the topic; then try the parked key again: see [Looking at what is held back](architecture.md#looking-at-what-is-held-back).',
  },
  PUBLISH_FAILED: {
    meaning: 'The broker did not acknowledge messages.',
    wayOut:
      'Nothing to do where the relay publishes: it tries again with backoff, and alerts tell when it lasts. Code of your own sends again what was rejected.',
  },
  CONSUMER_CANCELLED: {
    meaning: 'RabbitMQ ended a consumer: its queue was deleted, or the node that held it left.',
    wayOut: 'Nothing to do: it is set up again with backoff. If it lasts, look for who deleted the queue, and apply the topology.',
  },
  CONSUMER_LEASE_LOST: {
    meaning: 'Another consumer of the group has taken over the shard, so this delivery must not take effect here.',
    wayOut: 'Nothing to do: the new holder handles the event. Keep handlers shorter than the lease.',
  },
  DEPENDENCY_UNAVAILABLE: {
    meaning:
      'What a handler needs is away. `once` throws it when the database of the inbox cannot be reached, before an effect has begun; handlers throw it of anything else they cannot do without.',
    wayOut:
      'Bring it back. Until then the delivery is tried again, every 5 s at the longest; that counts as no attempt, so an outage turns nothing into dead letters.',
  },
  EVENT_REJECTED: {
    meaning: 'A handler says of an event that no further attempt can help: thrown by handlers, never by Millrace.',
    wayOut:
      'The event is set aside at once, without further attempts. Look at it with `millrace dlq show`, mend it or the handler, and redrive it.',
  },
  DELAY_UNSUPPORTED: {
    meaning: 'Events were to be published with a delay through a broker that has none.',
    wayOut: 'Publish without `delayMs`, or through RabbitMQ; `capabilities.delay` of a transport says whether it can.',
  },
  TRANSPORT_UNKNOWN: {
    meaning: 'Events were to travel over a service that carries none, such as a database.',
    wayOut: 'Name a Redis, Kafka or RabbitMQ service of the binding.',
  },
  HISTORY_UNSUPPORTED: {
    meaning: 'The past of a topic was asked of a broker that keeps none.',
    wayOut: 'Ask a broker that does (Redis Streams, Kafka), or replay from the outbox log with `millrace replay`.',
  },
  HANDLER_FAILED: {
    meaning: 'A handler threw; the event is delivered again with backoff and dead-lettered after the last attempt.',
    wayOut:
      'Read the cause and mend the handler. Dead letters and held-back keys: see [Looking at what is held back](architecture.md#looking-at-what-is-held-back).',
  },
  QUEUE_UNKNOWN: {
    meaning: 'The topology declares no queue or exchange of that name on the service, or the broker does not have it.',
    wayOut:
      'Use a name that the message lists, or declare it in `environments/topology.ts`; where it is declared, `millrace apply` makes it on the broker.',
  },
  TASK_INVALID: {
    meaning:
      'A task or call asks for what its queue or exchange does not have, such as a priority, or has an option that is no proper value.',
    wayOut: 'Correct the option that the message names, or change the queue in `environments/topology.ts`.',
  },
  CALL_FAILED: {
    meaning: 'The handler that served a call threw; the cause has its code and message.',
    wayOut: 'Look at the cause (`remoteFailure(error)`) and decide by its code.',
  },
  CALL_DEADLINE: {
    meaning: 'A call got no answer in time. Whether it was carried out is not known.',
    wayOut:
      'Call again under the same `id` where carrying it out twice does no harm; if it lasts, look at the queue: is it served, and does it grow?',
  },
  SERVER_NOT_FOUND: {
    meaning:
      'The program of a server is neither named by its environment variable, nor on PATH, nor installable here, and no Docker engine of this machine has its image.',
    wayOut:
      'Install the package that the message names, set the variable to the program, or have Docker run it: `make images` builds the images.',
  },
  SERVER_START_FAILED: {
    meaning: 'A server ended, or did not become ready in time, while it was started.',
    wayOut: 'Read the last lines of its log, which the message quotes with the path of the whole log.',
  },
  PORT_IN_USE: {
    meaning: 'A port that the environment wants is taken by another process.',
    wayOut: 'Stop that process, or choose another `ports.base` in the environment.',
  },
  STATE_LOCKED: {
    meaning: 'Another `up` or `down` of the same environment is running.',
    wayOut: 'Wait for it, or stop the process that the message names.',
  },
  STATE_CORRUPT: {
    meaning: 'The state file of a local environment cannot be read.',
    wayOut: 'Stop the servers that still run, remove the folder that the message names, and run `make up` again.',
  },
  ENVIRONMENT_UNKNOWN: {
    meaning: 'No environment of that name is declared.',
    wayOut: 'Use one of the names that the message lists, or add a file to `environments/` and its line to `environments/index.ts`.',
  },
  CLIENT_NOT_INSTALLED: {
    meaning:
      'A client library that a connection needs is an optional peer dependency and is not installed; or messages on Kafka are compressed with snappy, lz4 or ' +
      'zstd, for which kafkajs has no codec of its own.',
    wayOut:
      'Install the package that the message names beside `millrace`. Of compressed messages: give kafkajs a codec (`CompressionCodecs`) before subscribing, or set ' +
      '`compression.type` of the topic to `producer` or `gzip`; until then the partition stands still and loses nothing.',
  },
  SUBSCRIPTION_INVALID: {
    meaning: 'A subscription asks for what its topic does not offer, such as one tenant of a topic that does not isolate tenants.',
    wayOut: 'Correct the option that the message names, or change the topic in `environments/topology.ts`.',
  },
  STATE_FOREIGN: {
    meaning: 'The folder that was named holds the state of another environment.',
    wayOut: 'Correct `ENV`, or name another folder with `MILLRACE_STATE_DIR`; leave the folder as it is, its servers may be running.',
  },
  SERVICE_UNKNOWN: {
    meaning: 'A command was told to work on services that the environment does not declare.',
    wayOut: 'Use names that the message lists.',
  },
  STATE_UNWRITABLE: {
    meaning: 'The folder in which a local environment keeps its state, logs and data cannot be written to.',
    wayOut: 'Grant access to it or make room on its disk, or choose another folder with `--state-dir` or `MILLRACE_STATE_DIR`.',
  },
  TOPOLOGY_CONFLICT: {
    meaning: 'An object on a server was changed by someone else after it was compared, or since Millrace wrote it; it was not overwritten.',
    wayOut:
      'Look at the difference that `millrace apply --check` prints: take what was changed into the declaration, or let `--allow-destroy NAME` overwrite it.',
  },
  TOPOLOGY_NOT_APPLIED: {
    meaning:
      'After the topology was applied, a server is not as it declares: the message names the service and what is missing. What it does not name is done.',
    wayOut:
      'Mend what the message names and apply again; on AWS deploy again, where a refused change is allowed by `protection.allowDestroy` of the environment ' +
      'and the log group `/aws/vendedlogs/millrace/ENV/apply` has every change. What comes back by itself is changed by something else: look for it in the log of the server.',
  },
  TOPOLOGY_REFUSED: {
    meaning:
      'A server refused an object as it is declared, for a reason that will not pass by itself; the message has the reason in its words.',
    wayOut: 'Change the declaration in `environments/topology.ts`, or the setting of the server that forbids it, then apply again.',
  },
  TOPOLOGY_NAME_UNKNOWN: {
    meaning:
      'A name given to `--allow-destroy` cannot be that of an object: it is not of the form `SERVICE/KIND/NAME`, or the binding has no such service with objects on ' +
      'it. Nothing was changed.',
    wayOut: 'Use a name as `millrace apply --check` prints it.',
  },
  TOPOLOGY_NOT_KEPT: {
    meaning: 'A change was carried out without an error, and a moment later the server still differs.',
    wayOut:
      'Run `millrace apply` again; if it lasts, another program changes the object back, or the server takes the value and does not keep it.',
  },
  RUNTIME_NOT_BUILT: {
    meaning:
      'What applies the topology and looks at the services is not built: for `up` the program `millrace` of this repository, for a plan of AWS the functions ' +
      'that it carries along.',
    wayOut:
      'Run `make build` or `make dist/lambda/apply.zip dist/lambda/probe.zip`, or use `make up` and `make synth`, which do; `--no-apply` starts local servers without topics, queues ' +
      'and indices.',
  },
  ARCHIVE_UNAVAILABLE: {
    meaning: 'The archive of the log could not be read or written.',
    wayOut: 'Mend what the message names: address, rights on the bucket and its KMS key, or the folder. Nothing is dropped meanwhile.',
  },
  ARCHIVE_INVALID: {
    meaning: 'An object of the archive is missing, or is not what its manifest says; nothing was restored from it.',
    wayOut: 'Restore the earlier version of the object where the bucket keeps versions, then run `millrace archive verify`.',
  },
  RESTORE_REFUSED: {
    meaning: 'A partition cannot go back into the log: a sink would publish its events again, or other rows lie in its place.',
    wayOut: 'Do what the message says of the sink, or restore into another database.',
  },
  RETENTION_BUSY: {
    meaning: 'Another janitor, archive command or redaction works on the same log; they take turns.',
    wayOut:
      'Wait for it and run the command again. `pg_stat_activity` shows it as `millrace janitor`, `millrace archive` or `millrace redact`.',
  },
  REDACTION_INVALID: {
    meaning: 'A redaction was asked for without saying whose events, or would leave no trace of itself.',
    wayOut: 'Give what the message names.',
  },
  REDACTION_STOPPED: {
    meaning: 'A redaction was stopped between two steps, or a server gave up its part of it; what was done stays done.',
    wayOut: 'Go on with `millrace redact --resume ID`; `millrace redact --open` lists the ids.',
  },
  REPLAY_INVALID: {
    meaning:
      'A replay was asked for that cannot be: its topic or group is not declared, its name was used before, or it names nothing in the log.',
    wayOut: 'Correct what the message names; `millrace replay list` shows the names that were used.',
  },
  REPLAY_OUT_OF_LOG: {
    meaning: 'The log does not reach back to where a replay begins, or lost a partition before it was read.',
    wayOut: 'Put the partitions back with `millrace archive restore`, or begin where the message says that the log begins.',
  },
  DEAD_LETTER_UNKNOWN: {
    meaning: 'No dead letter has the id that was given, or several places have one with it.',
    wayOut: 'Take the id from `millrace dlq list`, and name the place with `--topic` and `--group`.',
  },
} as const satisfies Record<string, { meaning: string; wayOut: string }>;

export type ErrorCode = keyof typeof errorGuide;
