import { hash } from 'bcryptjs';

/** Names in the certificates of the cluster's own authority. */
export const [nodeName, managerName] = ['node', 'user-manager'] as const;

/** The user that clients of this server are. */
export const adminUser = 'admin';

/**
 * 2^8 rounds, 15 ms: the plugin computes them with the first request and again each hour. More would protect passwords that can be guessed; these are
 * drawn at random.
 */
export const passwordCost = 8;

export function hashPassword(password: string): Promise<string> {
  return hash(password, passwordCost);
}

/** The user `admin`, who may do everything. */
export function userOf(passwordHash: string): object {
  return { hash: passwordHash, backend_roles: [adminUser] };
}

/**
 * The files that the security index is filled from, once, when there is none: one user who may do everything. Roles such as `all_access` are built in.
 * The plugin asks for every one of these files.
 */
export function securityFiles(passwordHash: string): Readonly<Record<string, string>> {
  const files: readonly (readonly [file: string, type: string, content: object])[] = [
    ['config', 'config', { config: { dynamic: { http: { anonymous_auth_enabled: false }, authc: { basic: basicAuthentication } } } }],
    ['internal_users', 'internalusers', { [adminUser]: userOf(passwordHash) }],
    ['roles_mapping', 'rolesmapping', { all_access: { backend_roles: [adminUser] } }],
    ['roles', 'roles', {}],
    ['action_groups', 'actiongroups', {}],
    ['tenants', 'tenants', {}],
    ['nodes_dn', 'nodesdn', {}],
    ['allowlist', 'allowlist', { config: { enabled: false } }],
    ['audit', 'audit', { config: { enabled: false } }],
  ];
  return Object.fromEntries(files.map(([file, type, content]) => [`${file}.yml`, render(type, content)]));
}

const basicAuthentication = {
  http_enabled: true,
  transport_enabled: true,
  order: 0,
  http_authenticator: { type: 'basic', challenge: true },
  authentication_backend: { type: 'intern' },
};

/** JSON texts are YAML texts too. */
function render(type: string, content: object): string {
  return `${JSON.stringify({ _meta: { type, config_version: 2 }, ...content })}\n`;
}
