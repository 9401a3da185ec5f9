import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { renderBindingTypes } from '../../environments/binding-types.ts';
import { type Binding, type BindingFragment, bindingSchema, bindingSchemaId } from '../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../runtime/src/contracts/canonical-json.ts';
import type { Topology } from '../../runtime/src/contracts/topology.ts';
import { writePublicFile } from '../local-process/files.ts';
import type { Home } from './home.ts';

/** Writes the topology, the binding that names it, and its names for the compiler; files that would not change are left as they are. */
export function writeBinding(home: Home, environment: string, services: BindingFragment, topology: Topology): Binding {
  const topologyText = canonicalJson(topology);
  const content = {
    schema: bindingSchemaId,
    environment,
    services,
    topology: { hash: sha256(topologyText), location: basename(home.topologyFile) },
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
