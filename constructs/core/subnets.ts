/** Another subnet makes another broker, cluster or cache, with nothing in it. So they stand in the first three, and a fourth zone of the network changes none. */
const mostSubnets = 3;

/** The subnets of servers whose subnets can never be changed, however many the network has or gets. */
export function lastingSubnets(privateSubnetIds: readonly string[]): readonly string[] {
  return privateSubnetIds.slice(0, mostSubnets);
}
