import { alarmRules } from './alarms.ts';
import { iamRules } from './iam.ts';
import { keepingRules } from './keeping.ts';
import { networkRules } from './network.ts';
import type { Rule } from './rule.ts';
import { secretRules } from './secrets.ts';
import { serviceRules } from './services.ts';

/** Everything that every stack of every environment on AWS must keep to, and that no scanner looks at. */
export const rules: readonly Rule[] = [...networkRules, ...secretRules, ...iamRules, ...serviceRules, ...keepingRules, ...alarmRules];
