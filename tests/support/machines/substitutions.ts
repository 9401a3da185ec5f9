import { join } from 'node:path';

/** Programs of a machine that the rig puts another in place of; everything else of the user data runs as it is. */
export interface Substitution {
  /** Where it lies; programs of `standIns` come first in PATH. */
  readonly path: string;
  readonly instead: string;
  readonly text?: string;
  readonly file?: string;
}

/** Folder that comes first in a machine's PATH. */
export const standIns = '/usr/local/stand-ins';

const shell = (body: string): string => `#!/bin/sh\n${body}\n`;

/**
 * All that differs from a machine of EC2. Besides these: AWS is moto (`AWS_ENDPOINT_URL`), the metadata service answers on its real address through
 * `metadata.py`, cloud-init is `cloud-init.py`, the data volume is a loop device under the name that EBS volumes have.
 */
export function substitutions(awsProgram: string): readonly Substitution[] {
  return [
    {
      path: `${standIns}/dnf`,
      instead: 'packages of Amazon Linux: the machine has Debian’s redis-server, jq and openssl',
      text: shell('echo "$@" >>/run/installed'),
    },
    { path: `${standIns}/systemctl`, instead: 'systemd', file: join(__dirname, 'systemctl.sh') },
    { path: `${standIns}/aws`, instead: 'the AWS client of Amazon Linux: the same from PyPI', text: shell(`exec ${awsProgram} "$@"`) },
    { path: `${standIns}/sysctl`, instead: 'kernel settings: the kernel is everybody’s', text: shell('exit 0') },
    { path: `${standIns}/systemd-tmpfiles`, instead: 'kernel settings: the kernel is everybody’s', text: shell('exit 0') },
    {
      path: '/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl',
      instead: 'the CloudWatch agent, which is told its configuration',
      text: shell('echo "$@" >/run/agent'),
    },
  ];
}
