import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf, logGroupName, resourceName } from '../../core/naming.ts';
import { readBindingStatements } from '../foundation/binding-access.ts';
import type { ApplyFunctionProps } from './props.ts';

/**
 * The first apply takes seconds. An answer must come before whoever deploys loses the connection, on which nothing is sent meanwhile: NAT gateways of AWS
 * forget one after 350 s.
 */
const timeoutSeconds = 300;

/** Enough for all clients at once; Lambda gives processor time by memory, a third of a core here. */
const memoryMiB = 512;

/** Everything about the function, decided. */
export type ResolvedApplyFunction = ReturnType<typeof resolveApplyFunction>;

/** The settings of the function with every default and every name. */
export function resolveApplyFunction(props: ApplyFunctionProps, identity: EnvironmentIdentity) {
  const name = resourceName(identity, 'apply');
  const logParts = ['apply'];
  return {
    ...props,
    name,
    functionArn: arnOf(identity, 'lambda', `function:${name}`),
    logParts,
    logStreamsArn: arnOf(identity, 'logs', `log-group:${logGroupName(identity, ...logParts)}:*`),
    /** Of which kind a network interface needs which rights on is AWS's business: all of them in this account and region. */
    networkArns: arnOf(identity, 'ec2', '*/*'),
    account: identity.account,
    timeoutSeconds,
    memoryMiB,
    documents: readBindingStatements(identity, props.binding, props.encryptionKeyArn),
    allowDestroy: props.allowDestroy ?? [],
  };
}
