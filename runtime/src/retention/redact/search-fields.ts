import type { Sought } from './sought.ts';

export type Query = Readonly<Record<string, unknown>>;

interface Field {
  readonly type?: string;
  readonly index?: boolean;
  readonly ignore_above?: number;
  readonly normalizer?: string;
  readonly fields?: Readonly<Record<string, Field>>;
}

export interface Mapping {
  readonly properties?: Readonly<Record<string, Field>>;
}

/** What can be asked of one index. */
interface Question {
  /** Undefined when the index lacks a field of one of the texts that are sought. */
  readonly query: Query | undefined;
  /** Why documents that are meant may not be found. */
  readonly doubts: readonly string[];
}

const exactTypes = new Set(['keyword', 'constant_keyword', 'wildcard']);

/** How services write the attributes in their documents. */
const spellings = {
  tenant: ['tenantid', 'tenantId', 'tenant_id'],
  actor: ['actorid', 'actorId', 'actor_id'],
  subject: ['subject'],
  key: ['partitionkey', 'partitionKey', 'partition_key'],
} as const;

/** Only exact fields count: a full-text field would match a tenant `acme` in the name `acme north`. Which they are differs from index to index. */
export function questionFor({ properties = {} }: Mapping, sought: Sought): Question {
  const filter: Query[] = [];
  const doubts: string[] = [];
  for (const what of ['tenant', 'actor', 'subject', 'key'] as const) {
    const value = sought[what];
    if (value === undefined) continue;
    const names = spellings[what].filter((name) => properties[name] !== undefined);
    if (names.length === 0) doubts.push(`it has no field ${spellings[what].join(', ')}`);
    const terms = names.flatMap((name) => {
      const exact = exactField(name, properties[name]!, value);
      if ('doubt' in exact) doubts.push(exact.doubt);
      return 'field' in exact ? [{ term: { [exact.field]: value } }] : [];
    });
    filter.push({ bool: { should: terms, minimum_should_match: 1 } });
    if (terms.length === 0) return { query: undefined, doubts };
  }
  return { query: { bool: { filter } }, doubts };
}

function exactField(name: string, field: Field, value: string): { field: string } | { doubt: string } {
  const all = [[name, field] as const, ...Object.entries(field.fields ?? {}).map(([sub, each]) => [`${name}.${sub}`, each] as const)];
  const exact = all.filter(([, each]) => exactTypes.has(each.type ?? '') && each.index !== false && each.normalizer === undefined);
  if (exact.length === 0) return { doubt: `${name} is not a keyword, so it cannot be compared exactly; map it as keyword` };
  const whole = exact.find(([, { ignore_above: limit = Number.POSITIVE_INFINITY }]) => value.length <= limit);
  if (whole === undefined) return { doubt: `${name} is indexed only up to ${exact[0]![1].ignore_above} characters (ignore_above)` };
  return { field: whole[0] };
}
