import { bindingSchema } from '../../../runtime/src/contracts/binding.ts';
import { formatProblem, problemsOf } from '../../../runtime/src/contracts/problems.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';

function problems(schema: typeof bindingSchema | typeof topologySchema, input: unknown): string[] {
  const result = schema.safeParse(input);
  return result.success ? [] : problemsOf(result.error, input, schema).map(formatProblem);
}

test('every problem is reported at once, with path, value got and the change to make', () => {
  const input = {
    schema: 'millrace.binding/1',
    environment: 'x',
    generation: 'a'.repeat(64),
    services: {
      events: {
        kind: 'redis',
        rol: 'events',
        role: 'event',
        endpoints: [{ purpose: 'primary', host: 'h', port: 70000 }],
        auth: { mode: 'none' },
      },
    },
  };
  expect(problems(bindingSchema, input)).toEqual([
    'services.events.role: must be one of cache, events, jobs, log, tasks, search, database, metrics, alerts, got "event"; did you mean events?',
    'services.events.endpoints.0.port: must be at most 65535, got 70000',
    'services.events.rol: unknown key, did you mean role?',
  ]);
});

test('a missing value says what to give, a bad name says what names look like', () => {
  expect(problems(topologySchema, { topics: { 'a b': {}, ok: {} } })).toEqual([
    'topics.a b: has a name that is not allowed here: names are of the form /^[A-Za-z0-9][A-Za-z0-9._-]*$/',
    'topics.ok.transports: is required: give an array',
  ]);
});
