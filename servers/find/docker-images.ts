import { type DockerEngine, type EngineLog, findDockerEngine, hasImage, type Lacking, pullImage } from './docker-engine.ts';
import type { Variables } from './program.ts';

/** An image that an engine has. */
export interface DockerImage {
  readonly name: string;
  readonly engine: DockerEngine;
}

/** An image that is wanted: `byDefault`, or the one that a variable names. */
export interface WantedImage {
  readonly named?: string | undefined;
  readonly byDefault: string | undefined;
}

/**
 * Looks for images of the Docker engine, which is asked for once, and pulls none twice.
 *
 * An image that a variable names is pulled where it is missing. One that nobody named is not: in a public registry its name is anybody's.
 *
 * @returns a function that says what is lacking when there is no such image. @throws {MillraceError} SERVER_NOT_FOUND when an image cannot be pulled.
 */
export function dockerImages(options: EngineLog & { readonly env: Variables }): (wanted: WantedImage) => Promise<DockerImage | Lacking> {
  let asked: Promise<DockerEngine | Lacking> | undefined;
  const pulls = new Map<string, Promise<void>>();
  return async ({ named, byDefault }) => {
    const name = named ?? byDefault;
    if (name === undefined) return { lacking: 'it would need an image that nobody builds' };
    asked ??= findDockerEngine(options.env);
    const engine = await asked;
    if ('lacking' in engine) return engine;
    if (!(await hasImage(engine, name))) {
      if (named === undefined) return { lacking: `the Docker engine must have the image ${name}, which \`make images\` builds` };
      pulls.set(name, pulls.get(name) ?? pullImage(engine, name, options));
      await pulls.get(name);
    }
    return { name, engine };
  };
}
