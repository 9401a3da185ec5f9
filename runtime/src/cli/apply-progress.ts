import type { ApplyProgress } from '../topology/apply.ts';
import { changeLines, closingLines, type Paint } from '../topology/report.ts';

interface Group {
  readonly service: string;
  lines: string[];
  ended: boolean;
}

/** Prints changes as they happen, those of one service together: one service is written as it goes on, the others wait until it has ended. */
export function groupedProgress(write: (line: string) => void, paint: Paint): (progress: ApplyProgress) => void {
  const groups: Group[] = [];
  const flush = (): void => {
    const first = groups[0];
    if (first === undefined) return;
    for (const line of first.lines.splice(0)) write(line);
    if (!first.ended) return;
    groups.shift();
    flush();
  };
  const add = (service: string, kind: string, lines: readonly string[]): void => {
    if (lines.length === 0) return;
    const known = groups.find((group) => group.service === service);
    if (known === undefined) groups.push({ service, lines: [`${service} (${kind})`, ...lines], ended: false });
    else known.lines.push(...lines);
  };
  return (progress) => {
    if (progress.event === 'change') add(progress.service, progress.kind, changeLines(progress.change, paint));
    else {
      const { service, kind } = progress.outcome;
      add(service, kind, closingLines(progress.outcome, paint));
      for (const group of groups) if (group.service === service) group.ended = true;
    }
    flush();
  };
}
