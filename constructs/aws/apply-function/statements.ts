import type { PolicyStatement } from '../../core/policy.ts';
import type { ResolvedApplyFunction } from './resolve.ts';

/** What Lambda does with the role in order to put the function into the network. */
const interfaceActions = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:UnassignPrivateIpAddresses',
] as const;
/** Known for no single resource. */
const lookActions = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSecurityGroups', 'ec2:DescribeSubnets', 'ec2:DescribeVpcs'] as const;

/** Lambda alone may take the role. That it acts for this function is what IAM asks of whoever gives the function its role. */
export const lambdaAlone: PolicyStatement = {
  Sid: 'Lambda',
  Effect: 'Allow',
  Principal: { Service: 'lambda.amazonaws.com' },
  Action: 'sts:AssumeRole',
};

/** What the function may, a policy for each purpose: read its documents, administer each of its services, and run. */
export function functionPolicies(resolved: ResolvedApplyFunction): Readonly<Record<string, readonly PolicyStatement[]>> {
  const { documents, administers } = resolved;
  const services = Object.entries(administers).map(([service, statements]) => [`administer-${service}`, statements] as const);
  return { documents, ...Object.fromEntries(services), run: runStatements(resolved) };
}

/**
 * Rights of Lambda itself; what it does with network interfaces the code may not do.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
function runStatements({ logStreamsArn, networkArns, functionArn }: ResolvedApplyFunction): PolicyStatement[] {
  return [
    { Sid: 'WriteLog', Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: logStreamsArn },
    { Sid: 'WriteTraces', Effect: 'Allow', Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], Resource: '*' },
    { Sid: 'StandInNetwork', Effect: 'Allow', Action: interfaceActions, Resource: networkArns },
    { Sid: 'LookAtNetwork', Effect: 'Allow', Action: lookActions, Resource: '*' },
    {
      Sid: 'NotByItsCode',
      Effect: 'Deny',
      Action: [...interfaceActions, ...lookActions],
      Resource: '*',
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    },
  ];
}
