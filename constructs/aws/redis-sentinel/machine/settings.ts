/** Everything that one machine of a Sentinel set is told. Values may be tokens of the plan, so they are only ever put into text. */
export interface MachineSettings {
  readonly environment: string;
  readonly service: string;
  readonly region: string;
  /** Name under which the sentinels watch the master. */
  readonly masterName: string;
  /** The three machines by private DNS name; the first is the first master. */
  readonly nodes: readonly MachineNode[];
  /** Which of {@link nodes} this machine is. */
  readonly node: number;
  readonly ports: { readonly redis: number; readonly sentinel: number };
  readonly settings: {
    readonly memoryMiB: number;
    readonly downAfterMs: number;
    readonly failoverTimeoutMs: number;
    readonly maxMemoryPolicy: string;
  };
  readonly secrets: MachineSecrets;
  readonly users: MachineUsers;
  readonly backup: MachineBackup;
  /** CloudWatch group that takes the machine's logs. */
  readonly logGroup: string;
  /** EBS volume that outlives the instance: data, append-only file, sentinel.conf. */
  readonly dataVolumeId: string;
  readonly software: MachineSoftware;
}

export interface MachineNode {
  readonly name: string;
  /** Private DNS name that stays the same over replacements. */
  readonly host: string;
}

/** ARNs of secrets in Secrets Manager; never a value. */
export interface MachineSecrets {
  /** JSON `{username, password}` of the services. */
  readonly users: string;
  /** JSON `{username, password}` that sentinels demand of clients and of each other. */
  readonly sentinel: string;
  /** JSON `{username, password}` of replicas, sentinels and the machine's own scripts. */
  readonly replication: string;
  /** JSON `{username, password}` of whoever changes users. */
  readonly apply: string;
  /** Certificate of the set's authority (PEM), without a value until node 0 boots for the first time. */
  readonly authority: string;
  /** Private key of the authority (PEM), without a value until node 0 boots for the first time. */
  readonly authorityKey: string;
}

/** Where a machine finds the users of the topology: by fixed names, whoever they are. */
export interface MachineUsers {
  /** What the names of their secrets begin with, each JSON `{username, password}`. */
  readonly secrets: string;
  /** `s3://` address of a JSON object: the rules of each by its name. */
  readonly document: string;
}

export interface MachineBackup {
  readonly bucket: string;
  /** Folder in the bucket, without slashes at its ends. */
  readonly prefix: string;
  readonly snapshotEveryHours: number;
  readonly appendLogEveryHours: number;
  /** The bucket's lifecycle ends older ones: a machine may not delete what would save the set. */
  readonly keepDays: number;
}

/** Packages of the region's Amazon Linux repository, or what an image of one's own already has. */
export type MachineSoftware = 'amazon-linux' | 'image';
