import { environment } from '../../environments/index.ts';
import { synthesize, template } from '../support/synthesized.ts';
import { disagreements, leaks } from './engine/agreement.ts';
import { conformingEngine } from './engine.ts';

/** Of processes and containers the same holds, and that they run: see `whole-environment` of the servers, and `environment` of Docker. */
describe('the engine `aws`, as far as its plan goes', () => {
  const staging = environment('staging');
  const written = synthesize([staging]);
  const { binding_content } = JSON.parse(template(written, 'staging-topology').text).locals;
  // Beside it lie the programs of its functions, whose libraries know how a key looks.
  const texts = Object.fromEntries(Object.entries(written.files).filter(([path]) => path.endsWith('.json')));
  const binding = { ...binding_content, generation: '0'.repeat(64) };

  conformingEngine({
    environment: () => staging,
    binding: () => binding,
    secretsAndTexts: () => ({ secrets: writtenOut(texts), texts }),
  });

  test('leaves every secret with Secrets Manager', () => {
    const sources = [...JSON.stringify(binding).matchAll(/"from":"([^"]+)"/g)].map(([, from]) => from);
    expect(new Set(sources)).toEqual(new Set(['aws-secrets-manager']));
  });
});

/** Passwords that a plan has as they are, and not as something that is known when it is carried out. */
function writtenOut(texts: Readonly<Record<string, string>>): Record<string, string> {
  const found = Object.values(texts).flatMap((text) => [...text.matchAll(/"(\w*password|secret_string|auth_token)(_wo)?": "([^"$]+)"/g)]);
  return Object.fromEntries(found.map(([, attribute, , value]) => [attribute!, value!]));
}

describe('an engine that does not conform is found out', () => {
  const local = environment('local');
  const honest = {
    schema: 'millrace.binding/1',
    environment: 'local',
    generation: '0'.repeat(64),
    topology: { hash: '1'.repeat(64), location: 'topology.json' },
    services: {
      cache: { kind: 'redis', role: 'events', endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 1 }], auth: { mode: 'none' } },
    },
  };

  test('by what it binds', () => {
    const found = disagreements(honest, local);
    expect(found).toContain(
      'cache: {"kind":"redis","role":"cache","hasTls":true,"users":[]} is declared, {"kind":"redis","role":"events","hasTls":false,"users":[]} is bound',
    );
    expect(found.filter((line) => line.endsWith('nothing is bound'))).toHaveLength(Object.keys(local.services).length - 1);
    expect(found).toContain('the topology is another than the declared one');
    expect(disagreements({ ...honest, password: 'x' }, local)).toEqual([expect.stringMatching(/^the document is no binding/)]);
  });

  test('by what it shows', () => {
    expect(leaks({ cache: 'p4ss\n' }, { log: 'AUTH p4ss', plan: '{}', key: '-----BEGIN PRIVATE KEY-----' })).toEqual([
      'cache in log',
      'a private key in key',
    ]);
    const made = ['$', '{random_password.it.result}'].join('');
    expect(writtenOut({ plan: `{"auth_token": "p4ss", "user_password": "${made}"}` })).toEqual({ auth_token: 'p4ss' });
  });
});
