/** What this project needs to know of package-lock.json. */
export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/**
 * Entries of platform packages that the lock file names but does not hold.
 *
 * A registry that carries the packages of one platform only makes `npm install` leave the others out, and `npm ci` then refuses the file everywhere. With the
 * entries back, `npm ci` skips what is not for its platform and never asks for it.
 */
export function missingPlatformPackages({ packages }: Lockfile): Record<string, LockedPackage> {
  const wanted = Object.entries(packages).flatMap(([path, { dev, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies).flatMap(([name, version]) => {
      if (resolves(packages, path, name) || !/^\d/.test(version)) return [];
      return [[`node_modules/${name}`, { version, ...(dev === true ? { dev } : {}), optional: true, ...platformOf(name) }] as const];
    }),
  );
  return Object.fromEntries(wanted);
}

/** Whether `name` is found from `path` upwards, as Node looks for it. */
function resolves(packages: Lockfile['packages'], path: string, name: string): boolean {
  if (`${path === '' ? '' : `${path}/`}node_modules/${name}` in packages) return true;
  if (path === '') return false;
  const parent = path.lastIndexOf('/node_modules/');
  return resolves(packages, parent < 0 ? '' : path.slice(0, parent), name);
}

/** What a package is for, by the words of its name: `@scope/binding-linux-x64-musl`. */
function platformOf(name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[-/.]/);
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor) || (processor === 'arm' && words.includes('armv7')));
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : os === 'linux' && words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined;
  return { ...(os && { os: [os] }), ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }) };
}
