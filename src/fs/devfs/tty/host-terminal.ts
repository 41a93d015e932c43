/** The terminal that Cloister itself runs in, as the driver of the guest's /dev/pts/0. */

import { O_NOCTTY, O_RDWR } from '../../../abi/file-flags.ts';
import { POLLOUT, POLLWRNORM } from '../../../abi/poll-events.ts';
import type { Credentials } from '../../../vfs/credentials.ts';
import type { Mount } from '../../../vfs/mount.ts';
import type { OpenFile } from '../../../vfs/open-file.ts';
import type { Devpts, Pty } from './pty.ts';

/** Implemented in `host/`. Raw: every byte goes through as it is. */
export interface HostTerminal {
  /** Starts delivering input and changes of size. */
  start(listener: HostTerminalListener): void;
  /** Gives the terminal back as it was. */
  stop(): void;
  write(bytes: Uint8Array): void;
  /** Bytes of output that it would take now; absent where it takes all. */
  readonly room?: number;
  size(): readonly [rows: number, columns: number];
}

export interface HostTerminalListener {
  onInput(bytes: Uint8Array): void;
  onResize(): void;
  /** There is room for output again. */
  onRoom(): void;
  /** The terminal is gone. */
  onEnd(): void;
}

/** Makes the pair whose master is the host; undefined when there is none left. */
export function connectHostTerminal(devpts: Devpts, host: HostTerminal): Pty | undefined {
  const pty = devpts.make(0);
  if (typeof pty === 'number') return undefined;
  pty.isLocked = false;
  pty.onOutput = (bytes) => host.write(bytes);
  pty.roomOutside = () => host.room ?? Number.POSITIVE_INFINITY;
  const { terminal } = pty;
  const resize = (): void => {
    const [rows, columns] = host.size();
    terminal.setSize(rows, columns, 0, 0);
  };
  resize();
  host.start({
    onInput: (bytes) => terminal.receive(bytes, 0, bytes.length),
    onResize: resize,
    onRoom: () => terminal.waitQueue.wake(POLLOUT | POLLWRNORM),
    onEnd: () => terminal.hangUp(),
  });
  return pty;
}

/** A descriptor of the slave, for standard input, output and error. */
export function openHostSlave(
  devpts: Devpts,
  mount: Mount,
  pty: Pty,
  credentials: Credentials,
): OpenFile | number {
  const inode = devpts.root.lookup(String(pty.index));
  if (typeof inode === 'number') return inode;
  const name = String(pty.index);
  const dentry = mount.root.children?.get(name) ?? mount.root.addChild(name, inode);
  const flags = O_RDWR | O_NOCTTY;
  return devpts.openSlave({ mount, dentry, inode, flags, credentials }, pty);
}
