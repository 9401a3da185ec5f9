import type { AlarmCost } from '../constructs/aws/alarms/cost.ts';
import { Alarms } from '../constructs/aws/alarms/index.ts';
import type { NetworkReference } from '../constructs/aws/network/index.ts';
import { Notifications } from '../constructs/aws/notifications/index.ts';
import { ProbeFunction } from '../constructs/aws/probe-function/index.ts';
import { probedServices, probeSeriesCount, probeTargets } from '../constructs/aws/probe-function/target.ts';
import type { BindingPlace } from '../constructs/aws/worker/props.ts';
import type { AlarmTarget } from '../constructs/core/alarm-target.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import type { PolicyStatement } from '../constructs/core/policy.ts';
import { AwsStack, type AwsStackProps } from './base.ts';
import { packedCode } from './packed-code.ts';

export interface ObservabilityStackProps extends AwsStackProps {
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** Names from the stack `topology`: the probe reads the binding. */
  readonly binding: BindingPlace;
  /** What services and workers measure. */
  readonly alarmTargets: readonly AlarmTarget[];
  /** What looking at each service takes, by its name. */
  readonly watchable: Readonly<Record<string, readonly PolicyStatement[]>>;
}

/**
 * How an environment is watched: the probe, every alert as alarms, who is told of them, and a dashboard. Its last stack, because it is about all others; it
 * holds no data.
 *
 * Outputs: `disabled_alarms` with the reason of each, `service_alarms`, the one state of each service, and the topics.
 */
export class ObservabilityStack extends AwsStack {
  /** How many alarms there are and what being watched costs, a sentence. */
  readonly costLine: string;

  constructor(scope: Construct, props: ObservabilityStackProps) {
    super(scope, 'observability', props);
    const { environment, encryptionKeyArn, alarmTargets } = props;
    const { topicArns } = new Notifications(this, 'Notifications', { declared: environment.alerts, encryptionKeyArn });
    this.defineProbe(props);
    const targets = [...alarmTargets, ...probeTargets(environment)];
    const alarms = new Alarms(this, 'Alarms', { environment, targets, topicArns, probeSeries: probeSeriesCount(environment) });
    this.costLine = costLineOf(environment.name, alarms.cost);
    new TerraformOutput(this, 'disabled_alarms', { value: alarms.disabled, description: 'alerts that the declaration disables, and why' });
    new TerraformOutput(this, 'service_alarms', {
      value: alarms.serviceAlarms,
      description: 'by service the composite alarm that is in alarm while any of its critical ones is',
    });
    for (const [severity, arn] of Object.entries(topicArns)) new TerraformOutput(this, `${severity}_topic_arn`, { value: arn });
  }

  /** Where there is nothing that AWS does not tell there is no probe. */
  private defineProbe({ environment, network, encryptionKeyArn, binding, watchable }: ObservabilityStackProps): void {
    const looksAt = Object.fromEntries(probedServices(environment).map((service) => [service, watchable[service] ?? []]));
    if (Object.keys(looksAt).length === 0) return;
    const probe = new ProbeFunction(this, 'Probe', { network, encryptionKeyArn, binding, code: packedCode('probe'), looksAt });
    new TerraformOutput(this, 'probe_function_name', { value: probe.functionName });
    new TerraformOutput(this, 'probe_log_group', { value: probe.logGroupName });
  }
}

function costLineOf(environment: string, { alarms, composites, probeSeries, monthlyUsd }: AlarmCost): string {
  return `${environment}: ${alarms} alarms, ${composites} composite alarms, a dashboard and ${probeSeries} metrics of the probe cost about ${monthlyUsd} USD a month`;
}
