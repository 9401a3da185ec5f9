import type { Problem } from '../../runtime/src/contracts/problems.ts';
import type { Environment } from '../declaration.ts';
import { overlaps } from '../ranges.ts';
import { isZoneOf } from '../zones.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf, repeated } from './references.ts';

type AwsEngine = Extract<Environment['engine'], { kind: 'aws' }>;
type NetworkOf<K extends AwsEngine['network']['kind']> = Extract<AwsEngine['network'], { kind: K }>;

/** A check of environments on AWS. */
const onAws =
  (check: (engine: AwsEngine, draft: Draft) => Problem[]): Check =>
  (draft) =>
    draft.engine?.kind === 'aws' ? check(draft.engine, draft) : [];

/** A check of environments in a network of their own. */
const inOwnNetwork = (check: (network: NetworkOf<'own'>, engine: AwsEngine, draft: Draft) => Problem[]): Check =>
  onAws((engine, draft) => (engine.network.kind === 'own' ? check(engine.network, engine, draft) : []));

/** A check of environments in a network that exists. */
const inExistingNetwork = (check: (network: NetworkOf<'existing'>, engine: AwsEngine) => Problem[]): Check =>
  onAws((engine) => (engine.network.kind === 'existing' ? check(engine.network, engine) : []));

/** Other partitions have other names of services, of end points and of conditions in policies. */
const regionIsOfThePartition = onAws(({ region }) =>
  problemIf(
    /^cn-|^us-iso|^eu-iso/.test(region),
    'engine.region',
    `must be a region of the partitions aws or aws-us-gov, got ${JSON.stringify(region)}: services have other names there`,
  ),
);

/** Regions in which not every account has the zones a, b and c. */
const regionsWithGaps = ['ap-northeast-1', 'ca-central-1', 'us-west-1'];

const defaultZonesExist = inOwnNetwork((_network, { region, availabilityZones }) =>
  problemIf(
    availabilityZones === undefined && regionsWithGaps.includes(region),
    'engine.availabilityZones',
    `is required in ${region}, where not every account has the zones a, b and c: name those that yours has`,
  ),
);

const wrongZone = (path: string, zone: string, region: string): Problem[] =>
  problemIf(!isZoneOf(zone, region), path, `must be a zone of ${region} such as ${region}a, got ${JSON.stringify(zone)}`);

const zonesAreOfTheRegion = inOwnNetwork((_network, { region, availabilityZones = [] }) => {
  const path = 'engine.availabilityZones';
  return [
    ...availabilityZones.flatMap((zone, index) => wrongZone(`${path}.${index}`, zone, region)),
    ...repeated(availabilityZones).map((zone) => ({
      path,
      message: `must name each zone once, got ${zone} twice: two copies would fail together`,
    })),
  ];
});

/** A volume and its machine must be in one zone, and MSK and OpenSearch refuse two subnets of one. */
const subnetsAreInDifferentZones = inExistingNetwork(({ privateSubnets }, { region, availabilityZones }) => {
  const path = 'engine.network.privateSubnets';
  const ids = privateSubnets.map(({ id }) => id);
  const zones = privateSubnets.map(({ zone }) => zone);
  return [
    ...problemIf(
      availabilityZones !== undefined,
      'engine.availabilityZones',
      'must be left out in a network that exists: its subnets say in which zones they are',
    ),
    ...zones.flatMap((zone, index) => wrongZone(`${path}.${index}.zone`, zone, region)),
    ...repeated(ids).map((id) => ({ path, message: `must name each subnet once, got ${id} twice` })),
    ...repeated(zones).map((zone) => ({
      path,
      message: `must have one subnet of each zone, got two of ${zone}: two copies would fail together`,
    })),
  ];
});

/** Security groups speak of a group in another VPC only where that VPC is joined to theirs. */
const databaseIsReached = inOwnNetwork(({ peers }, _engine, { services }) => {
  const database = Object.entries(services).find(([, service]) => service.kind === 'postgres' && service.existing !== undefined)?.[0];
  return problemIf(
    database !== undefined && peers === undefined,
    'engine.network.peers',
    `is required for the service ${JSON.stringify(database)}, which exists: name the VPC it stands in, or give [] where it stands in this network itself`,
  );
});

const peersAreApart = inOwnNetwork(({ cidr, peers = [] }) => {
  const path = 'engine.network.peers';
  return [
    ...overlaps([cidr, ...peers.map((peer) => peer.cidr)]).map(([one, other]) => ({
      path,
      message: `must have ranges that overlap neither with each other nor with the network's own, got ${one} and ${other}`,
    })),
    ...repeated(peers.map(({ vpcId }) => vpcId)).map((vpcId) => ({ path, message: `must name each VPC once, got ${vpcId} twice` })),
    ...repeated(peers.flatMap(({ routeTableIds }) => routeTableIds)).map((id) => ({
      path,
      message: `must name each route table once, got ${id} twice`,
    })),
  ];
});

/** Security groups of the network itself bear these names, behind that of the environment; a VPC refuses two groups of one name. */
const reservedNames = /^(clients|endpoints|worker-.*)$/;

const namesAreFree: Check = ({ names, engine }) =>
  names('services').flatMap((name) =>
    problemIf(
      engine?.kind === 'aws' && reservedNames.test(name),
      `services.${name}`,
      'must have another name than clients, endpoints or worker-..., which security groups of the environment bear',
    ),
  );

/** The role that starts a worker's tasks is called like the worker, with this behind it. */
const startSuffix = '-start';

const workersHaveRolesOfTheirOwn: Check = ({ names }) =>
  names('workers').flatMap((name) =>
    problemIf(
      name.endsWith(startSuffix) && names('workers').includes(name.slice(0, -startSuffix.length)),
      `workers.${name}`,
      `must have another name beside the worker ${name.slice(0, -startSuffix.length)}, one of whose roles bears it`,
    ),
  );

/** Rules about where an environment stands. */
export const networkChecks: readonly Check[] = [
  regionIsOfThePartition,
  defaultZonesExist,
  zonesAreOfTheRegion,
  subnetsAreInDifferentZones,
  databaseIsReached,
  peersAreApart,
  namesAreFree,
  workersHaveRolesOfTheirOwn,
];
