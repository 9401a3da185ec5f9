import { listed, quoted, type Rule } from '../../core/validate.ts';
import { kafkaRoles } from '../msk/validate.ts';
import type { ResolvedMskServerless } from './resolve.ts';

const longestName = 64;

/** What a serverless cluster must be. */
export const mskServerlessRules: readonly Rule<ResolvedMskServerless>[] = [
  {
    condition: ({ clusterName: name }) => name.length > longestName || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name),
    message: ({ clusterName: name }) =>
      `environment and service name together must be at most ${longestName} lower-case letters, digits and hyphens, got ${quoted(name)}`,
  },
  {
    condition: ({ role }) => !kafkaRoles.includes(role),
    message: ({ role }) => `role must be one of ${kafkaRoles.join(', ')}, got ${quoted(role)}`,
  },
  {
    condition: ({ brokerOverrides }) => brokerOverrides.length > 0,
    message: ({ brokerOverrides }) =>
      `overrides must hold serverless alone, because Serverless decides the rest, got ${listed(brokerOverrides)}`,
  },
  {
    condition: ({ subnetIds }) => subnetIds.length < 2,
    message: ({ subnetIds }) => `the network must have private subnets in at least 2 zones, got ${subnetIds.length}`,
  },
];
