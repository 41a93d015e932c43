/** Numbers of System V IPC objects, and /proc/sys/kernel/{shm,msg,sem}_next_id (`ipc_idr_alloc`). */

export class IpcIds {
  #next = 0;
  /** The number that the next object shall have; -1: whichever is next. */
  wish = -1;

  /** A number that no object has; a wish counts once. */
  allocate(objects: ReadonlyMap<number, unknown>): number {
    if (this.wish < 0) {
      while (objects.has(this.#next)) this.#next++;
      return this.#next++;
    }
    let id = this.wish;
    this.wish = -1;
    while (objects.has(id)) id++;
    return id;
  }
}
