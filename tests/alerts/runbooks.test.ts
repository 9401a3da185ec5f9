import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { alertRows } from '../../alerts/rows/index.ts';
import { repository } from '../repository/repository.ts';
import { parseRunbook, type Runbook, readRunbooks } from './runbooks.ts';

const headings = ['What it means', 'First look', 'How to mend', 'How to know it is over'];
const books = readRunbooks();
const rows = new Map(alertRows.map((row) => [row.id, row]));

/** Everything about the form of a page that is not as agreed. */
function problemsOf(book: Runbook): string[] {
  const told = (problem: string) => `${book.id}: ${problem}`;
  const row = rows.get(book.id);
  const [title = '', ...rest] = book.text.split('\n\n');
  const sentence = row === undefined ? undefined : `${row.title}.`;
  const empty = [...book.sections].filter(([, body]) => body === '').map(([heading]) => heading);
  return [
    ...(title === `# ${book.id}` ? [] : [told(`begins with ${title}`)]),
    ...(sentence === undefined || rest[0] === sentence ? [] : [told(`its first sentence is not the row's title: ${rest[0]}`)]),
    ...([...book.sections.keys()].join() === headings.join() ? [] : [told(`has the sections ${[...book.sections.keys()].join(', ')}`)]),
    ...empty.map((heading) => told(`says nothing under ${heading}`)),
    ...book.strange.map((info) => told(`has a block marked ${info || 'not at all'}`)),
    ...(book.blocks.length === 0 ? [told('has no command')] : []),
    ...brokenLinks(book.text).map((link) => told(`links to ${link}, which is not there`)),
  ];
}

function brokenLinks(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !link.includes(':') && !existsSync(resolve(repository, 'docs/runbooks', link)));
}

test('every alert has a runbook', () => {
  const known = new Set(books.map(({ id }) => id));
  expect(alertRows.map(({ id }) => id).filter((id) => !known.has(id))).toEqual([]);
});

test('no runbook is left of an alert that is gone', () => {
  expect(books.map(({ id }) => id).filter((id) => !rows.has(id))).toEqual([]);
});

test('every runbook has its title, its four sections and commands in blocks that say what they are', () => {
  expect(books.flatMap(problemsOf)).toEqual([]);
});

const [planted] = books.filter(({ id }) => id === 'streams-backlog');
const spoilt = (change: (text: string) => string) => problemsOf(parseRunbook('streams-backlog', change(planted!.text)));

test.each<[what: string, change: (text: string) => string, problem: string]>([
  ['another title', (text) => text.replace('# streams-backlog', '# streams'), 'begins with'],
  ['another sentence than the row', (text) => text.replace('far behind its stream.', 'late.'), "not the row's title"],
  ['a section that is missing', (text) => text.replace('## How to mend', '### How to mend'), 'has the sections'],
  [
    'a section that says nothing',
    (text) => text.replace(/## How to know it is over[\s\S]*/, '## How to know it is over\n'),
    'says nothing',
  ],
  ['a block of another kind', (text) => text.replace('```sh local\n', '```sh\n'), 'has a block marked'],
  ['no command', (text) => text.replaceAll(/^```[\s\S]*?^```$/gm, ''), 'has no command'],
  ['a link to nowhere', (text) => text.replace('(redis-memory.md)', '(redis-remembers.md)'), 'which is not there'],
])('fails on %s', (_, change, problem) => {
  expect(spoilt(change)).toEqual(expect.arrayContaining([expect.stringContaining(problem)]));
});
