/**
 * `cloister/fs`: the file systems, and the virtual file system that they are mounted in. What they
 * need of a host — folders, blocks, clocks, cryptography — they take through interfaces.
 */

export { type FileClock, FixedFileClock, RealFileClock } from '../vfs/file-clock.ts';
export { FileSystem, type FileSystemStatistics } from '../vfs/file-system.ts';
export { Vfs } from '../vfs/vfs.ts';
export { makeDevfs } from './devfs/devfs.ts';
export { Hostfs, type HostfsOptions } from './hostfs/hostfs.ts';
export { Overlay } from './overlay/overlay.ts';
export { Pipe } from './pipefs/pipe.ts';
export { Procfs } from './procfs/procfs.ts';
export { type CheckReport, checkVolume } from './sealed/check.ts';
export { VolumeError, type VolumeErrorCode } from './sealed/errors.ts';
export { createVolume, type OpenVolumeOptions, openVolume } from './sealed/volume.ts';
export { Tmpfs, type TmpfsOptions } from './tmpfs/tmpfs.ts';
export { VerityFileSystem, type VerityOptions } from './verity/verity-file-system.ts';
