import type { DoctorReport, Problem, ServiceReport } from '../doctor/report.ts';
import type { Paint } from '../topology/report.ts';
import { counted } from '../wording.ts';
import { table } from './table.ts';

const colours = { well: 'green', degraded: 'yellow', down: 'red', unseen: 'red' } as const;
const head = ['SERVICE', 'KIND', 'STATUS', 'LATENCY', 'VERSION', 'STATE'];
const statusColumn = head.indexOf('STATUS');

/** A report for people: a row a service, then each problem with its way out, then a line that sums up. */
export function doctorTable(report: DoctorReport, paint: Paint): string {
  const { environment, services, problems, elapsedMs } = report;
  const rows = table([head, ...services.map(rowOf)]).split('\n');
  const painted = rows.map((row, index) => (index === 0 ? paint('dim', row) : paintStatus(row, rows[0]!, services[index - 1]!, paint)));
  const told = [
    ...problems.flatMap((problem) => linesOf('topology', problem, paint)),
    ...services.flatMap(({ service, problems: own }) => own.flatMap((problem) => linesOf(service, problem, paint))),
  ];
  const summary = paint(report.status === 'well' ? 'green' : 'red', `${environment}: ${summaryOf(report)}`);
  return [...painted, ...(told.length > 0 ? ['', ...told] : []), '', `${summary} (${(elapsedMs / 1_000).toFixed(1)} s)`].join('\n');
}

function rowOf({ service, kind, status, latencyMs, version = '-', state = '-' }: ServiceReport): string[] {
  return [service, kind, status, latencyMs === undefined ? '-' : `${latencyMs.toFixed(1)} ms`, version, state];
}

/** Widths are counted without colours. */
function paintStatus(row: string, heading: string, { status }: ServiceReport, paint: Paint): string {
  const from = heading.indexOf(head[statusColumn]!);
  return row.slice(0, from) + paint(colours[status], status) + row.slice(from + status.length);
}

function linesOf(service: string, { code, severity, sentence, wayOut, runbook }: Problem, paint: Paint): string[] {
  return [
    `${paint(colours[severity], `${service}: ${code}`)}: ${sentence}`,
    `  way out: ${wayOut}`,
    ...(runbook === undefined ? [] : [paint('dim', `  runbook: ${runbook}`)]),
  ];
}

function summaryOf({ status, services, problems }: DoctorReport): string {
  const concerned = services.filter((service) => service.status !== 'well');
  const count = problems.length + concerned.reduce((sum, service) => sum + service.problems.length, 0);
  if (status === 'well') return `${counted(services.length, 'service')}, all well`;
  const unseen = services.filter((service) => service.status === 'unseen').map(({ service }) => service);
  const where = concerned.length === 0 ? '' : `, at ${concerned.length} of ${counted(services.length, 'service')}`;
  return `${counted(count, 'problem')}${where}${unseen.length === 0 ? '' : `; could not look at ${unseen.join(', ')}`}`;
}
