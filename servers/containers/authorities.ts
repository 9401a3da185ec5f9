/** The authority whose certificates all servers of an environment show; others are of one server alone. */
export const environmentAuthority = 'environment';
