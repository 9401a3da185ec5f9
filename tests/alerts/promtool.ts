import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AlertingRule, RuleGroup } from '../../alerts/prometheus/rules.ts';
import type { Course } from './course.ts';
import type { RuleCase, TriedRule } from './rule-cases.ts';

const run = promisify(execFile);

export interface Verdict {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs promtool, whatever it says. */
export async function promtool(...args: string[]): Promise<Verdict> {
  try {
    const { stdout, stderr } = await run('promtool', args, { maxBuffer: 2 ** 26 });
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    if (stdout === undefined) throw error;
    return { ok: false, output: `${stdout}${stderr ?? ''}` };
  }
}

/** Writes a rule and what it is tried with into `dir`. @returns the file for `promtool test rules` */
export function writeRuleTest(dir: string, name: string, tried: TriedRule, recordings: readonly RuleGroup[]): string {
  const { rule, stepSeconds } = tried;
  const needed = recordings.filter(({ rules }) => rules.some((each) => 'record' in each && rule.expr.includes(each.record)));
  const rulesFile = join(dir, `${name}.rules.yml`);
  writeFileSync(rulesFile, JSON.stringify({ groups: [...needed, { name: 'tried', rules: [rule] }] }));
  const document = {
    rule_files: [rulesFile],
    evaluation_interval: `${stepSeconds}s`,
    tests: tried.cases.map((situation) => testOf(tried, situation)),
  };
  const file = join(dir, `${name}.test.yml`);
  writeFileSync(file, JSON.stringify(document));
  return file;
}

function testOf(tried: TriedRule, { title, series, fires }: RuleCase) {
  const { rule, level, stepSeconds, warmSeconds } = tried;
  const { forSeconds } = level;
  const last = warmSeconds + forSeconds + 3 * stepSeconds;
  const samples = Math.ceil(last / stepSeconds) + 1;
  const silence = { expr: firing(rule), exp_samples: [] };
  return {
    name: `${rule.alert} ${rule.labels.severity} ${title}`,
    interval: `${stepSeconds}s`,
    input_series: Object.entries(series).map(([name, course]) => ({ series: name, values: words(course, samples) })),
    promql_expr_test: [
      // Not before its time: what it fires for must have lasted.
      ...(forSeconds >= stepSeconds ? [{ ...silence, eval_time: `${forSeconds - stepSeconds}s` }] : []),
      fires.length === 0
        ? { ...silence, eval_time: `${last}s` }
        : {
            expr: `count by (service) (${firing(rule)}) > bool 0`,
            eval_time: `${last}s`,
            exp_samples: fires.map((service) => ({ labels: `{service="${service}"}`, value: 1 })),
          },
    ],
  };
}

function firing({ alert, labels }: AlertingRule): string {
  return `ALERTS{alertname="${alert}",severity="${labels.severity}",alertstate="firing"}`;
}

function words(course: Course, samples: number): string {
  if (typeof course === 'string') return course;
  const [from, step] = typeof course === 'number' ? [course, 0] : course;
  return `${from}+${step}x${samples}`;
}
