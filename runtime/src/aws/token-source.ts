import type { IamToken } from './iam-tokens.ts';

/** Renewed when less than this part of its life is left. */
const renewAtRemaining = 0.25;

/**
 * A token that is kept and renewed before it expires, one renewal at a time.
 *
 * While a renewal fails the kept token is given as long as it is valid; only then the error of `fetch` is.
 */
export function tokenSource(fetch: () => Promise<IamToken>): () => Promise<string> {
  let kept: { readonly token: string; readonly renewAtMs: number; readonly expiresAtMs: number } | undefined;
  let renewal: Promise<string> | undefined;

  const renew = async (): Promise<string> => {
    const startedMs = Date.now();
    const { token, expiresAt } = await fetch();
    const expiresAtMs = expiresAt.getTime();
    kept = { token, expiresAtMs, renewAtMs: expiresAtMs - (expiresAtMs - startedMs) * renewAtRemaining };
    return token;
  };

  return async () => {
    if (kept !== undefined && Date.now() < kept.renewAtMs) return kept.token;
    renewal ??= renew().finally(() => {
      renewal = undefined;
    });
    try {
      return await renewal;
    } catch (error) {
      if (kept !== undefined && Date.now() < kept.expiresAtMs) return kept.token;
      throw error;
    }
  };
}
