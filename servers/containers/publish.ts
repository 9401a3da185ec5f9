import { join } from 'node:path';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import { updatePublicFile } from '../local-process/files.ts';
import { wantNoCopies } from '../opensearch/process.ts';
import { replaceDashboards } from '../supervisor/dashboards.ts';
import { documentNames, type Home } from '../supervisor/home.ts';
import { readReferred } from './fill-in.ts';
import type { Manifest } from './manifest.ts';

const patienceMs = 60_000;

/** Writes what services read, now that the servers run, and sets what can only be set on those. */
export async function publish({ documents, dashboards }: Manifest, home: Home): Promise<void> {
  const { services } = bindingSchema.parse(JSON.parse(documents[documentNames.binding] ?? '{}'));
  for (const { kind, endpoints, auth, tls } of Object.values(services)) {
    const [address] = endpoints;
    if (kind !== 'opensearch' || address === undefined || auth.secretRef === undefined) continue;
    const caFile = tls?.caRef && join(home.dir, tls.caRef.id);
    const server = { ...address, password: readReferred(home, auth.secretRef.id), tls: caFile === undefined ? undefined : { caFile } };
    await wantNoCopies(server, AbortSignal.timeout(patienceMs));
  }
  for (const [name, text] of Object.entries(documents)) updatePublicFile(join(home.dir, name), text);
  if (Object.keys(dashboards).length > 0) replaceDashboards(home.dashboards, dashboards);
}
