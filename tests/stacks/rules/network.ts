import { type Block, ofTypes, type StackContent, valuesAt } from './content.ts';
import { type Rule, resource } from './rule.ts';

const ruleTypes = ['aws_vpc_security_group_ingress_rule', 'aws_vpc_security_group_egress_rule', 'aws_security_group_rule'] as const;
const [ingress, egress] = ruleTypes;
const world = ['0.0.0.0/0', '::/0'];
const tcp = { description: 'x', ip_protocol: 'tcp', from_port: 443, to_port: 443 } as const;

const openRules = (stack: StackContent) =>
  ofTypes(stack, ...ruleTypes).flatMap(({ path, arguments: args }) => {
    const ranges = ['cidr_ipv4', 'cidr_ipv6', 'cidr_blocks', 'ipv6_cidr_blocks'].flatMap((key) => valuesAt(args, key)).flat();
    return ranges.filter((range) => world.includes(String(range))).map((range) => `${path} is open to ${range}`);
  });

const wideRules = (stack: StackContent) =>
  ofTypes(stack, ...ruleTypes)
    .filter(({ arguments: { ip_protocol, protocol, from_port, to_port } }) => {
      const width = Number(to_port) - Number(from_port);
      return !['tcp', 'udp'].includes(String(ip_protocol ?? protocol)) || !(width >= 0 && width <= 10);
    })
    .map(({ path }) => `${path} must name tcp or udp and at most eleven ports`);

/** Arguments and resources that lead from or to the internet, and the values that do not. */
const ways: readonly { readonly type: string; readonly argument?: string; readonly closed?: readonly unknown[] }[] = [
  { type: 'aws_internet_gateway' },
  { type: 'aws_egress_only_internet_gateway' },
  { type: 'aws_nat_gateway' },
  { type: 'aws_eip' },
  { type: 'aws_subnet', argument: 'map_public_ip_on_launch', closed: [false] },
  { type: 'aws_instance', argument: 'associate_public_ip_address', closed: [false] },
  { type: 'aws_launch_template', argument: 'network_interfaces.associate_public_ip_address', closed: ['false', false] },
  { type: 'aws_ecs_service', argument: 'network_configuration.assign_public_ip', closed: [false] },
  { type: 'aws_mq_broker', argument: 'publicly_accessible', closed: [false] },
  { type: 'aws_msk_cluster', argument: 'broker_node_group_info.connectivity_info.public_access.type', closed: ['DISABLED'] },
];

function leadsOut({ type, arguments: args }: Block): boolean {
  return ways.some(
    (way) =>
      way.type === type && (way.argument === undefined || valuesAt(args, way.argument).some((value) => !way.closed?.includes(value))),
  );
}

/** A route through a peering ends in the one VPC behind it; any other target may lead further. */
const routesElsewhere = (stack: StackContent) => [
  ...ofTypes(stack, 'aws_route')
    .filter(({ arguments: { vpc_peering_connection_id, destination_cidr_block } }) => {
      const prefix = Number(String(destination_cidr_block).split('/')[1]);
      return typeof vpc_peering_connection_id !== 'string' || !(prefix >= 16);
    })
    .map(({ path }) => `${path} must lead through a peering to a range of /16 or smaller`),
  ...ofTypes(stack, 'aws_route_table')
    .filter(({ arguments: { route } }) => route !== undefined)
    .map(({ path }) => `${path} has routes inline`),
];

const nested = (path: string, value: unknown): Record<string, unknown> => {
  const [key = '', ...rest] = path.split('.');
  return { [key]: rest.length === 0 ? value : [nested(rest.join('.'), value)] };
};

export const networkRules: readonly Rule[] = [
  {
    id: 'security-group-rules-are-described',
    what: 'every rule of a security group says who speaks with whom',
    violations: (stack) =>
      ofTypes(stack, ...ruleTypes, 'aws_security_group')
        .filter(({ arguments: { description } }) => typeof description !== 'string' || description === '')
        .map(({ path }) => `${path} has no description`),
    planted: ruleTypes.map((type) => resource(type, { ...tcp, description: '' })),
  },
  {
    id: 'security-group-rules-are-not-open-to-the-world',
    what: 'no rule of a security group names all addresses, neither in nor out',
    violations: openRules,
    planted: [
      resource(ingress, { ...tcp, cidr_ipv4: '0.0.0.0/0' }),
      resource(egress, { ...tcp, cidr_ipv6: '::/0' }),
      resource('aws_security_group_rule', { ...tcp, cidr_blocks: ['10.0.0.0/8', '0.0.0.0/0'] }),
    ],
  },
  {
    id: 'security-group-rules-name-protocol-and-ports',
    what: 'a rule of a security group is for one service',
    violations: wideRules,
    planted: [
      resource(ingress, { ...tcp, ip_protocol: '-1' }),
      resource(ingress, { ...tcp, from_port: undefined }),
      resource(egress, { ...tcp, from_port: 0, to_port: 65_535 }),
    ],
  },
  {
    id: 'security-group-rules-are-resources',
    what: 'rules stand beside their group: inline they remove those that others add',
    violations: (stack) =>
      ofTypes(stack, 'aws_security_group', 'aws_default_security_group')
        .filter(({ arguments: { ingress: into, egress: out } }) => into !== undefined || out !== undefined)
        .map(({ path }) => `${path} has rules inline`),
    planted: [resource('aws_security_group', { description: 'x', egress: [{ protocol: '-1' }] })],
  },
  {
    id: 'nothing-leads-to-the-internet',
    what: 'no gateway, no public address, no public end point',
    violations: (stack) => stack.blocks.filter(leadsOut).map(({ type, path }) => `${type} ${path} leads to the internet`),
    planted: ways.map(({ type, argument }) => resource(type, argument === undefined ? {} : nested(argument, 'on'))),
  },
  {
    id: 'routes-lead-to-peers-alone',
    what: 'routes lead to joined networks, and never to all addresses',
    violations: routesElsewhere,
    planted: [
      resource('aws_route', { destination_cidr_block: '0.0.0.0/0', vpc_peering_connection_id: 'pcx-1' }),
      resource('aws_route', { destination_cidr_block: '10.0.0.0/16', transit_gateway_id: 'tgw-1' }),
      resource('aws_route', { destination_ipv6_cidr_block: '::/0', vpc_peering_connection_id: 'pcx-1' }),
      resource('aws_route_table', { vpc_id: 'vpc-1', route: [{ cidr_block: '0.0.0.0/0', gateway_id: 'igw-1' }] }),
    ],
  },
];
