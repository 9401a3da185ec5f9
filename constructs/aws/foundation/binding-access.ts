import type { EnvironmentIdentity } from '../../core/identity.ts';
import { arnOf, globalArnOf } from '../../core/naming.ts';
import type { PolicyStatement } from '../../core/policy.ts';

/** Where the documents lie that a program reads before it connects. */
export interface DocumentPlace {
  /** Name of the parameter with the binding, `/millrace/ENV/binding`. */
  readonly parameterName: string;
  /** Bucket whose `topology/` holds the document that the binding means. */
  readonly documentsBucket: string;
}

/**
 * What reading the binding and the topology takes: `ssm:GetParameter` on the parameter, `s3:GetObject` on topology documents, `kms:Decrypt` with the key of
 * the environment.
 *
 * Documents by prefix, not by name: a name is a hash, and a program that starts again must read the next one.
 */
export function readBindingStatements(
  identity: EnvironmentIdentity,
  { parameterName, documentsBucket }: DocumentPlace,
  encryptionKeyArn: string,
): PolicyStatement[] {
  const parameter = arnOf(identity, 'ssm', `parameter${parameterName}`);
  const topology = globalArnOf(identity, 's3', `${documentsBucket}/topology/*`);
  return [
    { Sid: 'ReadBinding', Effect: 'Allow', Action: 'ssm:GetParameter', Resource: parameter },
    { Sid: 'ReadTopology', Effect: 'Allow', Action: 's3:GetObject', Resource: topology },
    { Sid: 'DecryptTopology', Effect: 'Allow', Action: 'kms:Decrypt', Resource: encryptionKeyArn },
  ];
}
