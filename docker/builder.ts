import type { Distribution } from '../servers/find/distribution.ts';
import { findSoftware } from '../servers/find/index.ts';
import { type Engine, hasImage, importFolder, run } from './engine.ts';
import { debianImage, nodeFiles } from './grounds.ts';
import { distributionTag, type Ground, type Image, type ImageName, images, tagOf } from './images.ts';

interface BuilderOptions {
  readonly engine: Engine;
  /** Images from elsewhere to take instead of what would be made. */
  readonly given: Partial<Readonly<Record<Ground, string>>>;
  /** Takes a line about each image. */
  readonly say: (line: string) => void;
}

/** Builds images, each after what it stands on, and none twice. What has not changed is there already, and takes a second. */
export class ImageBuilder {
  private readonly tags = new Map<ImageName | Ground, Promise<string>>();

  constructor(private readonly options: BuilderOptions) {}

  /** @returns the tag of the image, which is there then. @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what docker said. */
  ready(name: ImageName | Ground): Promise<string> {
    const tag = this.tags.get(name) ?? this.make(name);
    this.tags.set(name, tag);
    return tag;
  }

  private async make(name: ImageName | Ground): Promise<string> {
    const { engine, given } = this.options;
    const elsewhere = given[name as Ground];
    if (elsewhere !== undefined) return elsewhere;
    if (name === 'debian') return this.timed('millrace/debian', () => debianImage(engine));
    if (name === 'node-files') return nodeFiles(engine);
    return this.build(name);
  }

  private async build(name: ImageName): Promise<string> {
    const { on, context = `docker/${name}`, env }: Image = images[name];
    const buildArguments: string[] = [];
    for (const [argument, ground] of Object.entries(on)) {
      const tag = typeof ground === 'string' ? await this.ready(ground) : await this.distribution(ground);
      buildArguments.push('--build-arg', `${argument}=${tag}`);
    }
    const { engine } = this.options;
    const tag = tagOf(name);
    return this.timed(tag, async () => {
      const words = [...buildArguments, '--file', `docker/${name}/Dockerfile`, '--tag', tag, context];
      await run({ ...engine, env }, `image ${tag} could not be built`, 'docker', 'build', ...words);
      return tag;
    });
  }

  /** What Maven brings is fetched as for servers without containers, with the settings and mirrors of this machine. */
  private async distribution(distribution: Distribution): Promise<string> {
    const { engine, say } = this.options;
    const tag = distributionTag(distribution);
    if (await hasImage(engine, tag)) return tag;
    const found = await findSoftware([distribution], {
      ...{ env: process.env, cwd: engine.cwd, installLog: engine.logFile, signal: engine.signal },
      onInstall: (packages) => say(`installing ${packages.join(' and ')} with apt-get`),
      onFetch: ({ title, megabytes, elapsedMs }) => say(`fetching ${title} with Maven, once: ${megabytes} MB, ${seconds(elapsedMs)}`),
    });
    return this.timed(tag, async () => {
      await importFolder(engine, found.get(distribution)!.path, tag);
      return tag;
    });
  }

  private async timed(what: string, work: () => Promise<string>): Promise<string> {
    const startedAt = Date.now();
    const tag = await work();
    this.options.say(`${what.padEnd(46)} ${seconds(Date.now() - startedAt)}`);
    return tag;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
