import { defaultImages } from '../../environments/images.ts';
import type { Program } from '../find/program.ts';

export const alertmanagerProgram: Program = {
  title: 'Alertmanager 0.25 or later',
  variable: 'MILLRACE_ALERTMANAGER',
  kind: 'file',
  names: ['prometheus-alertmanager', 'alertmanager'],
  folders: ['/usr/local/bin', '/opt/homebrew/bin'],
  debianPackage: 'prometheus-alertmanager',
  image: defaultImages.alertmanager,
  versionArgs: ['--version'],
};
