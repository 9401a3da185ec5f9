import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../local-process/files.ts';
import type { ProcessIdentity } from '../local-process/identity.ts';
import { describeEnd, type Owner } from '../local-process/launch.ts';
import { startFailure } from '../local-process/ready.ts';
import { endRun, runToEnd } from '../local-process/run.ts';

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
  const [passwordFile, runFile] = [join(dir, 'initial-password'), join(dir, 'initdb.json')];
  await endLeftover(runFile);
  rmSync(data, { recursive: true, force: true, maxRetries: 3 });
  writePrivateFile(passwordFile, password, owner);
  const args = [
    ...['-D', data, '-U', user, '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--locale', 'C'],
    // What is lost when the machine itself fails within the first minute is an empty cluster.
    ...['--no-sync', '--no-instructions'],
  ];
  try {
    const spec = { name: `${name} (initdb)`, program: join(programs, 'initdb'), args, cwd: dir, logFile, owner };
    const end = await runToEnd(spec, signal, ({ pid, startTime }) => writePrivateFile(runFile, JSON.stringify({ pid, startTime })));
    if (end.code !== 0) throw startFailure({ name, logFile }, `could not be created: initdb ${describeEnd(end)}`);
  } catch (error) {
    rmSync(data, { recursive: true, force: true, maxRetries: 3 });
    throw error;
  } finally {
    for (const file of [passwordFile, runFile]) rmSync(file, { force: true });
  }
}

/** An initdb whose starter was killed goes on alone; it would write into the folder that is about to be filled again. */
async function endLeftover(runFile: string): Promise<void> {
  if (!existsSync(runFile)) return;
  const run = JSON.parse(readFileSync(runFile, 'utf8')) as ProcessIdentity;
  await endRun(run);
}
