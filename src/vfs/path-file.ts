/** O_PATH descriptors: a place, nothing else; every data call answers EBADF (open(2)). */

import { EBADF } from '../abi/errno.table.ts';
import { OpenFile } from './open-file.ts';

export class PathFile extends OpenFile {
  override read(): number {
    return -EBADF;
  }

  override write(): number {
    return -EBADF;
  }

  override readAt(): number {
    return -EBADF;
  }

  override writeAt(): number {
    return -EBADF;
  }

  override seek(): number {
    return -EBADF;
  }

  override truncate(): number {
    return -EBADF;
  }

  override allocate(): number {
    return -EBADF;
  }

  override sync(): number {
    return -EBADF;
  }

  override iterate(): number {
    return -EBADF;
  }

  override ioctl(): number {
    return -EBADF;
  }

  override poll(): number {
    return 0;
  }

  override mapping(): number {
    return -EBADF;
  }
}
