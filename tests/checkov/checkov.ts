import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pythonWith } from '../support/python.ts';

/** Its dependencies are many and large, so it has an environment of its own. @see https://pypi.org/project/checkov/ */
const packages: readonly string[] = ['checkov==3.3.30'];

/** One rule of checkov, and one resource that it was held against. */
export interface Verdict {
  /** `CKV_AWS_158` */
  readonly rule: string;
  readonly what: string;
  /** First part of the stack's name. */
  readonly environment: string;
  /** `aws_s3_bucket` */
  readonly type: string;
  /** Stack part and ids of the constructs: `topology/Documents/Resource`. */
  readonly path: string;
}

export interface Report {
  readonly passed: readonly Verdict[];
  readonly failed: readonly Verdict[];
  readonly unreadable: readonly string[];
}

interface Found {
  readonly check_id: string;
  readonly check_name: string;
  readonly file_path: string;
  readonly resource: string;
}

/** Holds every rule of checkov against all stacks in `folder`, without asking anyone on the internet. */
export async function scan(folder: string): Promise<Report> {
  // The framework `terraform` reads no JSON, and says nothing of it.
  const { results } = JSON.parse(await checkov(['--framework', 'terraform_json', '--directory', folder, '--output', 'json', '--compact']));
  const resources = resourcesIn(folder);
  const verdicts = (found: readonly Found[]) => found.flatMap((one) => resources.verdictOf(one) ?? []);
  return { passed: verdicts(results.passed_checks), failed: verdicts(results.failed_checks), unreadable: results.parsing_errors };
}

/** Types of resources that have rules which are held against each of them, whatever it is connected with. */
export async function typesWithRules(): Promise<ReadonlySet<string>> {
  const rows = (await checkov(['--list', '--framework', 'terraform']))
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return new Set(rows.flatMap(([, , , , type, , , source]) => (type && source?.includes('/checks/resource/') ? [type] : [])));
}

async function checkov(args: readonly string[]): Promise<string> {
  const python = await pythonWith(packages);
  const env = { ...process.env, BC_SKIP_MAPPING: 'TRUE', LOG_LEVEL: 'ERROR' };
  const program = ['-m', 'checkov.main', '--skip-download', '--soft-fail', ...args];
  return new Promise((resolve, reject) => {
    execFile(python, program, { env, maxBuffer: 1 << 28, timeout: 120_000 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`checkov failed: ${stderr.slice(-2_000)}`, { cause: error })),
    );
  });
}

/** What the templates say of the resources that checkov names. */
function resourcesIn(folder: string) {
  const known = new Map<string, Omit<Verdict, 'rule' | 'what'>>();
  for (const stack of readdirSync(folder)) {
    const { resource = {} } = JSON.parse(readFileSync(join(folder, stack, 'cdk.tf.json'), 'utf8'));
    const [environment = '', ...part] = stack.split('-');
    for (const [type, ofType] of Object.entries<Record<string, { '//': { metadata: { path: string } } }>>(resource)) {
      for (const [name, { '//': notes }] of Object.entries(ofType)) {
        const verdict = { environment, type, path: [part.join('-'), ...notes.metadata.path.split('/').slice(1)].join('/') };
        // Of a resource that it looks at alone checkov says the name without the type.
        for (const key of [`${type}.${name}`, `resource.${name}`]) known.set(`/${stack} ${key}`, verdict);
      }
    }
  }
  const verdictOf = ({ check_id, check_name, file_path, resource }: Found): Verdict | undefined => {
    if (resource.startsWith('provider.')) return undefined;
    const found = known.get(`${dirname(file_path)} ${resource}`);
    if (found === undefined) throw new Error(`checkov names ${resource} in ${file_path}, and the template has no such resource`);
    return { rule: check_id, what: check_name, ...found };
  };
  return { verdictOf };
}
