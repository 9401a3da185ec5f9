import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Engine, hasImage, importFolder, run } from './engine.ts';

const suite = 'bookworm';
const debianTag = `millrace/debian:${suite}`;

/**
 * A base image for machines that reach a mirror of Debian and no registry of images; made once. It takes 80 s, and needs root and debootstrap.
 *
 * Packages come from the mirror that debootstrap uses, without the archive of security updates: for a machine on which one develops.
 *
 * @returns its tag.
 * @throws {MillraceError} SERVER_NOT_FOUND with the last lines of what debootstrap said.
 */
export async function debianImage(engine: Engine): Promise<string> {
  if (!(await hasImage(engine, debianTag))) {
    await inFolder(async (folder) => {
      await run(engine, `image ${debianTag} could not be made`, 'debootstrap', '--variant=minbase', suite, folder);
      for (const downloads of ['var/cache/apt', 'var/lib/apt/lists']) rmSync(join(folder, downloads), { recursive: true, force: true });
      await importFolder(engine, folder, debianTag);
    });
  }
  return debianTag;
}

/** Where the image of Node looks for authorities that are not Node's own. */
const authorities = 'share/authorities.pem';

/**
 * An image of the files of this machine's Node and npm, made once for each version, to be copied to `/usr/local`. Authorities that Node trusts here besides its
 * own (NODE_EXTRA_CA_CERTS) come along: npm would not reach the registry of the house without.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND when npm is not where Node's own installation puts it.
 */
export async function nodeFiles(engine: Engine): Promise<string> {
  const { NODE_EXTRA_CA_CERTS: file } = process.env;
  const trusted = file ? readFileSync(file) : Buffer.of();
  const tag = `millrace/distribution:node-${process.versions.node}-${createHash('sha256').update(trusted).digest('hex').slice(0, 8)}`;
  if (!(await hasImage(engine, tag))) {
    await inFolder(async (folder) => {
      const [programs, modules] = [join(folder, 'bin'), join(folder, 'lib/node_modules')];
      for (const made of [programs, modules, dirname(join(folder, authorities))]) mkdirSync(made, { recursive: true });
      cpSync(process.execPath, join(programs, 'node'));
      cpSync(join(dirname(process.execPath), '../lib/node_modules/npm'), join(modules, 'npm'), { recursive: true });
      symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(programs, 'npm'));
      writeFileSync(join(folder, authorities), trusted);
      await importFolder(engine, folder, tag);
    });
  }
  return tag;
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-image-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
