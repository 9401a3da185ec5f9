import { ofTypes, type StackContent, textsIn, valuesAt } from './content.ts';
import { type Rule, resource } from './rule.ts';

/** Arguments whose value is a secret, in the plan and the state. Those that end in `_wo` are written and never stored. */
const secretArgument = /(^|_)(auth_token|passwords?|secret_string|secret_binary|private_key|secret_key|secret_access_key)$/;
const secretReference =
  /\b(ephemeral\.|random_password\.|data\.aws_secretsmanager_secret_version\.|data\.aws_ssm_parameter\.[^.}]+\.value\b|\.secret_string\b)/;
const secretLiteral =
  /AKIA[A-Z0-9]{16}|BEGIN [A-Z ]*PRIVATE KEY|(?:password|passwd|secret|token)["']?\s*[:=]\s*["']?(?=[a-z]*\d)[a-z0-9+]{20,}/i;
const secretName = /password|passwd|secret|token|private_?key/i;
const literal = 'password=0a1b2c3d4e5f6a7b8c9d0e1f';
const readBack = `\${data.aws_secretsmanager_secret_version.x.secret_string}`;

/**
 * Secrets that Terraform must read, so that its state holds them.
 *
 * The provider takes the password of a broker as a plain argument only, and Amazon MQ makes no broker without one; PagerDuty's key is a part of the address
 * that SNS calls.
 */
const readIntoState: readonly { readonly type: string; readonly argument: RegExp; readonly path: RegExp }[] = [
  { type: 'aws_mq_broker', argument: /^user\.\d+\.password$/, path: /^[a-z0-9]+-messaging\/[^/]+\/Resource$/ },
  { type: 'data.aws_secretsmanager_secret_version', argument: /^$/, path: /^[a-z0-9]+-messaging\/[^/]+\/Admin\/Current$/ },
  {
    type: 'aws_sns_topic_subscription',
    argument: /^endpoint$/,
    path: /^[a-z0-9-]+-observability\/Notifications\/(warning|critical)-pagerduty-[0-9a-f]+$/,
  },
  {
    type: 'data.aws_secretsmanager_secret_version',
    argument: /^$/,
    path: /^[a-z0-9-]+-observability\/Notifications\/PagerDuty-[0-9a-f]+$/,
  },
];
const isReadIntoState = (type: string, argument: string, path: string): boolean =>
  readIntoState.some((known) => known.type === type && known.argument.test(argument) && known.path.test(path));

const isSecret = (text: string): boolean => secretReference.test(text) || secretLiteral.test(text);
const lastKey = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

/** Where programs get settings from, and everybody who may describe the resource reads them too. */
const settings: readonly { readonly type: string; readonly argument: string }[] = [
  { type: 'aws_instance', argument: 'user_data' },
  { type: 'aws_instance', argument: 'user_data_base64' },
  { type: 'aws_launch_template', argument: 'user_data' },
  { type: 'aws_lambda_function', argument: 'environment' },
  { type: 'aws_ecs_task_definition', argument: 'container_definitions' },
  { type: 'aws_ssm_parameter', argument: 'insecure_value' },
  { type: 'aws_ssm_parameter', argument: 'value' },
  { type: 'aws_s3_object', argument: 'content' },
  { type: 'aws_msk_configuration', argument: 'server_properties' },
  { type: 'aws_mq_configuration', argument: 'data' },
];

const inSettings = (stack: StackContent) =>
  settings.flatMap(({ type, argument }) =>
    ofTypes(stack, type).flatMap(({ path, arguments: args }) =>
      valuesAt(args, argument).flatMap((value) =>
        textsIn(value)
          .filter(({ text }) => isSecret(text))
          .map(() => `${path}: ${argument} holds a secret`),
      ),
    ),
  );

/** Variables of containers: what is secret comes by `secrets`, from Secrets Manager when the container starts. */
const inContainers = (stack: StackContent) =>
  ofTypes(stack, 'aws_ecs_task_definition').flatMap(({ path, arguments: { container_definitions } }) =>
    containersOf(container_definitions).flatMap(({ environment = [] }) =>
      environment
        .filter(({ name }) => secretName.test(name) && !/_(id|arn|name|file|path)$/i.test(name))
        .map(({ name }) => `${path}: the variable ${name} holds a secret`),
    ),
  );

function containersOf(definitions: unknown): readonly { readonly environment?: readonly { readonly name: string }[] }[] {
  if (typeof definitions !== 'string' || !definitions.startsWith('[')) return [];
  return JSON.parse(definitions);
}

export const secretRules: readonly Rule[] = [
  {
    id: 'no-argument-takes-a-secret',
    what: 'a value that is secret goes through write-only arguments, or not through Terraform',
    violations: (stack) =>
      stack.blocks.flatMap(({ type, path, arguments: args }) =>
        textsIn(args)
          .filter((text) => secretArgument.test(lastKey(text.path)) && !isReadIntoState(type, text.path, path))
          .map((text) => `${type} ${path}: ${text.path} is stored in the state`),
      ),
    planted: [
      resource('aws_elasticache_replication_group', { auth_token: literal }),
      resource('aws_elasticache_user', { authentication_mode: [{ type: 'password', password: readBack }] }),
      resource('aws_secretsmanager_secret_version', { secret_string: `\${jsonencode({})}` }),
      resource('aws_mq_broker', { user: [{ username: 'admin', password: readBack }] }),
    ],
  },
  {
    id: 'no-secret-is-read-into-the-state',
    what: 'what a data source reads is stored',
    violations: (stack) =>
      ofTypes(stack, 'data.aws_secretsmanager_secret_version', 'data.aws_secretsmanager_random_password', 'random_password')
        .filter(({ type, path }) => !isReadIntoState(type, '', path))
        .map(({ type, path }) => `${type} ${path} is stored in the state`),
    planted: [
      { data: { aws_secretsmanager_secret_version: { planted: { secret_id: 'x' } } } },
      resource('random_password', { length: 40 }),
    ],
  },
  {
    id: 'settings-hold-no-secret',
    what: 'user data, variables, parameters and documents hold no secret, nor a local value that they may be made from',
    violations: (stack) => [
      ...inSettings(stack),
      ...inContainers(stack),
      ...textsIn(stack.config.locals)
        .filter(({ text }) => isSecret(text))
        .map(({ path }) => `local ${path} holds a secret`),
    ],
    planted: [
      ...settings.flatMap(({ type, argument }) => [resource(type, { [argument]: literal }), resource(type, { [argument]: readBack })]),
      resource('aws_lambda_function', { environment: [{ variables: { DATABASE: literal } }] }),
      resource('aws_ecs_task_definition', { container_definitions: '[{"environment":[{"name":"DB_PASSWORD","value":"x"}]}]' }),
      { locals: { text: `#!/bin/sh\nexport ${literal}\n` } },
    ],
  },
  {
    id: 'outputs-hold-no-secret',
    what: 'an output is in the state, and in that of whoever reads it',
    violations: (stack) =>
      Object.entries(stack.config.output ?? {}).flatMap(([name, { value }]) =>
        textsIn(value, 'value')
          .filter(
            ({ path, text }) =>
              isSecret(text) || secretArgument.test(lastKey(path)) || /\.(auth_token|passwords?|private_key)\b/.test(text),
          )
          .map(({ path }) => `output ${name}: ${path} is a secret`),
      ),
    planted: [
      { output: { planted: { value: readBack } } },
      { output: { planted: { value: { auth: [{ password: 'x' }] } } } },
      { output: { 'cross-stack-output-aws_mq_broker': { sensitive: true, value: `\${aws_mq_broker.x.user[0].password}` } } },
    ],
  },
];
