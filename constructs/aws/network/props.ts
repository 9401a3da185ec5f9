import type { SecurityGroupReference } from '../foundation/connections.ts';

/** The network that servers and their clients stand in, ours or another's. */
export interface NetworkReference {
  readonly vpcId: string;
  /** One a zone in the order of the environment's zones, without a way to the internet. */
  readonly privateSubnetIds: readonly string[];
  /** Processes that use the environment's servers carry this group; the servers' own groups let it in. */
  readonly clients: SecurityGroupReference;
  /** Ways to AWS services, for machines that are no clients; absent where someone else keeps them. */
  readonly endpoints?: NetworkEndpoints;
}

/** How AWS services are reached without leaving a network. */
export interface NetworkEndpoints {
  /** Group of the interface endpoints; absent where there are none. */
  readonly interfaces?: SecurityGroupReference;
  /** Addresses of S3, reached through its gateway endpoint. */
  readonly s3PrefixListId: string;
}

export interface NetworkProps {
  /** IPv4 range, /16 to /22. Each zone has a sixteenth of it; half of it stays free for tiers to come. */
  readonly cidr: string;
  readonly encryptionKeyArn: string;
  /** @default the zones of the environment */
  readonly zones?: readonly string[];
  /**
   * AWS services that are reached without leaving the network, by the last part of the endpoint's name.
   *
   * Each costs about 7 USD a month and zone.
   *
   * @default secretsmanager, ssm, logs, kms
   */
  readonly interfaceEndpoints?: readonly string[];
  /**
   * Buckets outside the account that may be read through the S3 endpoint; the account's own always can.
   *
   * @default the region's buckets with the layers of images in ECR, and with the packages of Amazon Linux 2023
   */
  readonly readableBucketArns?: readonly string[];
  /** VPCs that the network is joined to. @default none */
  readonly peers?: readonly NetworkPeer[];
  /** Whether accepted and rejected connections are logged. @default true */
  readonly flowLogs?: boolean;
}

/** A VPC of the same account and region that the network is joined to. */
export interface NetworkPeer {
  readonly vpcId: string;
  /** Its range, or the part of it that is to be reached, /16 to /28. It must not overlap with that of the network. */
  readonly cidr: string;
  /** Its route tables that get a way back. */
  readonly routeTableIds: readonly string[];
}

/** A network that exists already: the environment adds nothing but a group for its clients. */
export interface NetworkAttributes {
  readonly vpcId: string;
  /** One a zone, in the order of the environment's zones. */
  readonly privateSubnets: readonly PlacedSubnet[];
}

/** A subnet, and the zone that it is said to be in. */
export interface PlacedSubnet {
  readonly id: string;
  readonly zone: string;
}
