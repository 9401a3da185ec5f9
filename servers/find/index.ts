import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { type ContainerGround, versionOfTag, writeContainerScripts } from './container-program.ts';
import { type Distribution, type FetchProgress, fetchDistribution, findDistribution } from './distribution.ts';
import { copyDistribution } from './distribution-image.ts';
import { type DockerImage, dockerImages } from './docker-images.ts';
import { imageNamedByVariable, type Program } from './program.ts';
import { type FoundSoftware, notFound, notFoundOf, orElse, type Search, type SearchOptions, searchMachine, willDo } from './search.ts';
import { javaProgram, mavenProgram } from './tools.ts';
import { versionOf } from './version.ts';

export type { FoundSoftware } from './search.ts';

/** What a kind of server needs on this machine. */
export type Software = Program | Distribution;

export interface FindOptions extends SearchOptions {
  /** Called before a distribution is fetched, every few seconds while it is, and at the end. */
  readonly onFetch: (progress: FetchProgress) => void;
  /** Where programs may run in containers. @default they do not */
  readonly containers?: ContainerGround | undefined;
  /** Called for everything that is taken from an image. */
  readonly onImage?: ((taken: { readonly title: string; readonly image: string }) => void) | undefined;
}

/**
 * All of `wanted`. Programs: by environment variable, PATH and usual folders, installed all at once where root may install packages, else in containers of a
 * Docker engine. Distributions: by environment variable or from the cache folder, fetched with Maven when they are in neither, else copied from an image.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND saying what to install.
 */
export async function findSoftware(wanted: readonly Software[], options: FindOptions): Promise<Map<Software, FoundSoftware>> {
  const distributions = [...new Set(wanted.filter((software) => software.kind === 'maven'))];
  const programs = [...new Set(wanted.filter((software) => software.kind !== 'maven'))];
  const missing = distributions.filter((distribution) => findDistribution(distribution, options.env) === undefined);
  const tools = missing.length > 0 ? [javaProgram, mavenProgram] : [];
  const here = programs.filter((program) => imageNamedByVariable(program, options.env) === undefined);
  const search = await searchMachine([...new Set([...here, ...tools])], options);
  const images = options.containers && dockerImages(options);
  const elsewhere = programs.filter((program) => !here.includes(program) || !search.found.has(program));
  // Before anything is fetched: that takes minutes.
  const contained = await Promise.all(
    elsewhere.map(async (program) => [program, await imageOf(program, search, images, options)] as const),
  );
  for (const distribution of missing) await bring(distribution, search, images, options);
  const homes = new Map(
    distributions.map((distribution) => {
      return [distribution, { path: findDistribution(distribution, options.env)!, version: distribution.version }] as const;
    }),
  );
  const readOnly = [...homes.values()].map(({ path }) => path);
  const inContainers = contained.map(async ([program, image]) => [program, await putInto(image, program, readOnly, options)] as const);
  return new Map<Software, FoundSoftware>([...search.found, ...homes, ...(await Promise.all(inContainers))]);
}

type Images = ReturnType<typeof dockerImages>;

/** An image with the program. @throws {MillraceError} SERVER_NOT_FOUND with all ways out when there is none. */
async function imageOf(program: Program, search: Search, images: Images | undefined, { env }: FindOptions): Promise<DockerImage> {
  const named = imageNamedByVariable(program, env);
  const { variable, image: byDefault } = program;
  const image = await images?.({ named, byDefault });
  if (image !== undefined && !('lacking' in image)) return image;
  if (named === undefined) throw notFound(program, search, image && `have Docker run it, for which ${image.lacking}`);
  const lacking = image?.lacking ?? 'it must be a server that `up` starts';
  throw new MillraceError('SERVER_NOT_FOUND', `${variable} names the image ${named}, for which ${lacking}`);
}

/** Puts a distribution into the cache folder. */
async function bring(distribution: Distribution, search: Search, images: Images | undefined, options: FindOptions): Promise<void> {
  const [java, maven] = [search.found.get(javaProgram), search.found.get(mavenProgram)];
  const { title, image: source } = distribution;
  const failure =
    java && maven
      ? await notFoundOf(() => fetchDistribution(distribution, { ...options, java: java.path, maven: maven.path }))
      : notFound(java ? mavenProgram : javaProgram, search);
  if (failure === undefined) return;
  const image = source && (await images?.({ byDefault: source.name }));
  if (image === undefined) throw failure;
  if ('lacking' in image) throw orElse(failure, `have ${title} copied from an image, for which ${image.lacking}`);
  options.onImage?.({ title, image: image.name });
  await copyDistribution(distribution, image, options);
}

async function putInto(
  image: DockerImage,
  program: Program,
  readOnly: readonly string[],
  { containers, onImage }: FindOptions,
): Promise<FoundSoftware> {
  const { title, variable, readVersion } = program;
  onImage?.({ title, image: image.name });
  const path = writeContainerScripts(program, image, containers!, readOnly);
  const version = readVersion === undefined ? await versionOf(program, path) : (versionOfTag(image.name) ?? 'unknown');
  if (willDo(program, version)) return { path, version };
  throw new MillraceError('SERVER_NOT_FOUND', `${title} is needed, got ${version} (image ${image.name}); set ${variable} to another`);
}
