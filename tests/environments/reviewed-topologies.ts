import { topologyDocument } from '../../environments/document.ts';
import { environment, environments } from '../../environments/index.ts';

/**
 * The topology document of every environment as `millrace apply` reads it, byte for byte: `tests/environments/topologies/staging.json`.
 *
 * A change of a topic, queue, user or index shows as a change of these files; `make generate` writes them.
 */
export function reviewedTopologies(): Record<string, string> {
  return Object.fromEntries(
    Object.keys(environments).map((name) => [`tests/environments/topologies/${name}.json`, topologyDocument(environment(name))]),
  );
}
