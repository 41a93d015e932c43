/** Root, working directory and umask of a task: shared by CLONE_FS, copied by fork. */

export interface FsContext {
  /** Bits that creation modes lose. */
  umask: number;
}
