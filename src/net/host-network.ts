/**
 * Sockets of the host, as the net room wants them; implemented in `host/native`. The host is
 * hostile: whoever calls bounds counts and checks addresses. Nothing blocks.
 */

import type { Endpoint } from './endpoint.ts';
import type { NetInterface } from './interfaces.ts';

export interface HostSocket {
  /** Called when {@link poll} may answer something else. */
  onEvent: ((events: number) => void) | undefined;
  /** POLL* bits that hold now. */
  poll(): number;
  bind(endpoint: Endpoint): number;
  /** The port that the host gave to a bind to port 0; -errno. */
  localEndpoint(): Endpoint | number;
  listen(backlog: number): number;
  /** 0, -EINPROGRESS, -errno. */
  connect(endpoint: Endpoint): number;
  accept(): AcceptedHostSocket | number;
  receive(target: Uint8Array, start: number, length: number, flags: number): number;
  /** The sender of the last datagram. */
  readonly lastSender: Endpoint;
  send(source: Uint8Array, start: number, length: number, flags: number): number;
  sendTo(source: Uint8Array, start: number, length: number, to: Endpoint): number;
  /** SO_ERROR, cleared. */
  takeError(): number;
  setOption(level: number, option: number, value: number): number;
  /** SO_LINGER with time 0: close resets. */
  resetOnClose(): void;
  /** `how` of shutdown(2). */
  shutdown(how: number): number;
  /** FIONREAD and TIOCOUTQ. */
  readableBytes(): number;
  unsentBytes(): number;
  close(): void;
}

export interface AcceptedHostSocket {
  readonly socket: HostSocket;
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

export interface HostNetwork {
  /** AF_INET or AF_INET6; -errno. */
  open(family: number, isStream: boolean): HostSocket | number;
  /** Interfaces of the host but its loopback. */
  interfaces(): readonly NetInterface[];
}
