import type { EnvironmentIdentity } from '../../../constructs/core/identity.ts';

type Tree = Readonly<Record<string, unknown>>;
type ByType = Readonly<Record<string, Readonly<Record<string, Tree>>>>;

/** As much of a `cdk.tf.json` as rules look at. */
export interface Config {
  readonly provider?: Readonly<Record<string, readonly Tree[]>>;
  readonly resource?: ByType;
  readonly data?: ByType;
  readonly output?: Readonly<Record<string, Tree>>;
  readonly locals?: Tree;
}

/** One resource or data source. */
export interface Block {
  /** `aws_vpc`, `data.aws_vpc` */
  readonly type: string;
  readonly name: string;
  /** Stack and ids of the constructs, as far as the framework noted them: `staging-network/Network/Resource`. */
  readonly path: string;
  readonly arguments: Tree;
}

/** A synthesized stack of an environment, as rules see it. */
export interface StackContent {
  readonly name: string;
  readonly identity: EnvironmentIdentity;
  readonly config: Config;
  readonly blocks: readonly Block[];
}

/** What rules may ask of the file of one stack. */
export function stackContent(name: string, identity: EnvironmentIdentity, config: Config): StackContent {
  const data = Object.fromEntries(Object.entries(config.data ?? {}).map(([type, ofType]) => [`data.${type}`, ofType]));
  const blocks = Object.entries({ ...config.resource, ...data }).flatMap(([type, ofType]) =>
    Object.entries(ofType).map(([id, { '//': notes, ...args }]) => ({
      type,
      name: id,
      path: pathOf(notes) ?? `${name}/${id}`,
      arguments: args,
    })),
  );
  return { name, identity, config, blocks };
}

function pathOf(notes: unknown): string | undefined {
  return (notes as { metadata?: { path?: string } } | undefined)?.metadata?.path;
}

export function ofTypes({ blocks }: StackContent, ...types: readonly string[]): readonly Block[] {
  return blocks.filter(({ type }) => types.includes(type));
}

/** The values at `path`, `a.b.c`: several where a block on the way is repeated, none where it is missing. */
export function valuesAt(tree: unknown, path: string): readonly unknown[] {
  const [key, ...rest] = path.split('.');
  const found = key === undefined || typeof tree !== 'object' || tree === null ? undefined : (tree as Tree)[key];
  if (found === undefined || found === null) return [];
  if (rest.length === 0) return [found];
  return (Array.isArray(found) ? found : [found]).flatMap((item) => valuesAt(item, rest.join('.')));
}

/** Every text in `tree`, with the path of keys that leads to it. */
export function textsIn(tree: unknown, path = ''): readonly { readonly path: string; readonly text: string }[] {
  if (typeof tree === 'string') return [{ path, text: tree }];
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree)
    .filter(([key]) => key !== '//')
    .flatMap(([key, value]) => textsIn(value, path === '' ? key : `${path}.${key}`));
}
