import * as z from 'zod/mini';

/** Version of the document; a reader refuses any other. */
export const bindingSchemaId = 'millrace.binding/1';

export const serviceKinds = [
  'redis',
  'redis-sentinel',
  'kafka',
  'rabbitmq',
  'opensearch',
  'postgres',
  'prometheus',
  'alertmanager',
] as const;
export type ServiceKind = (typeof serviceKinds)[number];

/** What a service may be used for. `cache` may evict, `events` and `jobs` may not, whatever the server. */
export const serviceRoles = ['cache', 'events', 'jobs', 'log', 'tasks', 'search', 'database', 'metrics', 'alerts'] as const;
export type ServiceRole = (typeof serviceRoles)[number];

/** Name of a service in an environment: lower-case words joined by hyphens. */
export const serviceName = z.string().check(z.regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/), z.maxLength(32));

const port = z.int().check(z.minimum(1), z.maximum(65535));

/** Where a secret lies; never the secret. */
export const secretRef = z.strictObject({
  from: z.enum(['env', 'file', 'aws-secrets-manager']),
  /** Name of the variable, path of the file (a relative one is relative to the binding file), or ARN. */
  id: z.string().check(z.minLength(1)),
  /** Key within a JSON secret; the whole secret when absent. */
  jsonKey: z.optional(z.string().check(z.minLength(1))),
  version: z.optional(z.string()),
});
export type SecretRef = z.infer<typeof secretRef>;

export const endpointPurposes = ['primary', 'reader', 'node', 'sentinel', 'bootstrap', 'management', 'metrics'] as const;

const endpoint = z.strictObject({
  purpose: z.enum(endpointPurposes),
  host: z.string().check(z.minLength(1)),
  port,
  /** What the servers of a set call this one, where it is reached elsewhere: behind published ports of containers, for example. */
  announced: z.optional(z.strictObject({ host: z.string().check(z.minLength(1)), port })),
  /** The way of proving who you are that this endpoint asks for, where a service has several (MSK listens once per mode). */
  authMode: z.optional(z.enum(['none', 'password', 'acl', 'scram', 'iam'])),
});
export type Endpoint = z.infer<typeof endpoint>;

const tls = z.strictObject({
  /** Certificate authority in PEM; absent for a public one. A certificate is no secret, a private key is. */
  caRef: z.optional(secretRef),
  serverName: z.optional(z.string()),
  clientCertRef: z.optional(secretRef),
});

const auth = z.strictObject({
  mode: z.enum(['none', 'password', 'acl', 'scram', 'iam']),
  username: z.optional(z.string()),
  secretRef: z.optional(secretRef),
  sentinelSecretRef: z.optional(secretRef),
});

/** What administering a service takes beyond connecting to it; services have no use for it. */
const administration = z.strictObject({
  /** Role that may administer it; assumed first. */
  roleArn: z.optional(z.string()),
  /** Who may change its users, where that is not whoever `auth` names. */
  auth: z.optional(auth),
  /** Who made `users`: the plan, or absent, `millrace apply`. */
  usersFrom: z.optional(z.enum(['plan'])),
  /** Where snapshots lie, as OpenSearch registers a repository. */
  snapshotRepository: z.optional(z.strictObject({ type: z.enum(['fs', 's3']), settings: z.record(z.string(), z.string()) })),
  /** Where older indices can move: nodes with the attribute `temp`, or the tiers of Amazon OpenSearch Service. */
  tiers: z.optional(z.enum(['none', 'node-attribute', 'ultrawarm', 'ultrawarm-and-cold'])),
});

const iam = z.strictObject({
  region: z.string(),
  service: z.string(),
  resourceName: z.string(),
  serverless: z.optional(z.boolean()),
});

export const boundService = z.strictObject({
  kind: z.enum(serviceKinds),
  role: z.enum(serviceRoles),
  endpoints: z.array(endpoint).check(z.minLength(1)),
  /** Name of the master set that the sentinels watch. */
  masterName: z.optional(z.string()),
  clusterMode: z.optional(z.boolean()),
  database: z.optional(z.string()),
  vhost: z.optional(z.string()),
  tls: z.optional(tls),
  auth,
  /** Users with fewer rights than that of `auth`, by their names in `aclUsers` of the topology. */
  users: z.optional(z.record(z.string(), auth)),
  administration: z.optional(administration),
  iam: z.optional(iam),
  resourceArns: z.optional(z.array(z.string())),
  /** What the declared size allows, for example `maxMemoryMiB`, `maxConnections`. */
  limits: z.optional(z.record(z.string(), z.number())),
});
export type BoundService = z.infer<typeof boundService>;

/** What one stack or engine contributes: services by name. The merged binding has the fragments of all. */
export const bindingFragment = z.record(serviceName, boundService);
export type BindingFragment = z.infer<typeof bindingFragment>;

/**
 * What was provisioned, as services see it: versioned, typed, without any secret value.
 *
 * The topology itself lies elsewhere (an SSM parameter holds 8 KB); the binding says where, and which content is meant.
 */
export const bindingSchema = z.strictObject({
  schema: z.enum([bindingSchemaId]),
  environment: z.string().check(z.minLength(1)),
  /** SHA-256 of everything else in the document, hexadecimal: equal content, equal generation. */
  generation: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  services: bindingFragment,
  topology: z.optional(
    z.strictObject({
      hash: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
      /** A path (relative to the binding file) or an `s3://` address. */
      location: z.string().check(z.minLength(1)),
    }),
  ),
  /** Where old partitions of the log go before they are dropped: a folder (relative to the binding file) or an `s3://` address, with a slash at the end. */
  archive: z.optional(z.strictObject({ location: z.string().check(z.minLength(1)) })),
});
export type Binding = z.infer<typeof bindingSchema>;
