import type { Environment } from '../../environments/schema.ts';
import { disagreements, leaks } from './engine/agreement.ts';
import { carryEvent, healthOver, problemsOver } from './engine/live.ts';

/** An environment of one declaration, provisioned or at least planned by one engine. */
export interface EngineDriver {
  environment(): Environment;
  /** The document that services read. */
  binding(): unknown;
  /** Secrets that there are, by name, and all texts in which none may be. */
  secretsAndTexts(): { readonly secrets: Readonly<Record<string, string>>; readonly texts: Readonly<Record<string, string>> };
  /** Where services find the binding; undefined where nothing runs. */
  readonly bindingFile?: () => string;
}

/** What services rely on, whichever engine provisioned their servers: tests for the block that calls it. */
export function conformingEngine({ environment, binding, secretsAndTexts, bindingFile }: EngineDriver): void {
  test('binds what is declared: the same names, kinds, roles and users, TLS, and the declared topology', () => {
    expect(disagreements(binding(), environment())).toEqual([]);
  });

  test('shows no secret', () => {
    const { secrets, texts } = secretsAndTexts();
    expect(Object.keys(texts)).not.toEqual([]);
    expect(leaks(secrets, texts)).toEqual([]);
  });

  if (bindingFile === undefined) return;

  test('a service reaches every server over the binding alone, and finds it well', async () => {
    const checks = await healthOver(bindingFile());
    expect(checks.filter(({ status }) => status !== 'up')).toEqual([]);
    expect(checks.map(({ name }) => name).sort()).toEqual(['cache', 'database', 'events', 'log', 'search', 'tasks']);
  }, 60_000);

  test.each([
    ['events', 'orders.created', { group: 'inventory' }],
    ['log', 'analytics.events', { group: 'reports', deadLetter: false }],
  ] as const)(
    'carries a committed event over %s to a consumer',
    (service, topic, options) => carryEvent(bindingFile(), topic, service, options),
    120_000,
  );

  test('the doctor finds nothing wrong', async () => {
    expect(await problemsOver(bindingFile())).toEqual([]);
  }, 60_000);
}
