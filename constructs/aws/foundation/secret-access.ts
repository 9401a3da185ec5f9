import type { PolicyStatement } from '../../core/policy.ts';

/**
 * What reading secrets takes: `secretsmanager:GetSecretValue` on them and `kms:Decrypt` with their key.
 *
 * @param what ends the ids of the statements: `ReadKafkaPassword`, `DecryptKafkaPassword`.
 * @param encryptionKeyArn absent where they have the account's default key, which needs no leave.
 */
export function readSecretStatements(
  what: string,
  secretArns: string | readonly string[],
  encryptionKeyArn: string | undefined,
): PolicyStatement[] {
  const read: PolicyStatement = { Sid: `Read${what}`, Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: secretArns };
  if (encryptionKeyArn === undefined) return [read];
  return [read, { Sid: `Decrypt${what}`, Effect: 'Allow', Action: 'kms:Decrypt', Resource: encryptionKeyArn }];
}
