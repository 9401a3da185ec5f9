import { Msk } from '../../constructs/aws/msk/index.ts';
import type { MskProps } from '../../constructs/aws/msk/props.ts';
import { MskServerless } from '../../constructs/aws/msk-serverless/index.ts';
import type { MskServerlessProps } from '../../constructs/aws/msk-serverless/props.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { Template } from '../support/template.ts';
import { network } from './elasticache.ts';

/** All that has to be said. */
export const minimal = { service: 'log', role: 'log', network, encryptionKeyArn: 'arn:aws:kms:key' } as const satisfies MskProps &
  MskServerlessProps;

/** A stack with one cluster of brokers: `minimal` with `props` over it. */
export function define(
  props: Partial<MskProps> = {},
  identity: Partial<EnvironmentIdentity> = {},
  use: (msk: Msk) => void = () => undefined,
) {
  return Template.of((stack) => use(new Msk(stack, 'log', { ...minimal, ...props })), identity);
}

/** A stack with one serverless cluster. */
export function defineServerless(
  props: Partial<MskServerlessProps> = {},
  identity: Partial<EnvironmentIdentity> = {},
  use: (msk: MskServerless) => void = () => undefined,
) {
  return Template.of((stack) => use(new MskServerless(stack, 'log', { ...minimal, ...props })), identity);
}
