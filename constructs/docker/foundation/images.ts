import { Image } from '@cdktf/provider-docker/lib/image';
import type { ImageKey } from '../../../environments/engine.ts';
import { defaultImages } from '../../../environments/images.ts';
import { Construct } from '../../core/framework.ts';

/** The images of an environment, each looked up once. One that is on the machine is taken as it is, any other is pulled; none is removed again. */
export class Images extends Construct {
  private readonly names: Readonly<Record<ImageKey, string>>;
  private readonly images = new Map<string, Image>();

  constructor(scope: Construct, id: string, overrides: Partial<Readonly<Record<ImageKey, string>>>) {
    super(scope, id);
    this.names = { ...defaultImages, ...overrides };
  }

  /** Hash of the image, so that a container is replaced when the name leads to another one. */
  idOf(key: ImageKey): string {
    const name = this.names[key];
    const image = this.images.get(name) ?? new Image(this, key, { name, keepLocally: true });
    this.images.set(name, image);
    return image.imageId;
  }
}
