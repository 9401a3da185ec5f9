import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorGuide } from '../../runtime/src/contracts/error-guide.ts';
import { generatedFiles } from './generated.ts';
import { repository } from './repository.ts';

const committed = (path: string) => readFileSync(join(repository, path), 'utf8');

test.each(Object.entries(generatedFiles()))("%s is what today's code generates; if not, run `make generate`", (path, content) => {
  expect(committed(path)).toBe(content);
});

describe('docs/errors.md and the list of codes are equal', () => {
  const headings = [...committed('docs/errors.md').matchAll(/^## (.+)$/gm)].map(([, code]) => code);

  test('every code has its heading', () => expect(Object.keys(errorGuide).filter((code) => !headings.includes(code))).toEqual([]));
  test('every heading is a code', () => expect(headings.filter((code) => !(code! in errorGuide))).toEqual([]));
});

test('no two codes tell the same', () => {
  const meanings = Object.values(errorGuide).map(({ meaning }) => meaning);
  expect(new Set(meanings).size).toBe(meanings.length);
});

test('the binding schema asks for what a reader needs and lets no other key in', () => {
  const schema = JSON.parse(committed('runtime/schemas/binding.json'));
  expect(schema.required).toEqual(['schema', 'environment', 'generation', 'services']);
  expect(schema.additionalProperties).toBe(false);
});
