import type { CertificateFiles } from '../tls/server-tls.ts';

/** Everything that opensearch.yml says, whoever hosts the server. One node, which forms a cluster of its own. */
export interface OpenSearchSettings {
  readonly clusterName: string;
  readonly nodeName: string;
  /** Address to listen on. */
  readonly host: string;
  readonly port: number;
  /** Port of the protocol between nodes. */
  readonly transportPort: number;
  readonly folders: OpenSearchFolders;
  /** Speak TLS to clients, and nothing else; files lie below the configuration folder. @default plain text */
  readonly tls?: (Omit<CertificateFiles, 'caFile'> & { readonly clientCaFile: string }) | undefined;
  /** What nodes show to each other; the security plugin does not do without. */
  readonly nodeTls: CertificateFiles;
  /** Distinguished name in the certificates of nodes. */
  readonly nodeDn: string;
  /** Distinguished name of the client certificate, signed by `clientCaFile`, that stands above all users. */
  readonly managerDn: string;
  /** Further lines of opensearch.yml; one that stands here replaces the one of the same name above. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** Folders below the server's own. */
export interface OpenSearchFolders {
  readonly data: string;
  readonly logs: string;
  /** Where repositories of snapshots may lie. */
  readonly snapshots: string;
}

/** opensearch.yml for `settings`. JSON texts are YAML texts too. */
export function renderOpenSearchYml(settings: OpenSearchSettings): string {
  const lines = { ...ownLines(settings), ...securityLines(settings), ...settings.settings };
  return `${Object.entries(lines)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join('\n')}\n`;
}

function ownLines({ clusterName, nodeName, host, port, transportPort, folders }: OpenSearchSettings) {
  return {
    'cluster.name': clusterName,
    'node.name': nodeName,
    'network.host': host,
    'http.port': port,
    'transport.port': transportPort,
    'path.data': folders.data,
    'path.logs': folders.logs,
    'path.repo': [folders.snapshots],
    'discovery.type': 'single-node',
    // By default indices become read-only when the disk is 95 % full, as developers' disks often are.
    'cluster.routing.allocation.disk.threshold_enabled': false,
    // As in Amazon OpenSearch Service: `DELETE /*` is refused.
    'action.destructive_requires_name': true,
  };
}

function securityLines({ tls, nodeTls, nodeDn, managerDn }: OpenSearchSettings) {
  return {
    'plugins.security.ssl.transport.pemcert_filepath': nodeTls.certFile,
    'plugins.security.ssl.transport.pemkey_filepath': nodeTls.keyFile,
    'plugins.security.ssl.transport.pemtrustedcas_filepath': nodeTls.caFile,
    // Whoever has a node's certificate is a node, whatever its address.
    'plugins.security.ssl.transport.enforce_hostname_verification': false,
    'plugins.security.nodes_dn': [nodeDn],
    'plugins.security.ssl.http.enabled': tls !== undefined,
    ...(tls && {
      'plugins.security.ssl.http.pemcert_filepath': tls.certFile,
      'plugins.security.ssl.http.pemkey_filepath': tls.keyFile,
      'plugins.security.ssl.http.pemtrustedcas_filepath': tls.clientCaFile,
      'plugins.security.authcz.admin_dn': [managerDn],
    }),
    'plugins.security.allow_default_init_securityindex': true,
    'plugins.security.restapi.roles_enabled': ['all_access'],
    'plugins.security.audit.type': 'noop',
  };
}
