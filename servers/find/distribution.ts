import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { makeFolders, writePrivateFile } from '../local-process/files.ts';
import type { ProcessIdentity } from '../local-process/identity.ts';
import { describeEnd } from '../local-process/launch.ts';
import { logTail } from '../local-process/log-tail.ts';
import { endRun, runToEnd } from '../local-process/run.ts';
import { type Artifact, writeProject } from './maven.ts';
import type { Variables } from './program.ts';

/** Server software that is put together from artifacts of a Maven repository: what it is, and how its folder comes to be. */
export interface Distribution {
  readonly kind: 'maven';
  /** For messages: `Apache Kafka 4.1.1`. */
  readonly title: string;
  readonly version: string;
  /** Folder below the cache folder; another one as soon as anything below changes, so that an old cache is not taken for a new one. */
  readonly folder: string;
  /** Environment variable that names such a folder which someone else has made. */
  readonly variable: string;
  /** A path that must be in the folder. */
  readonly entry: string;
  /** Image of Docker that has the folder, and where: it is copied from there where Maven cannot bring it. @default none */
  readonly image?: { readonly name: string; readonly folder: string };
  /** Artifacts by the folder that they and what they need at run time are copied to. */
  readonly parts: Readonly<Record<string, readonly Artifact[]>>;
  /** Makes what Maven brought into what the server expects. */
  readonly assemble?: (folder: string, tools: AssemblyTools) => Promise<void> | void;
}

export interface AssemblyTools {
  readonly java: string;
  readonly signal?: AbortSignal | undefined;
  /** Writes down a process that assembling starts, so that it does not outlive a fetch that is killed. */
  readonly onLaunched: (run: ProcessIdentity) => void;
}

/** Folder of the distribution by environment variable or in the cache. @throws {MillraceError} SERVER_NOT_FOUND when the variable names something else. */
export function findDistribution({ variable, entry, folder, title }: Distribution, env: Variables): string | undefined {
  const named = env[variable];
  if (named !== undefined && named !== '') {
    if (existsSync(join(named, entry))) return named;
    throw new MillraceError(
      'SERVER_NOT_FOUND',
      `${variable} must name a folder of ${title} with ${entry} in it, got ${JSON.stringify(named)}`,
    );
  }
  const cached = join(cacheFolder(env), folder);
  return existsSync(join(cached, entry)) ? cached : undefined;
}

/** Where downloads are kept: MILLRACE_CACHE_DIR, else a folder of the user; root's is one that the users of servers can read. */
export function cacheFolder(env: Variables, uid: number | undefined = process.getuid?.()): string {
  if (env.MILLRACE_CACHE_DIR) return env.MILLRACE_CACHE_DIR;
  return uid === 0 ? '/var/cache/millrace' : join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'millrace');
}

/** How long something takes that is fetched from a registry. */
export interface FetchProgress {
  readonly title: string;
  readonly megabytes: number;
  readonly elapsedMs: number;
  readonly done: boolean;
}

export interface FetchOptions extends Omit<AssemblyTools, 'onLaunched'> {
  readonly env: Variables;
  /** What Maven says is appended here. */
  readonly installLog: string;
  readonly maven: string;
  readonly onFetch: (progress: FetchProgress) => void;
}

const reportEveryMs = 3_000;
/** Where Maven puts what it downloads, its own plugins among it. */
const repository = 'repository';
/** Pid and start time of what assembling has started. */
const runFile = 'run.json';
/** No fetch takes that long; and whether the one who began it still lives cannot be told of a cache that several machines share. */
const forgottenAfterMs = 3_600_000;

/**
 * Fetches a distribution into the cache folder with Maven.
 *
 * Maven keeps its downloads in the draft: two that fetch at once do not meet.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what Maven said.
 */
export function fetchDistribution(distribution: Distribution, options: FetchOptions): Promise<void> {
  return intoCache(distribution, options.env, async (draft, home) => {
    const startedAt = Date.now();
    const report = (done: boolean) =>
      options.onFetch({
        title: distribution.title,
        megabytes: Math.round(bytesIn(join(draft, repository)) / 1e6),
        elapsedMs: Date.now() - startedAt,
        done,
      });
    report(false);
    const timer = setInterval(() => report(false), reportEveryMs);
    try {
      await runMaven(distribution, draft, options);
      await distribution.assemble?.(home, {
        ...options,
        onLaunched: ({ pid, startTime }) => writePrivateFile(join(draft, runFile), JSON.stringify({ pid, startTime })),
      });
      report(true);
    } finally {
      clearInterval(timer);
    }
  });
}

