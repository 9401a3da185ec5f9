import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../local-process/files.ts';
import { describeEnd, type Owner } from '../local-process/launch.ts';
import { startFailure } from '../local-process/ready.ts';
import { runToEnd } from '../local-process/run.ts';

export interface ClusterOptions {
  readonly name: string;
  readonly programs: string;
  /** Folder that the owner may write to, and the one below it that becomes the cluster. */
  readonly dir: string;
  readonly data: string;
  readonly logFile: string;
  readonly owner?: Owner | undefined;
  readonly user: string;
  readonly password: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Creates a cluster in which `user` is the superuser and everyone needs a password.
 *
 * @throws {MillraceError} SERVER_START_FAILED with the last lines of what initdb said; the half-made cluster is removed.
 */
export async function createCluster({ name, programs, dir, data, logFile, owner, user, password, signal }: ClusterOptions): Promise<void> {
  const passwordFile = join(dir, 'initial-password');
  writePrivateFile(passwordFile, password, owner);
  const args = [
    ...['-D', data, '-U', user, '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--locale', 'C'],
    // What is lost when the machine itself fails within the first minute is an empty cluster.
    ...['--no-sync', '--no-instructions'],
  ];
  try {
    const end = await runToEnd({ name: `${name} (initdb)`, program: join(programs, 'initdb'), args, cwd: dir, logFile, owner }, signal);
    if (end.code !== 0) throw startFailure({ name, logFile }, `could not be created: initdb ${describeEnd(end)}`);
  } catch (error) {
    rmSync(data, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}
