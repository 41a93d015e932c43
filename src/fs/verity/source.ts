/**
 * What the measured image needs of the host: blobs by digest, read at any offset. Everything that
 * comes through here is hostile until its digest has been checked.
 */

/** A SHA-256 digest, lower-case hexadecimal, 64 digits. */
export type DigestHex = string;

/** One blob of an OCI image layout; `sizeBytes` is what the host claims. */
export interface Blob {
  readonly sizeBytes: number;
  /**
   * Copies bytes from `offsetBytes` into `target` and returns how many; fewer than asked for means
   * the end of the blob. The bytes must be private to the caller: the host cannot change them after
   * the call. Throws on an I/O error.
   */
  readAt(offsetBytes: number, target: Uint8Array): number;
}

/** The blobs of one image layout. Throws when there is no such blob. */
export interface BlobSource {
  open(digest: DigestHex): Blob;
}

/** Bytes of an image are not the bytes that were measured. */
export class ImageDamage extends Error {
  readonly code = 'CLOISTER_IMAGE_DAMAGED';
  /** The file or blob whose bytes are wrong, as shown to people. */
  readonly where: string;

  constructor(where: string, what: string, cause?: unknown) {
    super(
      `image damaged: ${where}: ${what}. Fetch or build the image again; nothing of it was used.`,
      cause === undefined ? undefined : { cause },
    );
    this.where = where;
  }
}

/** Fills `target` from `blob` or throws {@link ImageDamage}: short reads and I/O errors included. */
export function readExactly(
  blob: Blob,
  offsetBytes: number,
  target: Uint8Array,
  where: () => string,
): void {
  let done = 0;
  while (done < target.length) {
    let got: number;
    try {
      got = blob.readAt(offsetBytes + done, done === 0 ? target : target.subarray(done));
    } catch (cause) {
      throw new ImageDamage(where(), `the host failed to read it (${String(cause)})`, cause);
    }
    if (!Number.isInteger(got) || got <= 0 || got > target.length - done)
      throw new ImageDamage(where(), `it ends at byte ${offsetBytes + done}, too early`);
    done += got;
  }
}