/**
 * Has a distribution's folder `home` filled, below a draft in the cache folder; it gets its name there when it is complete.
 *
 * The draft of an interrupted `fill` is removed at once, that of a killed one by the next after an hour.
 */
export async function intoCache(
  { folder, entry }: Distribution,
  env: Variables,
  fill: (draft: string, home: string) => Promise<void>,
): Promise<void> {
  const cache = cacheFolder(env);
  makeCache(cache);
  const prefix = `${folder}.new-`;
  await removeForgotten(cache, prefix);
  const draft = mkdtempSync(join(cache, prefix));
  const home = join(draft, 'home');
  chmodSync(draft, 0o755);
  try {
    await fill(draft, home);
    openToAll(home);
    publish(home, join(cache, folder), entry);
  } finally {
    rmSync(draft, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function runMaven(distribution: Distribution, draft: string, options: FetchOptions): Promise<void> {
  const project = writeProject(join(draft, 'project'), join(draft, 'home'), distribution.parts);
  const spec = {
    name: 'maven',
    program: options.maven,
    // Without the strict check Maven 3 only warns of a damaged download, which would be kept for ever.
    args: [
      '--batch-mode',
      '--no-transfer-progress',
      '--strict-checksums',
      '--file',
      project,
      `-Dmaven.repo.local=${join(draft, repository)}`,
      'package',
    ],
    cwd: draft,
    logFile: options.installLog,
    env: { ...ofTheUser(options.env), JAVA_HOME: dirname(dirname(realpathSync(options.java))) },
  };
  const end = await runToEnd(spec, options.signal);
  if (end.code === 0) return;
  throw new MillraceError(
    'SERVER_NOT_FOUND',
    `${distribution.title} could not be fetched: Maven ${describeEnd(end)}; set ${distribution.variable} to a folder with it, or mend what ` +
      `${options.installLog} says last:\n${logTail(options.installLog)}`,
  );
}

/** Where Maven looks for its settings: whoever has mirrors or a proxy has said so there. */
function ofTheUser(env: Variables): Record<string, string> {
  const names = ['HOME', 'MAVEN_OPTS', 'MAVEN_ARGS', 'MAVEN_CONFIG'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** What is left of fetches that were killed. */
async function removeForgotten(cache: string, prefix: string): Promise<void> {
  for (const { name } of list(cache)) {
    const path = join(cache, name);
    const since = name.startsWith(prefix) ? statSync(path, { throwIfNoEntry: false })?.mtimeMs : undefined;
    if (since === undefined || since >= Date.now() - forgottenAfterMs) continue;
    await endRunOf(path);
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A process of the draft that was left alone would run for ever: nobody else knows of it. */
async function endRunOf(draft: string): Promise<void> {
  const file = join(draft, runFile);
  if (existsSync(file)) await endRun(JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity);
}

/** Servers of other users read it, whatever the umask of the one who fetches; nobody but that one writes. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) openToAll(join(folder, entry.name));
    else chmodSync(join(folder, entry.name), 0o644);
  }
}

/** Of two that fetched the same the first has won; a folder from which something was removed is replaced. */
function publish(from: string, to: string, entry: string): void {
  if (!existsSync(join(to, entry))) rmSync(to, { recursive: true, force: true });
  try {
    renameSync(from, to);
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function makeCache(path: string): void {
  try {
    // Against the umask; one that was there before is somebody's own.
    makeFolders(path);
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw new MillraceError('STATE_UNWRITABLE', `cache folder ${path} cannot be written; choose another with MILLRACE_CACHE_DIR`, {
      cause,
    });
  }
}

/** What has been downloaded is what lies in the repository; files come and go while it is counted. */
function bytesIn(folder: string): number {
  return list(folder).reduce(
    (sum, entry) => sum + (entry.isDirectory() ? bytesIn(join(folder, entry.name)) : sizeOf(join(folder, entry.name))),
    0,
  );
}

function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
