/** What CloudWatch takes. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html */
const longestRule = 10_240;
const mostChildren = 100;

/** A composite alarm: it is in alarm while one of its children is. */
export interface PlannedComposite {
  readonly name: string;
  readonly rule: string;
  /** Names of composites that it is made of, because its own rule would be too long. */
  readonly parts: readonly string[];
}

/** The one state of `children` together under `name`, and before it its parts, where one rule has no room for all. */
export function compositesOf(name: string, children: readonly string[]): PlannedComposite[] {
  const rules = rulesOf(children);
  if (rules.length < 2) return rules.map((rule) => ({ name, rule, parts: [] }));
  const parts = rules.map((rule, index) => ({ name: `${name}-part-${index + 1}`, rule, parts: [] }));
  const names = parts.map((part) => part.name);
  return [...parts, { name, rule: names.map(term).join(or), parts: names }];
}

const or = ' OR ';
const term = (alarm: string): string => `ALARM("${alarm}")`;

function rulesOf(children: readonly string[]): string[] {
  const rules: string[][] = [];
  for (const child of children) {
    const last = rules.at(-1);
    const fits = last !== undefined && last.length < mostChildren && [...last, term(child)].join(or).length <= longestRule;
    if (fits) last.push(term(child));
    else rules.push([term(child)]);
  }
  return rules.map((terms) => terms.join(or));
}
