/** What terminals need of sessions and process groups (termios(3), setsid(2)); kernel/ has it. */

/** A terminal as a session's controlling one. */
export interface SessionTerminal {
  /** vhangup(2): as when the line is gone, for those who have it open. */
  hangUpFiles(): void;
  readonly device: number;
  foreground(): number | undefined;
  detach(): void;
}

export interface JobControl {
  /** Ids of the task whose call is served; 0 outside of any call. */
  currentGroup(): number;
  currentSession(): number;
  isSessionLeader(): boolean;
  /** The controlling terminal of the current session. */
  terminal(): SessionTerminal | undefined;
  setTerminal(terminal: SessionTerminal | undefined): void;
  /** No session has `terminal` any more. */
  dropTerminal(terminal: SessionTerminal): void;
  /** The session of a process group, undefined when there is no such group. */
  sessionOf(group: number): number | undefined;
  signalGroup(group: number, signal: number): void;
  /** Nobody would continue the current group after a stop. */
  isOrphaned(): boolean;
  /** The current task blocks or ignores `signal`. */
  isDeaf(signal: number): boolean;
  /** CAP_SYS_ADMIN, for stealing a terminal. */
  isPrivileged(): boolean;
}
