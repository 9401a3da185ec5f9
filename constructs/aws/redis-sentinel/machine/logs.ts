import { places } from './places.ts';
import type { MachineSettings } from './settings.ts';

const logNames = ['redis', 'sentinel', 'jobs', 'metrics'] as const;

/** Configuration of the CloudWatch agent: it sends the log files, each into a stream of this machine. */
export function renderAgent({ logGroup, nodes, node }: MachineSettings): string {
  const files = logNames.map((name) => ({
    file_path: `${places.logs}/${name}.log`,
    log_group_name: logGroup,
    log_stream_name: `${nodes[node]!.name}/${name}`,
  }));
  return `${JSON.stringify({ agent: { run_as_user: 'root' }, logs: { logs_collected: { files: { collect_list: files } } } }, null, 1)}\n`;
}

/** Log files are cut while the servers hold them open. */
export const logRotation = `${places.logs}/*.log {
  daily
  maxsize 100M
  rotate 3
  missingok
  notifempty
  copytruncate
  compress
}
`;
