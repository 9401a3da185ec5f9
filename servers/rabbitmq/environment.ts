import { delimiter, join } from 'node:path';

/** What the programs of a node need to know about it. */
export interface NodeIdentity {
  /** Folder that holds everything the node reads and writes. */
  readonly dir: string;
  /** Erlang name, `tasks@localhost`. */
  readonly nodeName: string;
  /** Port of the protocol between nodes, and with rabbitmqctl. */
  readonly distributionPort: number;
  /** Port of the epmd of this cluster. */
  readonly epmdPort: number;
  /** Folder of Erlang's programs. */
  readonly erlang: string;
}

/** As many threads as a small broker can use; a machine of 16 cores would give it 16, each with memory of its own. */
export const fewThreads = '+S 2:2';

/** Files of a node, below its folder. */
export function nodeFiles(dir: string) {
  return {
    conf: join(dir, 'rabbitmq.conf'),
    plugins: join(dir, 'enabled_plugins'),
    definitions: join(dir, 'definitions.json'),
    /** Where Erlang looks for it: in the home folder. */
    cookie: join(dir, '.erlang.cookie'),
    data: join(dir, 'data'),
  };
}

/**
 * The process listens to the loopback interface alone, and never starts an epmd: one that it started would outlive it and belong to nobody. In this form
 * the helpers that RabbitMQ starts get it as well.
 */
const erlangFlags = '-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}';

/** Environment of `rabbitmqctl` for the node. */
export function controlEnvironment({ dir, epmdPort, erlang }: NodeIdentity): Record<string, string> {
  return {
    PATH: [erlang, process.env.PATH ?? ''].join(delimiter),
    HOME: dir,
    // Elixir, in which rabbitmqctl is written, warns of any other.
    LC_ALL: 'C.UTF-8',
    ERL_ZFLAGS: erlangFlags,
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_CONF_ENV_FILE: join(dir, 'rabbitmq-env.conf'),
  };
}

/** Environment of `rabbitmq-server`: every path that it would otherwise take from the machine's own installation leads into the node's folder. */
export function serverEnvironment(node: NodeIdentity): Record<string, string> {
  const { dir, nodeName, distributionPort } = node;
  const files = nodeFiles(dir);
  return {
    ...controlEnvironment(node),
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_CONFIG_FILE: files.conf,
    RABBITMQ_CONFIG_FILES: join(dir, 'conf.d'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: files.plugins,
    RABBITMQ_MNESIA_BASE: dir,
    RABBITMQ_MNESIA_DIR: files.data,
    RABBITMQ_LOG_BASE: dir,
    RABBITMQ_LOGS: '-',
    ERL_CRASH_DUMP: join(dir, 'erl_crash.dump'),
    // The script becomes the node itself instead of waiting for it: the process that was launched is the one to stop.
    RABBITMQ_ALLOW_INPUT: 'true',
    RABBITMQ_SERVER_START_ARGS: '-noinput',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: fewThreads,
  };
}
