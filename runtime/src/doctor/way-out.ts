import { errorGuide } from '../contracts/error-guide.ts';
import { faultGuide } from '../contracts/fault-guide.ts';

/** What to do, and where more of it stands. */
export interface WayOut {
  readonly wayOut: string;
  readonly runbook?: string;
}

const guide: Readonly<Record<string, WayOut>> = { ...errorGuide, ...faultGuide };

/** Remedies for a certificate that does not hold, by the codes of Node and OpenSSL. */
const certificateFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'Renew the certificate of the server, and check the clock here if it should still hold.',
  CERT_NOT_YET_VALID: 'Check the clocks of both machines: the certificate of the server begins to hold later.',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'Correct the host of SERVICE in the binding or set its `tls.serverName`, or issue a certificate with this name.',
};

const untrusted = 'Let `tls.caRef` of SERVICE in the binding lead to the authority that signed the certificate of the server.';
const untrustedCodes = /^((DEPTH_ZERO_)?SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET_ISSUER))/;

/** The way out of `code`, said for the service; of a TLS fault for its cause. */
export function wayOutOf(code: string, service: string, cause?: unknown): WayOut {
  const { wayOut, runbook } = guide[code] ?? unexpected;
  const text = (code === 'CONNECTION_TLS_FAILED' && tlsRemedy(cause)) || wayOut;
  return { wayOut: plain(text.replaceAll('SERVICE', service)), ...(runbook !== undefined && { runbook: `docs/runbooks/${runbook}.md` }) };
}

const unexpected: WayOut = {
  wayOut: 'Run it again; if it lasts, this is a fault of Millrace: report it with this sentence.',
};

function tlsRemedy(cause: unknown): string | undefined {
  const code = codeIn(cause);
  if (code === undefined) return undefined;
  return untrustedCodes.test(code) ? untrusted : certificateFaults[code];
}

/** Code of the error at the root. */
function codeIn(error: unknown): string | undefined {
  const { cause, code } = (error ?? {}) as { cause?: unknown; code?: unknown };
  return (cause === undefined ? undefined : codeIn(cause)) ?? (typeof code === 'string' ? code : undefined);
}

/** Links of the pages mean nothing on a terminal. */
function plain(text: string): string {
  return text.replace(/\[([^\]]+)\]\(([^)]+)\)/g, '$1 (docs/$2)');
}
