import { gzipSync } from 'node:zlib';
import { compressedUserData } from '../../constructs/aws/redis-sentinel/user-data.ts';
import { TerraformLocal } from '../../constructs/core/framework.ts';
import { Template } from '../support/template.ts';
import { define } from './redis-sentinel.ts';

/** EC2's limit for user data before base64. */
const limit = 16 * 1_024;

const localsOf = (template: Template) => (JSON.parse(template.text) as { locals: Record<string, string> }).locals;
const userDataOf = (template: Template) =>
  Object.entries(localsOf(template)).flatMap(([name, text]) => (name.includes('UserData') ? [text] : []));

/** What Terraform makes of a text: references become `value`, escapes go. */
const rendered = (text: string, value: (reference: string) => string) =>
  text.replaceAll(/\$\$\{|%%\{|\$\{([^}]+)\}/g, (match, reference) => (reference === undefined ? match.slice(1) : value(reference)));

describe('user data', () => {
  const texts = userDataOf(define());

  test('is one text a machine, of which each knows which it is', () => {
    expect(texts).toHaveLength(3);
    expect(new Set(texts).size).toBe(3);
    for (const text of texts) expect(text).toMatch(/^#cloud-config\n/);
  });

  test('refers to nothing but ARNs, names and the volume', () => {
    const references = texts.flatMap((text) => [...text.matchAll(/(?<!\$)\$\{([^}]+)\}/g)].map(([, reference]) => reference!));
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) {
      expect(reference).toMatch(
        /^aws_(secretsmanager_secret\.\S+\.arn|s3_bucket\.\S+\.bucket|cloudwatch_log_group\.\S+\.name|ebs_volume\.\S+\.id)$/,
      );
    }
  });

  test('fits into what EC2 takes, with the longest names', () => {
    for (const text of texts) {
      // Of random letters, so that they do not compress.
      const long = rendered(text, (reference) => `${Buffer.from(reference).toString('base64')}`.repeat(4).slice(0, 140));
      const { length } = gzipSync(long, { level: 6 });
      expect(length).toBeLessThan(limit * 0.95);
    }
  });
});

test('text of the shell reaches the machine as it was written, values of the plan are put in', () => {
  const template = Template.of((stack) => {
    const { asString } = new TerraformLocal(stack, 'Volume', 'vol-1');
    compressedUserData(stack, 'Shell', `echo "\${HOME}" %{http_code} $\${twice} ${asString} '"quoted"'\n`);
  });
  const locals = localsOf(template);
  const [text] = Object.entries(locals).flatMap(([name, value]) => (name.includes('Shell') ? [value] : []));
  expect(text).toBe(`echo "$\${HOME}" %%{http_code} $$\${twice} \${local.Volume} '"quoted"'\n`);
});
