import { isWholeNumber, listed, quoted, type Rule, repeated } from './validate.ts';

/** The form of names that every service takes: lower-case letters, digits and single hyphens, a letter first. */
export function isName(text: string, longest: number): boolean {
  return text.length <= longest && /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text);
}

/**
 * The name that a service gets in AWS is one that AWS takes.
 *
 * @param longest what AWS admits, in characters
 * @param parts what the name is put together from. @default environment and service name
 */
export function nameRule<K extends string>(
  property: K,
  longest: number,
  parts = 'environment and service name',
): Rule<Readonly<Record<K, string>>> {
  return {
    condition: ({ [property]: name }) => !isName(name, longest),
    message: ({ [property]: name }) =>
      `${parts} together must be at most ${longest} lower-case letters, digits and hyphens, got ${quoted(name)}`,
  };
}

/**
 * The service has a role that such servers are for.
 *
 * @param reason why others are refused, or where they belong. @default none
 */
export function roleRule(roles: readonly string[], reason?: string): Rule<{ readonly role: string }> {
  const admitted = roles.length === 1 ? listed(roles) : `one of ${listed(roles)}`;
  return {
    condition: ({ role }) => !roles.includes(role),
    message: ({ role }) => `role must be ${admitted}, got ${quoted(role)}${reason === undefined ? '' : `: ${reason}`}`,
  };
}

/** A number is whole, and between two others or one of them. */
export function betweenRule<K extends string>(property: K, least: number, most: number): Rule<Readonly<Record<K, number>>> {
  return {
    condition: ({ [property]: value }) => !isWholeNumber(value, least, most),
    message: ({ [property]: value }) => `${property} must be between ${least} and ${most}, got ${value}`,
  };
}

/** No value of a list stands in it twice. */
export function differentRule<K extends string>(property: K): Rule<Readonly<Record<K, readonly string[]>>> {
  return {
    condition: ({ [property]: values }) => repeated(values).length > 0,
    message: ({ [property]: values }) => `${property} must be different, got ${listed(repeated(values))} twice`,
  };
}

/** Servers can stand in two zones, so that one can fail. */
export const twoZonesRule: Rule<{ readonly subnetIds: readonly string[] }> = {
  condition: ({ subnetIds }) => subnetIds.length < 2,
  message: ({ subnetIds }) => `the network must have private subnets in at least 2 zones, got ${subnetIds.length}`,
};
