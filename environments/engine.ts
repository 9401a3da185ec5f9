import * as z from 'zod';
import { serviceKinds } from '../runtime/src/contracts/binding.ts';
import { isRangeBetween } from './ranges.ts';

const accountId = z.string().regex(/^\d{12}$/);
const regionName = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/);

/** Eight subnets need room, and as much stays free; AWS allows no more than /16. */
const networkRange = z.string().refine((text) => isRangeBetween(text, 16, 22), {
  error: ({ input }) => `must be an IPv4 network of /16 to /22 such as 10.20.0.0/16, got ${JSON.stringify(input)}`,
});
/** What AWS allows a VPC to have, or a part of it. */
const peerRange = z.string().refine((text) => isRangeBetween(text, 16, 28), {
  error: ({ input }) => `must be an IPv4 network of /16 to /28 such as 10.0.0.0/16, got ${JSON.stringify(input)}`,
});

const vpcId = z.string().regex(/^vpc-[0-9a-f]+$/);

/** A VPC of the same account and region that is joined to the environment's own network, such as that of a database. */
const peer = z.strictObject({
  vpcId,
  /** Range of that VPC, or the part of it that is meant; addresses outside are not reached. */
  cidr: peerRange,
  /** Its route tables that get a way back: those of the database's subnets. */
  routeTableIds: z.array(z.string().regex(/^rtb-[0-9a-f]+$/)).min(1),
});

/** A private subnet of a network that exists, in the zone that AWS says it is in. */
const privateSubnet = z.strictObject({ id: z.string().regex(/^subnet-[0-9a-f]+$/), zone: z.string() });

const network = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('own'),
    cidr: networkRange,
    /** VPCs that the network is joined to. A database that exists asks for them, or for an empty list where it stands in this network itself. */
    peers: z.array(peer).optional(),
  }),
  z.strictObject({ kind: z.literal('existing'), vpcId, privateSubnets: z.array(privateSubnet).min(2) }),
]);

/** User interfaces that a Docker environment may have. */
export const toolKinds = ['grafana', 'opensearch-dashboards', 'kafka-ui'] as const;
export type ToolKind = (typeof toolKinds)[number];

/** What has an image of its own: kinds of servers, tools, and `worker`, which holds the programs of the package. */
export const imageKeys = [...serviceKinds, ...toolKinds, 'worker'] as const;
export type ImageKey = (typeof imageKeys)[number];

/** Room for eighteen sets of Redis, whose members have fixed addresses, and 128 other containers. */
const containerRange = z.string().refine((text) => isRangeBetween(text, 24, 24), {
  error: ({ input }) => `must be an IPv4 network of /24 such as 10.78.0.0/24, got ${JSON.stringify(input)}`,
});

/** What runs the servers of an environment, and where. */
export const engine = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('aws'),
    account: accountId,
    region: regionName,
    /**
     * Zones of an own network; further ones go to the end, because servers stand in the first. Subnets of a network that exists say theirs.
     *
     * @default the first three zones of the region: its name with a, b and c
     */
    availabilityZones: z.array(z.string()).min(2).max(6).optional(),
    network,
  }),
  z.strictObject({
    kind: z.literal('docker'),
    /** Images instead of those that are built here, where the registry of the house has its own; without a way to it they must be on the machine. */
    images: z.partialRecord(z.enum(imageKeys), z.string().min(1)).default({}),
    /** Servers are published on 127.0.0.1 from this port upwards, a hundred for each kind. */
    ports: z.strictObject({ base: z.int().min(1024).max(64_000) }).default({ base: 18_000 }),
    /** Addresses of the containers; another one where this is in use, or where a second environment runs on the machine. */
    subnet: containerRange.default('10.78.0.0/24'),
    /** Whether servers speak TLS, with certificates of an authority that the first deployment makes; they ask for passwords either way. */
    tls: z.boolean().default(true),
    /** User interfaces beside the servers. */
    tools: z.array(z.enum(toolKinds)).default([]),
  }),
  z.strictObject({
    kind: z.literal('process'),
    /** Servers listen on 127.0.0.1 from this port upwards. */
    ports: z.strictObject({ base: z.int().min(1024).max(65_000) }),
    /** Whether servers speak TLS, with certificates of an authority that `up` makes; they ask for passwords either way. */
    tls: z.boolean().default(true),
  }),
]);
