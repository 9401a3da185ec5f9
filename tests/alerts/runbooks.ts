import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../repository/repository.ts';

const folder = join(repository, 'docs', 'runbooks');

/** How the commands of a block are meant, by its info string; `setup` blocks stand in the README and say which system they are for. */
export type BlockKind = 'local' | 'local-change' | 'kafka' | 'aws' | 'setup';
const kinds: readonly string[] = ['local', 'local-change', 'kafka', 'aws', 'setup'] satisfies BlockKind[];

export interface Block {
  readonly kind: BlockKind;
  /** What stands behind the kind: `redis-sentinel` of `sh setup redis-sentinel`. */
  readonly of: string;
  readonly text: string;
}

/** One page of `docs/runbooks/`. */
export interface Runbook {
  readonly id: string;
  readonly text: string;
  /** Text of each section by its heading, in their order. */
  readonly sections: ReadonlyMap<string, string>;
  readonly blocks: readonly Block[];
  /** Info strings of fenced blocks that are none of these kinds. */
  readonly strange: readonly string[];
}

/** Every page but the README. */
export function readRunbooks(): Runbook[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
  return names.sort().map((name) => parseRunbook(name.slice(0, -'.md'.length), readFileSync(join(folder, name), 'utf8')));
}

/** What the README has one set before the first command. */
export function setupBlocks(): readonly Block[] {
  return parseRunbook('README', readFileSync(join(folder, 'README.md'), 'utf8')).blocks.filter(({ kind }) => kind === 'setup');
}

export function parseRunbook(id: string, text: string): Runbook {
  const fences = [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', body = '']) => ({ words: info.split(' '), body }));
  const [known, strange] = [true, false].map((wanted) =>
    fences.filter(({ words: [shell, kind = ''] }) => (shell === 'sh' && kinds.includes(kind)) === wanted),
  ) as [typeof fences, typeof fences];
  return {
    ...{ id, text, sections: sectionsOf(text) },
    blocks: known.map(({ words: [, kind, of = ''], body }) => ({ kind: kind as BlockKind, of, text: body })),
    strange: strange.map(({ words }) => words.join(' ')),
  };
}

function sectionsOf(text: string): Map<string, string> {
  const withoutBlocks = text.replaceAll(/^```[\s\S]*?^```$/gm, (block) => block.replaceAll(/^#/gm, ' #'));
  const [, ...parts] = withoutBlocks.split(/^## /m);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')).trim(), part.slice(part.indexOf('\n')).trim()]));
}

/** Commands of a block, one each, with their continuation lines. */
export function commandsOf({ text }: Pick<Block, 'text'>): string[] {
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
}
