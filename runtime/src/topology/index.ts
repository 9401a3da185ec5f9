import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { listProblems } from '../binding/document.ts';
import type { LoadedBinding } from '../binding/index.ts';
import { MillraceError } from '../contracts/errors.ts';
import { problemsOf } from '../contracts/problems.ts';
import { type Topology, topologySchema } from '../contracts/topology.ts';
import { sha256 } from '../hash.ts';
import { requireManaged } from './names.ts';

/**
 * The topology that a binding means: read, compared with the hash in the binding, checked, with every default.
 *
 * Apart from the binding, so that a service without relay or consumers does not load it.
 *
 * @throws {MillraceError} BINDING_INVALID when it is missing, differs from the hash, does not fit the schema, or leaves
 * to others what it declares; for one in S3 also
 * AWS_CREDENTIALS_UNAVAILABLE and CLIENT_NOT_INSTALLED.
 * @example
 * const topology = await readTopology(await loadBinding());
 */
export async function readTopology({ document: binding, baseDir }: Pick<LoadedBinding, 'document' | 'baseDir'>): Promise<Topology> {
  if (binding.topology === undefined) {
    throw new MillraceError('BINDING_INVALID', `binding of ${binding.environment} names no topology; declare one in the environment`);
  }
  const { location, hash } = binding.topology;
  const bytes = await readBytes(location, baseDir);
  const actual = sha256(bytes);
  if (actual !== hash) {
    throw new MillraceError(
      'BINDING_INVALID',
      `topology at ${location} has hash ${actual}, the binding means ${hash}; provision the environment again, so that both are of one generation`,
    );
  }
  return parseTopology(JSON.parse(bytes.toString('utf8')), location);
}

/** A checked topology with every default. @throws {MillraceError} BINDING_INVALID with all problems of its form, or with what it leaves to others. */
export function parseTopology(document: unknown, origin: string): Topology {
  const parsed = topologySchema.safeParse(document);
  if (parsed.success) {
    requireManaged(parsed.data);
    return parsed.data;
  }
  throw new MillraceError('BINDING_INVALID', listProblems(`topology at ${origin}`, problemsOf(parsed.error, document, topologySchema)));
}

async function readBytes(location: string, baseDir: string): Promise<Buffer> {
  if (!/^[a-z0-9]+:\/\//i.test(location)) return readLocal(resolve(baseDir, location));
  const { readObject } = await import('../aws/s3-object.ts');
  return readObject(location);
}

async function readLocal(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new MillraceError('BINDING_INVALID', `topology file ${path} cannot be read (${reason}); provision the environment again`, {
      cause,
    });
  }
}
