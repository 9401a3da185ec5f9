import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { renderBindingTypes } from '../../environments/binding-types.ts';
import { topologyDocument } from '../../environments/document.ts';
import type { Environment } from '../../environments/schema.ts';
import { type Binding, type BindingFragment, bindingSchema, bindingSchemaId } from '../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../runtime/src/contracts/canonical-json.ts';
import { updatePublicFile } from '../local-process/files.ts';
import { archiveName, documentNames, type Home } from './home.ts';

type Declared = Pick<Environment, 'name' | 'topology' | 'retention'>;

/** Writes the topology, the binding that names it, and its names for the compiler; files that would not change are left as they are. */
export function writeBinding({ dir }: Home, environment: Declared, services: BindingFragment): Binding {
  const { binding, documents } = renderBinding(environment, services);
  // In one step each: a service that starts at this moment reads the old or the new document.
  for (const [name, text] of Object.entries(documents)) updatePublicFile(join(dir, name), text);
  return binding;
}

/** The binding of servers on this machine, and what it lies among, by file name: the binding last, because it names the others. */
export function renderBinding(
  environment: Declared,
  services: BindingFragment,
): { readonly binding: Binding; readonly documents: Readonly<Record<string, string>> } {
  const topologyText = topologyDocument(environment);
  const hasLog = Object.values(services).some(({ kind }) => kind === 'postgres');
  const content = {
    schema: bindingSchemaId,
    environment: environment.name,
    services,
    topology: { hash: sha256(topologyText), location: documentNames.topology },
    ...(hasLog ? { archive: { location: `${archiveName}/` } } : {}),
  };
  const binding = bindingSchema.parse({ ...content, generation: sha256(canonicalJson(content)) });
  const documents = {
    [documentNames.topology]: topologyText,
    [documentNames.types]: renderBindingTypes(services),
    [documentNames.binding]: canonicalJson(binding),
  };
  return { binding, documents };
}

/** Hexadecimal. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
