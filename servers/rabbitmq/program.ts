import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defaultImages } from '../../environments/images.ts';
import type { Program } from '../find/program.ts';

/** The folder of RabbitMQ's programs themselves; what Debian has on PATH hands over to another user and another folder. */
export const rabbitProgram: Program = {
  title: 'RabbitMQ 3.10 or later',
  variable: 'MILLRACE_RABBITMQ_BIN',
  kind: 'folder',
  names: ['rabbitmqctl', 'rabbitmq-server'],
  folders: ['/usr/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin', '/usr/local/opt/rabbitmq/sbin'],
  debianPackage: 'rabbitmq-server',
  image: defaultImages.rabbitmq,
  versionArgs: [],
  readVersion,
};

/** The folder of Erlang's programs: RabbitMQ runs on it, and brings no epmd of its own. */
export const erlangProgram: Program = {
  title: 'Erlang/OTP 24 or later',
  variable: 'MILLRACE_ERLANG_BIN',
  kind: 'folder',
  names: ['erl', 'epmd'],
  folders: ['/usr/lib/erlang/bin', '/opt/homebrew/opt/erlang/bin', '/usr/local/opt/erlang/bin'],
  debianPackage: 'erlang-base',
  image: defaultImages.rabbitmq,
  versionArgs: ['+V'],
};

/** `rabbitmqctl version` takes 1 to 2 s, writes a cookie into the home folder and leaves an epmd behind: the names of the plugins tell as much. */
function readVersion(programs: string): string | undefined {
  const plugins = join(dirname(realpathSync(join(programs, 'rabbitmq-server'))), '..', 'plugins');
  return readdirSync(plugins)
    .map((name) => /^rabbit-(\d+(?:\.\d+)+)/.exec(name)?.[1])
    .find((version) => version !== undefined);
}
