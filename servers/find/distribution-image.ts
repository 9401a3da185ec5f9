import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { type Distribution, intoCache } from './distribution.ts';
import { type EngineLog, tellEngine } from './docker-engine.ts';
import type { DockerImage } from './docker-images.ts';
import type { Variables } from './program.ts';

/**
 * Copies a distribution's folder from an image into the cache folder.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND when the image has no such folder, with the last lines of what docker said.
 */
export async function copyDistribution(
  distribution: Distribution,
  { name, engine }: DockerImage,
  options: EngineLog & { readonly env: Variables },
): Promise<void> {
  const { title, image, entry } = distribution;
  const container = `millrace-copy-${process.pid}-${distribution.folder}`;
  const failed = `${title} could not be copied from image ${name}`;
  await intoCache(distribution, options.env, async (_, home) => {
    await tellEngine(engine, failed, ['create', '--pull', 'never', '--name', container, name], options);
    try {
      await tellEngine(engine, failed, ['cp', `${container}:${image?.folder}`, home], options);
    } finally {
      await tellEngine(engine, failed, ['rm', '--volumes', container], { ...options, signal: undefined });
    }
    if (!existsSync(join(home, entry))) throw new MillraceError('SERVER_NOT_FOUND', `${failed}: it has no ${image?.folder}/${entry}`);
  });
}
