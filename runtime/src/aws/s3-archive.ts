import type * as S3 from '@aws-sdk/client-s3';
import { loadPeer } from '../connections/peer.ts';
import { MillraceError } from '../contracts/errors.ts';
import type { ArchiveStore } from '../retention/archive/store.ts';
import { awsFailure, type Wanted } from './failure.ts';
import { clientConfig } from './request.ts';

/** A part has 64 MiB at most before it is compressed; a slow line may need a while for it. */
const requestTimeoutMs = 120_000;

/**
 * An archive in a bucket.
 *
 * @param address `s3://BUCKET/PREFIX/`
 * @throws {MillraceError} ARCHIVE_UNAVAILABLE for an address that is none; AWS_CREDENTIALS_UNAVAILABLE when the first request finds none;
 * CLIENT_NOT_INSTALLED without `@aws-sdk/client-s3` or `@aws-sdk/credential-providers`.
 */
export async function s3Archive(address: string): Promise<ArchiveStore> {
  const [, bucket, base] = /^s3:\/\/([^/]+)\/(.*)$/.exec(address) ?? [];
  if (bucket === undefined || base === undefined) {
    throw new MillraceError('ARCHIVE_UNAVAILABLE', `archive must be at s3://BUCKET/PREFIX/, got ${address}`, { retriable: false });
  }
  const sdk = await loadPeer('@aws-sdk/client-s3', () => import('@aws-sdk/client-s3'));
  const config = await clientConfig(address);
  const requestHandler = { ...config.requestHandler, requestTimeout: requestTimeoutMs };
  const client = new sdk.S3Client({ ...config, requestHandler, followRegionRedirects: true });
  return new S3Archive({ sdk, client, bucket, base, location: address });
}

interface Parts {
  readonly sdk: typeof S3;
  readonly client: S3.S3Client;
  readonly bucket: string;
  /** Prefix of every key; empty or with a slash at the end. */
  readonly base: string;
  readonly location: string;
}

class S3Archive implements ArchiveStore {
  readonly location: string;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.location = parts.location;
  }

  read(key: string): Promise<Buffer | undefined> {
    const { sdk, client } = this.#parts;
    return this.#unlessAbsent(key, async (place) => {
      const { Body } = await client.send(new sdk.GetObjectCommand(place));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    });
  }

  /** S3 refuses what does not arrive with this checksum, and keeps it. */
  async write(key: string, body: Buffer, sha256: string): Promise<void> {
    const { sdk, client } = this.#parts;
    const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
    await this.#asked(key, 'written', (place) => client.send(new sdk.PutObjectCommand({ ...place, Body: body, ChecksumSHA256 })));
  }

  facts(key: string): Promise<{ bytes: number; sha256: string | undefined } | undefined> {
    const { sdk, client } = this.#parts;
    return this.#unlessAbsent(key, async (place) => {
      const { ContentLength = 0, ChecksumSHA256 } = await client.send(new sdk.HeadObjectCommand({ ...place, ChecksumMode: 'ENABLED' }));
      return { bytes: ContentLength, sha256: ChecksumSHA256 && Buffer.from(ChecksumSHA256, 'base64').toString('hex') };
    });
  }

  list(prefix: string): Promise<string[]> {
    const { sdk, client, bucket, base } = this.#parts;
    return this.#asked(prefix, 'listed', async () => {
      const keys: string[] = [];
      const input = { Bucket: bucket, Prefix: base + prefix };
      for await (const page of sdk.paginateListObjectsV2({ client }, input)) {
        for (const { Key } of page.Contents ?? []) keys.push(Key!.slice(base.length));
      }
      return keys.sort();
    });
  }

  /** Versions of a bucket without versioning are listed too, all as the current one. */
  async purge(prefix: string, keep: ReadonlySet<string>): Promise<string[]> {
    try {
      const old = (await this.#versions(prefix)).filter(({ key, latest }) => !(latest && keep.has(key)));
      const left: string[] = [];
      for (let i = 0; i < old.length; i += 1_000) left.push(...(await this.#deleteVersions(old.slice(i, i + 1_000))));
      return left;
    } catch (error) {
      const { name } = error as { name?: string };
      if (name !== 'AccessDenied') throw awsFailure(error, this.#wanted(prefix, 'purged'));
      return [`earlier versions below ${this.location}${prefix}: the role may not list them (s3:ListBucketVersions)`];
    }
  }

  close(): void {
    this.#parts.client.destroy();
  }

  async #versions(prefix: string): Promise<{ key: string; version: string; latest: boolean }[]> {
    const { sdk, client, bucket, base } = this.#parts;
    const found: { key: string; version: string; latest: boolean }[] = [];
    let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (;;) {
      const page = await client.send(new sdk.ListObjectVersionsCommand({ Bucket: bucket, Prefix: base + prefix, ...marker }));
      for (const entry of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
        found.push({ key: entry.Key!.slice(base.length), version: entry.VersionId!, latest: entry.IsLatest === true });
      }
      if (page.IsTruncated !== true) return found;
      marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
  }

  async #deleteVersions(versions: readonly { key: string; version: string }[]): Promise<string[]> {
    const { sdk, client, bucket, base } = this.#parts;
    const Objects = versions.map(({ key, version }) => ({ Key: base + key, VersionId: version }));
    const { Errors = [] } = await client.send(new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    return Errors.map(
      ({ Key, VersionId, Code }) => `version ${VersionId} of s3://${bucket}/${Key}: ${Code} (object lock or s3:DeleteObjectVersion)`,
    );
  }

  async #unlessAbsent<T>(key: string, request: (place: { Bucket: string; Key: string }) => Promise<T>): Promise<T | undefined> {
    return this.#asked(key, 'read', async (place) => {
      try {
        return await request(place);
      } catch (error) {
        if (['NoSuchKey', 'NotFound'].includes((error as { name?: string }).name ?? '')) return undefined;
        throw error;
      }
    });
  }

  async #asked<T>(key: string, verb: Wanted['verb'], request: (place: { Bucket: string; Key: string }) => Promise<T>): Promise<T> {
    const { bucket, base } = this.#parts;
    try {
      return await request({ Bucket: bucket, Key: base + key });
    } catch (error) {
      throw awsFailure(error, this.#wanted(key, verb));
    }
  }

  #wanted(key: string, verb: Wanted['verb']): Wanted {
    return { code: 'ARCHIVE_UNAVAILABLE', what: `archive at ${this.location}${key}`, verb };
  }
}
