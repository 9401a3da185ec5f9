import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import type { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function';
import { LambdaFunctionEventInvokeConfig } from '@cdktf/provider-aws/lib/lambda-function-event-invoke-config';
import { SchedulerSchedule } from '@cdktf/provider-aws/lib/scheduler-schedule';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { arnOf, resourceName } from '../../core/naming.ts';
import { policyDocument } from '../../core/policy.ts';
import { readBindingStatements } from '../foundation/binding-access.ts';
import { defineNetworkFunction } from '../foundation/network-function.ts';
import type { ProbeFunctionProps } from './props.ts';

/** Looks are given 10 s each and go side by side; the rest is a cold start, in which secrets are read and connections made. */
const timeoutSeconds = 50;
/** Enough for all clients at once; Lambda gives processor time by memory, a third of a core here. */
const memoryMiB = 512;
/** What is in the log went into metrics when it was written, and these are kept for 15 months. */
const logDays = 14;
/** A look that is late is worth nothing: the next one is due. The least that AWS takes. */
const latestSeconds = 60;

/**
 * `millrace probe` as a function in the network of the servers, every minute: what it sees goes into its log, and from there CloudWatch takes the metrics.
 *
 * It may read the binding and connect to the services that it looks at, and needs no right to write metrics. A minute that is missed is not made up for:
 * nothing is tried again, by the schedule or by Lambda, and one look at a time is under way.
 */
export class ProbeFunction extends Construct {
  readonly functionName: string;
  readonly logGroupName: string;
  private readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: ProbeFunctionProps) {
    super(scope, id);
    const { network, encryptionKeyArn, binding, code, looksAt } = props;
    const made = defineNetworkFunction(this, {
      ...{ part: 'probe', description: 'what no server tells of itself: lag, dead letters, the outbox' },
      ...{ network, encryptionKeyArn, code, memoryMiB, timeoutSeconds, logDays, parameterName: binding.parameterName },
      policies: {
        documents: readBindingStatements(identityOf(this), binding, encryptionKeyArn),
        ...Object.fromEntries(Object.entries(looksAt).map(([service, statements]) => [`look-at-${service}`, statements])),
      },
    });
    this.function = made.function;
    this.functionName = made.function.functionName;
    this.logGroupName = made.logGroupName;
    new LambdaFunctionEventInvokeConfig(this, 'Attempts', {
      functionName: this.functionName,
      maximumRetryAttempts: 0,
      maximumEventAgeInSeconds: latestSeconds,
    });
    this.defineSchedule(props);
  }

  /** The way around this construct: sets any argument of the function, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.function.addOverride(path, value);
  }

  private defineSchedule({ encryptionKeyArn, looksAt }: ProbeFunctionProps): void {
    const name = resourceName(identityOf(this), 'probe-schedule');
    const role = this.defineScheduleRole(name, encryptionKeyArn);
    new SchedulerSchedule(this, 'Schedule', {
      name,
      description: 'looks at the servers every minute',
      scheduleExpression: 'rate(1 minute)',
      flexibleTimeWindow: { mode: 'OFF' },
      kmsKeyArn: encryptionKeyArn,
      target: {
        arn: this.function.arn,
        roleArn: role.arn,
        input: JSON.stringify({ only: Object.keys(looksAt) }),
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: latestSeconds },
      },
    });
  }

  /** With a role of its own the schedule needs no word in a policy of the function, which others could be added to. */
  private defineScheduleRole(name: string, encryptionKeyArn: string): IamRole {
    const identity = identityOf(this);
    const role = new IamRole(this, 'ScheduleRole', {
      name,
      description: 'lets the schedule run the probe',
      assumeRolePolicy: policyDocument([
        {
          Sid: 'Scheduler',
          Effect: 'Allow',
          Principal: { Service: 'scheduler.amazonaws.com' },
          Action: 'sts:AssumeRole',
          Condition: {
            StringEquals: {
              'aws:SourceAccount': identity.account,
              'aws:SourceArn': arnOf(identity, 'scheduler', 'schedule-group/default'),
            },
          },
        },
      ]),
    });
    const functionArn = arnOf(identity, 'lambda', `function:${resourceName(identity, 'probe')}`);
    new IamRolePolicy(this, 'invoke', {
      name: 'invoke',
      role: role.name,
      policy: policyDocument([
        { Sid: 'RunProbe', Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: functionArn },
        { Sid: 'ReadSchedule', Effect: 'Allow', Action: 'kms:Decrypt', Resource: encryptionKeyArn },
      ]),
    });
    return role;
  }
}
