import { twoZonesRule } from '../../core/rules.ts';
import { listed, type Rule } from '../../core/validate.ts';
import { kafkaNameRule, kafkaRoleRule } from '../msk/validate.ts';
import type { ResolvedMskServerless } from './resolve.ts';

/** What a serverless cluster must be. */
export const mskServerlessRules: readonly Rule<ResolvedMskServerless>[] = [
  kafkaNameRule,
  kafkaRoleRule,
  {
    condition: ({ brokerOverrides }) => brokerOverrides.length > 0,
    message: ({ brokerOverrides }) =>
      `overrides must hold serverless alone, because Serverless decides the rest, got ${listed(brokerOverrides)}`,
  },
  twoZonesRule,
];
