import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { dashboardsOf } from '../../alerts/grafana/dashboards.ts';
import { alertsOf } from '../../alerts/resolve.ts';
import type { Environment } from '../../environments/schema.ts';
import { updatePublicFile } from '../local-process/files.ts';
import { type Home, makeFolder } from './home.ts';

/** Writes a dashboard for each group of services, for a Grafana that is given the folder; what the environment no longer has goes away. */
export function writeDashboards({ dashboards: folder }: Home, environment: Environment): void {
  replaceDashboards(folder, renderDashboards(environment));
}

/** The dashboards by file name. */
export function renderDashboards(environment: Environment): Readonly<Record<string, string>> {
  const dashboards = Object.entries(dashboardsOf(environment, alertsOf(environment)));
  return Object.fromEntries(dashboards.map(([name, dashboard]) => [`${name}.json`, `${JSON.stringify(dashboard, null, 2)}\n`]));
}

export function replaceDashboards(folder: string, dashboards: Readonly<Record<string, string>>): void {
  makeFolder(folder);
  for (const [file, text] of Object.entries(dashboards)) updatePublicFile(join(folder, file), text);
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.json') && !Object.hasOwn(dashboards, file)) rmSync(join(folder, file));
  }
}
