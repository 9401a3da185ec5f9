import { IamRole } from '@cdktf/provider-aws/lib/iam-role';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy';
import { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function';
import { AssetType, type Construct, Fn, TerraformAsset } from '../../core/framework.ts';
import { type EnvironmentIdentity, identityOf } from '../../core/identity.ts';
import { arnOf, logGroupName, resourceName } from '../../core/naming.ts';
import { type PolicyStatement, policyDocument } from '../../core/policy.ts';
import type { NetworkReference } from '../network/index.ts';
import { defineLogGroup } from './log-group.ts';

/** A program of the package as a function on AWS. */
export interface NetworkFunctionSettings {
  /** Last part of the names of function, role and log group: `ENV-PART`. */
  readonly part: string;
  readonly description: string;
  readonly network: NetworkReference;
  /** Encrypts the log and the variables. */
  readonly encryptionKeyArn: string;
  /** Name of the parameter with the binding. */
  readonly parameterName: string;
  /** ZIP archive of the code, an absolute path; it is copied beside the plan. */
  readonly code: string;
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  /** What its code may, a policy for each purpose. */
  readonly policies: Readonly<Record<string, readonly PolicyStatement[]>>;
  /** How long its log is kept. @default as long as servers' logs */
  readonly logDays?: number;
}

/** A function that was defined, and what belongs to it. */
export interface NetworkFunction {
  readonly function: LambdaFunction;
  readonly logGroupName: string;
  /** Changes with the code, once Terraform reads it: the plan does not. */
  readonly codeHash: string;
}

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
const lambdaAlone: PolicyStatement = {
  Sid: 'Lambda',
  Effect: 'Allow',
  Principal: { Service: 'lambda.amazonaws.com' },
  Action: 'sts:AssumeRole',
};

/**
 * A function in the network of the servers, as a client of theirs: small, on Graviton, one at a time, its log encrypted, its role for it alone.
 *
 * Terraform takes the code from a file beside the plan and its hash from there, so a plan does not change with the code. What it is made of are children of
 * `scope`: `Logs`, `Code`, `Role`, a child for each policy, and `Resource`.
 */
export function defineNetworkFunction(scope: Construct, settings: NetworkFunctionSettings): NetworkFunction {
  const identity = identityOf(scope);
  const { network, encryptionKeyArn, parameterName, part } = settings;
  const name = resourceName(identity, part);
  const { name: logGroup } = defineLogGroup(scope, 'Logs', [part], encryptionKeyArn, settings.logDays);
  // With a hash of the content the plan would hold it.
  const { path: code } = new TerraformAsset(scope, 'Code', { path: settings.code, type: AssetType.FILE, assetHash: 'code' });
  const role = new IamRole(scope, 'Role', { name, description: `program of ${name}`, assumeRolePolicy: policyDocument([lambdaAlone]) });
  const policies = Object.entries({ ...settings.policies, run: runStatements(identity, part) }).map(
    ([policy, statements]) => new IamRolePolicy(scope, policy, { name: policy, role: role.name, policy: policyDocument(statements) }),
  );
  const codeHash = Fn.filebase64sha256(code);
  const made = new LambdaFunction(scope, 'Resource', {
    functionName: name,
    description: settings.description,
    role: role.arn,
    runtime: 'nodejs22.x',
    architectures: ['arm64'],
    handler: 'index.handler',
    filename: code,
    sourceCodeHash: codeHash,
    memorySize: settings.memoryMiB,
    timeout: settings.timeoutSeconds,
    reservedConcurrentExecutions: 1,
    vpcConfig: { subnetIds: [...network.privateSubnetIds], securityGroupIds: [network.clients.securityGroupId] },
    environment: { variables: { MILLRACE_BINDING: `ssm:${parameterName}` } },
    kmsKeyArn: encryptionKeyArn,
    tracingConfig: { mode: 'Active' },
    loggingConfig: { logFormat: 'JSON', logGroup, applicationLogLevel: 'INFO', systemLogLevel: 'WARN' },
    // Lambda refuses a function in a network whose role may not stand there.
    dependsOn: policies,
  });
  return { function: made, logGroupName: logGroup, codeHash };
}

/**
 * Rights of Lambda itself; what it does with network interfaces the code may not do.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
function runStatements(identity: EnvironmentIdentity, part: string): PolicyStatement[] {
  const logStreams = arnOf(identity, 'logs', `log-group:${logGroupName(identity, part)}:*`);
  const functionArn = arnOf(identity, 'lambda', `function:${resourceName(identity, part)}`);
  return [
    { Sid: 'WriteLog', Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: logStreams },
    { Sid: 'WriteTraces', Effect: 'Allow', Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], Resource: '*' },
    // Of which kind a network interface needs which rights on is AWS's business: all of them in this account and region.
    { Sid: 'StandInNetwork', Effect: 'Allow', Action: interfaceActions, Resource: arnOf(identity, 'ec2', '*/*') },
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
