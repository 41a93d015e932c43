/** memfd_create(2): a file of its own tmpfs without a name. */

import { EFAULT, EINVAL, ENAMETOOLONG } from '../abi/errno.table.ts';
import {
  F_SEAL_EXEC,
  F_SEAL_SEAL,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  MFD_NOEXEC_SEAL,
  NAME_MAX,
  O_LARGEFILE,
  O_RDWR,
} from '../abi/file-flags.ts';
import { S_IFREG } from '../abi/file-mode.ts';
import { TmpfsFile } from '../fs/tmpfs/file.ts';
import type { Task } from '../kernel/task.ts';
import { placeless } from '../vfs/anonymous.ts';
import { byteString } from '../vfs/byte-string.ts';
import { RegularFile } from '../vfs/regular-file.ts';
import { flags, path } from './args.ts';
import { MEMFD_FLAG_SET } from './file-flag-sets.ts';
import { allBits } from './flags.ts';
import { installFile } from './open-close.ts';
import { row, type SyscallRow } from './row.ts';

const MEMFD_BITS = allBits(MEMFD_FLAG_SET);
const PREFIX_BYTES = 6;

function sysMemfdCreate(task: Task, nameAt: number, how: number): number {
  if ((how & ~MEMFD_BITS) !== 0) return -EINVAL;
  if ((how & MFD_EXEC) !== 0 && (how & MFD_NOEXEC_SEAL) !== 0) return -EINVAL;
  const name = task.space.readCString(nameAt, NAME_MAX - PREFIX_BYTES + 1);
  if (typeof name === 'number') return name === -ENAMETOOLONG ? -EINVAL : -EFAULT;
  const { sharedMemory } = task.kernel.vfs;
  if (sharedMemory === undefined) return -EINVAL;
  const isSealable = (how & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)) !== 0;
  const inode = sharedMemory.root.inode.createUnnamed({
    mode: S_IFREG | ((how & MFD_NOEXEC_SEAL) !== 0 ? 0o666 : 0o777),
    uid: task.creds.fsuid,
    gid: task.creds.fsgid,
    rdev: 0,
  });
  if (typeof inode === 'number') return inode;
  if (inode instanceof TmpfsFile) {
    inode.seals = isSealable ? 0 : F_SEAL_SEAL;
    if ((how & MFD_NOEXEC_SEAL) !== 0) inode.seals |= F_SEAL_EXEC;
  }
  const dentry = placeless(`memfd:${byteString(name)}`, inode);
  dentry.isDeleted = true;
  const file = new RegularFile({
    mount: sharedMemory,
    dentry,
    inode,
    flags: O_RDWR | O_LARGEFILE,
    credentials: task.creds,
  });
  return installFile(task, file, (how & MFD_CLOEXEC) !== 0);
}

export const MEMFD_ROWS: readonly SyscallRow[] = [
  row('memfd_create', [path, flags(MEMFD_FLAG_SET)], sysMemfdCreate, {
    coverage: 'partial',
    note: 'no MFD_HUGETLB',
  }),
];
