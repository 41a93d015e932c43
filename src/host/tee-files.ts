/**
 * The few file operations that TEE interfaces of the kernel need (configfs-tsm, /dev/attestation).
 * Synchronous, since a report is one write and one read that nothing may come between.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  writeSync,
} from 'node:fs';

/** Errors carry the kernel's word (`ENXIO`, `EACCES`, …) in `code`, as those of node:fs do. */
export interface TeeFiles {
  exists(path: string): boolean;
  read(path: string): Uint8Array;
  /** One write call with all bytes: configfs attributes take nothing else. */
  write(path: string, bytes: Uint8Array): void;
  makeDirectory(path: string): void;
  removeDirectory(path: string): void;
}

/** The real ones, below `root` (`/` outside of tests). */
export function nodeTeeFiles(root = '/'): TeeFiles {
  const at = (path: string) => (root === '/' ? path : `${root}${path}`);
  return {
    exists: (path) => existsSync(at(path)),
    read: (path) => new Uint8Array(readFileSync(at(path))),
    write(path, bytes) {
      const fd = openSync(at(path), 'w');
      try {
        const written = writeSync(fd, bytes);
        if (written !== bytes.length) throw new Error(`short write to ${path}`);
      } finally {
        closeSync(fd);
      }
    },
    makeDirectory: (path) => mkdirSync(at(path)),
    removeDirectory: (path) => rmdirSync(at(path)),
  };
}
