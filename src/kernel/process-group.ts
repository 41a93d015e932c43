/** Process groups and sessions (setpgid(2), setsid(2), credentials(7)). */

import type { Pid } from '../base/brand.ts';
import type { ThreadGroup } from './thread-group.ts';

/** The controlling terminal, as sessions see it; terminals implement it. */
export interface ControllingTerminal {
  /** Device number, as makeDev makes it. */
  readonly device: number;
  /** Number of the foreground process group, undefined when there is none. */
  foreground(): number | undefined;
  /** As when the line is gone: SIGHUP to the session, and nothing goes through any more. */
  hangUpFiles(): void;
  /** The session leader is gone. */
  detach(): void;
}

export class Session {
  readonly id: Pid;
  readonly leader: ThreadGroup;
  readonly groups: Set<ProcessGroup> = new Set();
  terminal: ControllingTerminal | undefined = undefined;

  constructor(leader: ThreadGroup) {
    this.id = leader.pid;
    this.leader = leader;
  }
}

export class ProcessGroup {
  readonly id: Pid;
  readonly session: Session;
  readonly members: Set<ThreadGroup> = new Set();

  constructor(id: Pid, session: Session) {
    this.id = id;
    this.session = session;
    session.groups.add(this);
  }

  add(member: ThreadGroup): void {
    this.members.add(member);
    member.processGroup = this;
  }

  remove(member: ThreadGroup): void {
    this.members.delete(member);
    if (this.members.size === 0) this.session.groups.delete(this);
  }

  /**
   * No member has a parent in another group of the session: nobody would continue them after a
   * stop (POSIX, orphaned process group). `ignored` counts as gone already.
   */
  isOrphaned(ignored?: ThreadGroup): boolean {
    for (const member of this.members) {
      if (member === ignored || member.isZombie) continue;
      const parent = member.parent?.processGroup;
      if (parent && parent !== this && parent.session === this.session) return false;
    }
    return true;
  }

  get hasStoppedMember(): boolean {
    for (const member of this.members) if (member.isStopped) return true;
    return false;
  }
}
