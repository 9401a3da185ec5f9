import { certificateFiles } from '../../../servers/tls/server-tls.ts';

/** Folders of a container, as the images of `docker/` have them. */
export const paths = {
  /** What the machine has mounted; only read. */
  mounted: '/etc/millrace',
  /** The copy of it that belongs to the server. In memory. */
  configuration: '/run/millrace',
  /** The volume. */
  data: '/var/lib/millrace',
} as const;

/** Number of the user that the images' servers run as. */
export const serverUser = 10_001;

/** Where a server finds its certificate. */
export const certificatePaths = certificateFiles(`${paths.configuration}/tls`);
