import type { Sample } from '../../contracts/signals.ts';
import type { NodeRow } from './read.ts';

/** What the broker tells of its nodes. */
export const nodeSignals = [
  'rabbitmq.node.running',
  'rabbitmq.alarms',
  'rabbitmq.memory.used_ratio',
  'rabbitmq.disk.free_ratio',
  'rabbitmq.file_descriptors.used_ratio',
] as const;

/** Of a node that does not run the broker tells nothing else, and of one that has just started nothing for 5 s. */
export function nodeSamples({ name, running, mem_alarm: memory, disk_free_alarm: disk, ...row }: NodeRow): Sample[] {
  const labels = { node: name };
  const alarms = [memory, disk].filter((alarm) => alarm === true).length;
  return [
    { signal: 'rabbitmq.node.running', labels, value: running ? 1 : 0 },
    ...(memory === undefined && disk === undefined ? [] : [{ signal: 'rabbitmq.alarms', labels, value: alarms } as const]),
    ...ratio('rabbitmq.memory.used_ratio', labels, row.mem_used, row.mem_limit),
    ...ratio('rabbitmq.disk.free_ratio', labels, row.disk_free, row.disk_free_limit),
    ...ratio('rabbitmq.file_descriptors.used_ratio', labels, row.fd_used, row.fd_total),
  ];
}

/** None where the node does not know one of both: it says so with a text, and knows a limit of 0 when there is none. */
function ratio(signal: Sample['signal'], labels: Sample['labels'], part: unknown, whole: unknown): Sample[] {
  return typeof part === 'number' && typeof whole === 'number' && whole > 0 ? [{ signal, labels, value: part / whole }] : [];
}
