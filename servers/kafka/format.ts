import { pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import { describeEnd } from '../local-process/launch.ts';
import { startFailure } from '../local-process/ready.ts';
import { runToEnd } from '../local-process/run.ts';
import { javaOptions, type KafkaPrograms } from './java.ts';

/** What a new cluster is made with. */
export interface ClusterSeed {
  readonly name: string;
  readonly username: string;
  readonly password: string;
  /** How many nodes vote. */
  readonly controllers: number;
}

/** The node whose folder is to be filled. */
export interface FormatTarget {
  readonly name: string;
  readonly nodeId: number;
  /** The server's own folder; a server.properties for it, with any `log.dirs`, is in `properties`. */
  readonly dir: string;
  readonly properties: (dataDir: string) => string;
  readonly logFile: string;
}

const formatMemoryMiB = 64;
const checkpoint = 'bootstrap.checkpoint';
/** The fewest that Kafka takes, and its default; random passwords of 24 bytes need no more. */
const iterations = 4_096;
const saltBytes = 24;

/** Folder of the logs, below the server's own. */
export function dataFolder(dir: string): string {
  return join(dir, 'data');
}

/**
 * Fills the folders of new nodes. Kafka's own program for it takes as long as half a start, so it runs once for the cluster: what it writes (the features
 * of this version, the credentials of the super user) is the same for every node.
 */
export function clusterFormat(seed: ClusterSeed, programs: KafkaPrograms) {
  let bootstrap: Promise<Buffer> | undefined;
  return async (target: FormatTarget, signal: AbortSignal | undefined): Promise<void> => {
    const clusterId = idOf(seed);
    if (existsSync(dataFolder(target.dir))) return requireSameCluster(target, clusterId);
    bootstrap ??= makeBootstrap(seed, programs, target, signal).catch((error: unknown) => {
      bootstrap = undefined;
      throw error;
    });
    fillFolder(target, clusterId, await bootstrap);
  };
}

/**
 * Number of the cluster. The same for all of its nodes at every start, and another one when the password or the number of voters changes: neither can be
 * changed by other files. The credentials lie in the cluster's own metadata, and voters that joined empty ones could outvote the one that has it.
 */
function idOf({ name, password, controllers }: ClusterSeed): string {
  return scryptSync(password, `${name} ${controllers}`, 16).toString('base64url');
}

function requireSameCluster({ name, dir }: FormatTarget, clusterId: string): void {
  const properties = readFileSync(join(dataFolder(dir), 'meta.properties'), 'utf8');
  if (/^cluster\.id=(.*)$/m.exec(properties)?.[1] === clusterId) return;
  throw new MillraceError(
    'SERVER_START_FAILED',
    `${name} keeps the data of a cluster that was made with another password or another number of controllers (1, or 3 from three brokers on); ` +
      'put back what was changed, or remove the data with `down --wipe`',
  );
}

/** The folder gets its name when it is complete. */
function fillFolder({ nodeId, dir }: FormatTarget, clusterId: string, bootstrap: Buffer): void {
  const draft = `${dataFolder(dir)}.new`;
  rmSync(draft, { recursive: true, force: true });
  makePrivateFolder(draft);
  const directoryId = randomBytes(16).toString('base64url');
  const properties = ['version=1', `cluster.id=${clusterId}`, `node.id=${nodeId}`, `directory.id=${directoryId}`];
  writeFileSync(join(draft, 'meta.properties'), `${properties.join('\n')}\n`);
  writeFileSync(join(draft, checkpoint), bootstrap);
  renameSync(draft, dataFolder(dir));
}

async function makeBootstrap(
  { username, password }: ClusterSeed,
  programs: KafkaPrograms,
  { name, dir, properties, logFile }: FormatTarget,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const folder = mkdtempSync(join(dir, 'format-'));
  try {
    const [config, args, data] = ['server.properties', 'arguments', 'data'].map((file) => join(folder, file)) as [string, string, string];
    makePrivateFolder(data);
    writePrivateFile(config, properties(data));
    // Only its records are kept, so any number will do here.
    const command = [
      'format',
      '--cluster-id',
      'AAAAAAAAAAAAAAAAAAAAAA',
      '--config',
      config,
      '--add-scram',
      credentialsOf(username, password),
    ];
    // Arguments of a process can be read by everybody on the machine; those that Java reads from a file cannot.
    const words = [...javaOptions(dir, formatMemoryMiB), 'kafka.tools.StorageTool', ...command];
    writePrivateFile(args, `${words.map((word) => JSON.stringify(word)).join('\n')}\n`);
    const spec = { name: `${name} (format)`, program: programs.java, args: [`@${args}`], cwd: programs.home, logFile };
    const end = await runToEnd(spec, signal);
    if (end.code !== 0) throw startFailure({ name, logFile }, `could not be created: the storage tool ${describeEnd(end)}`);
    return readFileSync(join(data, checkpoint));
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What `--add-scram` takes. Salted here, because the tool cannot be told a password with a comma in it. */
export function credentialsOf(username: string, password: string, salt = randomBytes(saltBytes)): string {
  const salted = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  const parts = [`name=${username}`, `salt="${salt.toString('base64')}"`, `saltedpassword="${salted.toString('base64')}"`];
  return `SCRAM-SHA-512=[${[...parts, `iterations=${iterations}`].join(',')}]`;
}
