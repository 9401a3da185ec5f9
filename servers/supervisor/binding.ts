import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { renderBindingTypes } from '../../environments/binding-types.ts';
import { topologyDocument } from '../../environments/document.ts';
import type { Environment } from '../../environments/schema.ts';
import { type Binding, type BindingFragment, bindingSchema, bindingSchemaId } from '../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../runtime/src/contracts/canonical-json.ts';
import { writePublicFile } from '../local-process/files.ts';
import type { Home } from './home.ts';

type Declared = Pick<Environment, 'name' | 'topology' | 'retention'>;

/** Writes the topology, the binding that names it, and its names for the compiler; files that would not change are left as they are. */
export function writeBinding(home: Home, environment: Declared, services: BindingFragment): Binding {
  const topologyText = topologyDocument(environment);
  const hasLog = Object.values(services).some(({ kind }) => kind === 'postgres');
  const content = {
    schema: bindingSchemaId,
    environment: environment.name,
    services,
    topology: { hash: sha256(topologyText), location: basename(home.topologyFile) },
    ...(hasLog ? { archive: { location: `${basename(home.archive)}/` } } : {}),
  };
  const binding = bindingSchema.parse({ ...content, generation: sha256(canonicalJson(content)) });
  replace(home.topologyFile, topologyText);
  replace(home.typesFile, renderBindingTypes(services));
  replace(home.bindingFile, canonicalJson(binding));
  return binding;
}

/** Hexadecimal. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** In one step: a service that starts at this moment reads the old or the new document. */
function replace(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  writePublicFile(path, text);
}
