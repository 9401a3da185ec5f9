import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repository } from '../repository/repository.ts';
import { pythonWith } from '../support/python.ts';
import { commandsOf, readRunbooks } from './runbooks.ts';

const script = join(repository, 'tests/support/aws-commands.py');
let python: string;

beforeAll(async () => {
  python = await pythonWith();
}, 300_000);

/** What is wrong with each command, by the models that the AWS command line is made of: services, operations, options, members, values. One Python for all. */
function problemsOf(commands: readonly string[]): string[][] {
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input: JSON.stringify(commands),
    encoding: 'utf8',
    // Models need neither credentials nor the network.
    env: { PATH: process.env.PATH ?? '', AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: '/dev/null' },
    maxBuffer: 16_777_216,
  });
  if (status !== 0) throw new Error(`the check ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as string[][];
}

test('every AWS command of the runbooks names an operation that exists, with options that it has and all that it needs', () => {
  const commands = readRunbooks().flatMap(({ id, blocks }) =>
    blocks.filter(({ kind }) => kind === 'aws').flatMap((block) => commandsOf(block).map((command) => ({ id, command }))),
  );
  expect(commands.length).toBeGreaterThan(50);
  const problems = problemsOf(commands.map(({ command }) => command));
  const told = commands.flatMap(({ id, command }, index) => problems[index]!.map((problem) => `${id}: ${problem}: ${command}`));
  expect(told).toEqual([]);
}, 60_000);

const statistics =
  'aws cloudwatch get-metric-statistics --namespace AWS/ES --metric-name Nodes --period 60 --start-time START --end-time END';

const sound = [
  'aws kms describe-key --key-id KEY --query KeyMetadata.KeyState --region REGION',
  `${statistics} --statistics Minimum Maximum --dimensions Name=DomainName,Value=DOMAIN Name=ClientId,Value=ACCOUNT`,
  `${statistics} --statistics Sum --start-time "$(date -u -d '-1 hour' +%FT%TZ)" | jq '.Datapoints[]'`,
  'network=$(aws ecs describe-services --cluster CLUSTER --services SERVICE)',
  'aws ecs wait services-stable --cluster CLUSTER --services SERVICE && echo stable',
  `aws lambda invoke --function-name ENVIRONMENT-apply --cli-binary-format raw-in-base64-out --payload '{"check":true}' /dev/stdout`,
  'aws ec2 describe-instances --filters Name=tag:Name,Values=ONE,TWO --max-items 5',
  `aws logs filter-log-events --log-group-name GROUP --filter-pattern '?ERROR ?WARN' --start-time "$(date +%s)000"`,
  'aws logs tail GROUP --since 1h',
  'aws s3api list-objects-v2 --bucket BUCKET --max-items 3',
  `aws kafka update-broker-storage --cluster-arn ARN --current-version VERSION --target-broker-ebs-volume-info '[{"KafkaBrokerNodeId":"ALL","VolumeSizeGB":SIZE}]'`,
  'aws elasticache modify-serverless-cache --serverless-cache-name NAME --cache-usage-limits DataStorage={Maximum=GIB,Unit=GB}',
  'aws elasticache modify-replication-group --replication-group-id GROUP --apply-immediately',
];

test('commands that are right pass', () => {
  expect(problemsOf(sound)).toEqual(sound.map(() => []));
}, 60_000);

const wrong: readonly (readonly [string, string])[] = [
  ['aws opensearchh describe-domain --domain-name DOMAIN', 'no service opensearchh'],
  ['aws opensearch describe-domain-weather --domain-name DOMAIN', 'opensearch has no operation describe-domain-weather'],
  ['aws opensearch describe-domain --domain DOMAIN', 'describe-domain has no option --domain'],
  ['aws opensearch describe-domain', '--domain-name is missing'],
  ['aws opensearch describe-domain DOMAIN', 'DOMAIN belongs to no option'],
  [`${statistics} --statistics Median`, '--statistics: Median is none of SampleCount, Average, Sum, Minimum, Maximum'],
  [`${statistics} --dimensions Name=DomainName,Val=DOMAIN`, '--dimensions: no member Val in Name, Value'],
  [`${statistics} --dimensions Name=DomainName`, '--dimensions: Value is missing'],
  [`${statistics} --period often`, '--period: often is no number'],
  ['aws lambda invoke --function-name NAME --payload TEXT', 'invoke needs the file that its answer goes to'],
  ['aws ecs wait services-happy --cluster CLUSTER --services SERVICE', 'ecs cannot wait for services-happy'],
  [
    `aws kafka update-broker-storage --target-broker-ebs-volume-info '[{"Size":1}]'`,
    '--target-broker-ebs-volume-info: no member Size in KafkaBrokerNodeId, ProvisionedThroughput, VolumeSizeGB',
  ],
  [
    'aws elasticache modify-serverless-cache --cache-usage-limits DataStorage={Most=1}',
    '--cache-usage-limits: no member Most in Maximum, Minimum, Unit',
  ],
  ['aws logs tail GROUP --sinse 1h', 'tail has no option --sinse'],
  ["aws kms describe-key --key-id 'KEY", 'the shell cannot read it: No closing quotation'],
  ['kubectl get pods', 'no call of aws in it'],
];

test('each kind of mistake is found', () => {
  const problems = problemsOf(wrong.map(([command]) => command));
  for (const [index, [, problem]] of wrong.entries()) expect(problems[index]).toContain(problem);
}, 60_000);
