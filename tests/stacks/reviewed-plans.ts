import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostFilesName } from '../../constructs/docker/foundation/host-files.ts';
import { environment, environments } from '../../environments/index.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';
import { readableAlarm } from './readable-alarms.ts';

/** Longer than any policy: user data of a machine, the topology document. Their sources are reviewed where they stand. */
const longestText = 4_000;

/**
 * The plan of every environment that has one as a reviewer reads it, a file a stack: `tests/stacks/plans/staging-cache.json`. Beside a Docker environment's lies what
 * its containers read (`dev-platform-files.json`).
 *
 * Alarms are told in a few lines each. Keys are sorted, policies are shown as documents, values of other stacks as `STACK: VALUE`, and long texts by their length and hash. Outputs that only
 * carry a value to another stack are left out. A change of a declaration or a construct shows as a change of these files; `make generate` writes them.
 */
export function reviewedPlans(): Record<string, string> {
  return inTemporaryFolder((outDir) => {
    const { app, stacks } = planOf({ environments: Object.keys(environments).map(environment), state: { kind: 'local' }, outDir });
    app.synth();
    return Object.fromEntries(
      stacks.flatMap(({ node: { id } }) => [
        reviewed(id, withReadableAlarms(Template.read(outDir, id).plan())),
        ...filesOf(join(outDir, 'stacks', id, hostFilesName)).map((files) => reviewed(`${id}-files`, files)),
      ]),
    );
  });
}

function reviewed(name: string, content: unknown): readonly [path: string, text: string] {
  return [`tests/stacks/plans/${name}.json`, `${JSON.stringify(readable(content), null, 2)}\n`];
}

/** What lies beside the plan, if anything does: texts by their lines, which is how they change. */
function filesOf(path: string): unknown[] {
  if (!existsSync(path)) return [];
  const { containers, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as { containers: Record<string, Record<string, string>> };
  const lines = (text: string): unknown => (text.length > longestText || !text.includes('\n') ? text : text.trimEnd().split('\n'));
  const shown = Object.entries(containers).map(([name, files]) => [
    name,
    Object.fromEntries(Object.entries(files).map(([file, text]) => [file, lines(text)])),
  ]);
  return [{ ...rest, containers: Object.fromEntries(shown) }];
}

function withReadableAlarms(plan: unknown): unknown {
  const { resource, ...rest } = plan as { readonly resource?: Record<string, Record<string, Record<string, unknown>>> };
  const alarms = resource?.aws_cloudwatch_metric_alarm;
  if (alarms === undefined) return plan;
  const shown = Object.fromEntries(Object.entries(alarms).map(([id, alarm]) => [id, readableAlarm(alarm)]));
  return { ...rest, resource: { ...resource, aws_cloudwatch_metric_alarm: shown } };
}

function readable(value: unknown): unknown {
  if (typeof value === 'string') return readableText(value);
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, readable(inner)]));
}

/** A value of another stack, as the framework writes it: 130 characters of which two words matter. */
const fromOtherStack = /data\.terraform_remote_state\.cross-stack-reference-input-([\w-]+)\.outputs\.cross-stack-output-/g;

function readableText(text: string): unknown {
  if (text.length > longestText) {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
    return `${text.length} characters, SHA-256 ${hash}...`;
  }
  const short = text.replaceAll(fromOtherStack, '$1: ');
  if (!short.startsWith('{"')) return short;
  try {
    return readable(JSON.parse(short));
  } catch {
    // An expression of Terraform that only begins like a document.
    return short;
  }
}
