import { defaultImages } from '../../environments/images.ts';
import type { Program } from '../find/program.ts';

export const prometheusProgram: Program = {
  title: 'Prometheus 2.26 or later',
  variable: 'MILLRACE_PROMETHEUS',
  kind: 'file',
  names: ['prometheus'],
  folders: ['/usr/local/bin', '/opt/homebrew/bin'],
  debianPackage: 'prometheus',
  image: defaultImages.prometheus,
  versionArgs: ['--version'],
};
