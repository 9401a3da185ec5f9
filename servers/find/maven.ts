import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Coordinates of one artifact. */
export interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
  /** A zip is unpacked. @default jar */
  readonly type?: 'jar' | 'zip';
  /** Only the artifact itself, not what it depends on. @default false */
  readonly alone?: boolean;
}

const dependencyPlugin = '3.6.1';

/**
 * Writes a Maven project, one module a part, whose `package` brings artifacts and what they need at run time into the folders of `parts` below `home`.
 *
 * @returns path of the project's file.
 */
export function writeProject(folder: string, home: string, parts: Readonly<Record<string, readonly Artifact[]>>): string {
  const names = Object.keys(parts).map((_, index) => `part-${index + 1}`);
  Object.entries(parts).forEach(([part, artifacts], index) => {
    const module = join(folder, names[index]!);
    mkdirSync(module, { recursive: true });
    mkdirSync(join(home, part), { recursive: true });
    writeFileSync(join(module, 'pom.xml'), project(names[index]!, `${dependencies(artifacts)}${bringing(artifacts, join(home, part))}`));
  });
  const file = join(folder, 'pom.xml');
  writeFileSync(file, project('all', `<modules>${names.map((name) => `<module>${name}</module>`).join('')}</modules>`));
  return file;
}

function project(name: string, content: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>millrace.local</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>${content}</project>\n`;
}

function dependencies(artifacts: readonly Artifact[]): string {
  return `<dependencies>${artifacts.map(dependency).join('')}</dependencies>`;
}

function dependency({ group, name, version, type = 'jar', alone = false }: Artifact): string {
  const nothingElse = alone ? '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>' : '';
  return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version><type>${type}</type>${nothingElse}</dependency>`;
}

/** Jars are copied and zips are unpacked: a machine need not have a program for that. */
function bringing(artifacts: readonly Artifact[], folder: string): string {
  const zips = artifacts.some(({ type }) => type === 'zip');
  const jars = artifacts.some(({ type }) => type !== 'zip');
  const executions = [
    ...(jars ? [execution('copy-dependencies', `<excludeTypes>zip</excludeTypes><outputDirectory>${folder}</outputDirectory>`)] : []),
    ...(zips ? [execution('unpack-dependencies', `<includeTypes>zip</includeTypes><outputDirectory>${folder}</outputDirectory>`)] : []),
  ];
  return `<build><plugins><plugin><groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>${dependencyPlugin}</version><executions>${executions.join('')}</executions></plugin></plugins></build>`;
}

function execution(goal: string, configuration: string): string {
  return `<execution><id>${goal}</id><phase>package</phase><goals><goal>${goal}</goal></goals><configuration><includeScope>runtime</includeScope>${configuration}</configuration></execution>`;
}
