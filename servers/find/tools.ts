import { javaImage } from '../../environments/images.ts';
import type { Program } from './program.ts';

/** Runs Kafka 4 and OpenSearch 2.19: both need 17, and the security manager that OpenSearch 2 asks for is gone from Java 24 on. */
export const javaProgram: Program = {
  title: 'Java 17 to 23',
  variable: 'MILLRACE_JAVA',
  kind: 'file',
  names: ['java'],
  folders: ['/usr/lib/jvm/*/bin', '/opt/homebrew/opt/openjdk@17/bin', '/opt/homebrew/opt/openjdk@21/bin'],
  debianPackage: 'openjdk-17-jre-headless',
  image: javaImage,
  versionArgs: ['--version'],
  majors: { from: 17, to: 23 },
};

/** Fetches the servers that no package manager has; it reads its own settings, mirrors and proxies among them. */
export const mavenProgram: Program = {
  title: 'Maven 3.6 or newer',
  variable: 'MILLRACE_MAVEN',
  kind: 'file',
  names: ['mvn'],
  folders: ['/usr/local/bin', '/opt/homebrew/bin'],
  debianPackage: 'maven',
  versionArgs: ['--version'],
};
