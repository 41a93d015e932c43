/**
 * Which sockets hold which ports of one protocol: conflicts of bind(2) (socket(7), SO_REUSEADDR,
 * SO_REUSEPORT; `inet_csk_bind_conflict`), automatic ports, and who receives.
 */

import { EADDRINUSE, EADDRNOTAVAIL } from '../abi/errno.table.ts';
import { EPHEMERAL_FIRST, EPHEMERAL_LAST } from '../abi/inet.ts';
import type { Endpoint } from './endpoint.ts';
import type { Ip } from './ip.ts';

/** What the table looks at of a socket. */
export interface PortHolder {
  readonly local: Endpoint;
  /** Undefined when not connected. */
  readonly remote: Endpoint | undefined;
  /** Takes no IPv4 although bound to ::. */
  readonly isV6Only: boolean;
  readonly reusesAddress: boolean;
  readonly reusesPort: boolean;
  readonly isListening: boolean;
  /** Who made it: SO_REUSEPORT shares only among one user. */
  readonly uid: number;
}

const PORTS = EPHEMERAL_LAST - EPHEMERAL_FIRST + 1;

export class PortTable<Holder extends PortHolder> {
  readonly #byPort = new Map<number, Set<Holder>>();
  readonly #receivers = new Map<number, Holder[]>();
  readonly #isStream: boolean;
  #next = 0;

  /** Stream protocols let listeners alone receive; `firstPort` spreads automatic ports. */
  constructor(isStream: boolean, firstPort: number) {
    this.#isStream = isStream;
    this.#next = firstPort % PORTS;
  }

  /** True when `socket` may not have `ip`:`port` beside those that hold the port. */
  conflicts(socket: Holder, ip: Ip, port: number): boolean {
    for (const other of this.#byPort.get(port) ?? []) {
      if (other === socket || !overlap(socket, ip, other)) continue;
      const bothReuse = socket.reusesAddress && other.reusesAddress;
      if (bothReuse && !(this.#isStream && other.isListening)) continue;
      if (socket.reusesPort && other.reusesPort && socket.uid === other.uid) continue;
      return true;
    }
    return false;
  }

  /** A port that nobody holds; else -EADDRINUSE, for a client -EADDRNOTAVAIL. */
  automatic(isClient: boolean): number {
    for (let i = 0; i < PORTS; i++) {
      const port = EPHEMERAL_FIRST + ((this.#next + i) % PORTS);
      if (this.#byPort.has(port)) continue;
      this.#next = (this.#next + i + 1) % PORTS;
      return port;
    }
    return isClient ? -EADDRNOTAVAIL : -EADDRINUSE;
  }

  /** The socket's `local` is set. */
  add(socket: Holder): void {
    const { port } = socket.local;
    const holders = this.#byPort.get(port);
    if (holders === undefined) this.#byPort.set(port, new Set([socket]));
    else holders.add(socket);
  }

  remove(socket: Holder): void {
    const { port } = socket.local;
    const holders = this.#byPort.get(port);
    if (holders?.delete(socket) === true && holders.size === 0) this.#byPort.delete(port);
    this.stopReceiving(socket);
  }

  /** From now on what comes to the port may go to `socket`. */
  startReceiving(socket: Holder): void {
    const { port } = socket.local;
    const receivers = this.#receivers.get(port);
    if (receivers === undefined) this.#receivers.set(port, [socket]);
    else if (!receivers.includes(socket)) receivers.push(socket);
  }

  stopReceiving(socket: Holder): void {
    const { port } = socket.local;
    const receivers = this.#receivers.get(port);
    const at = receivers?.indexOf(socket) ?? -1;
    if (receivers === undefined || at < 0) return;
    receivers.splice(at, 1);
    if (receivers.length === 0) this.#receivers.delete(port);
  }

  /**
   * Who receives what `from` sends to `to`: the most exact match (`compute_score`), and among
   * equals that share the port by SO_REUSEPORT one chosen by the sender's port.
   */
  find(to: Endpoint, from: Endpoint): Holder | undefined {
    const receivers = this.#receivers.get(to.port);
    if (receivers === undefined) return undefined;
    let best: Holder | undefined;
    let bestScore = 0;
    let equals: Holder[] | undefined;
    for (const socket of receivers) {
      const score = scoreOf(socket, to.ip, from);
      if (score === 0 || score < bestScore) continue;
      if (score > bestScore) {
        best = socket;
        bestScore = score;
        equals = undefined;
      } else if (socket.reusesPort && best?.reusesPort === true) {
        equals ??= [best];
        equals.push(socket);
      } else best = socket;
    }
    return equals === undefined ? best : equals[from.port % equals.length];
  }

  /** All who receive what `from` sends to the group or everybody at `to`. */
  listeners(to: Endpoint, from: Endpoint): Holder[] {
    return (this.#receivers.get(to.port) ?? []).filter((one) => scoreOf(one, to.ip, from) > 0);
  }

  /** All holders, for /proc/net. */
  *holders(): IterableIterator<Holder> {
    for (const holders of this.#byPort.values()) yield* holders;
  }
}

/** 0: not for this socket. */
function scoreOf(socket: PortHolder, to: Ip, from: Endpoint): number {
  const { ip } = socket.local;
  const { remote } = socket;
  if (remote !== undefined && (remote.port !== from.port || !remote.ip.equals(from.ip))) return 0;
  const connected = remote === undefined ? 0 : 4;
  if (ip.equals(to)) return connected + 3;
  if (!ip.isWildcard) return 0;
  if (ip.isV4) return to.isV4 ? connected + 2 : 0;
  return to.isV4 ? (socket.isV6Only ? 0 : connected + 1) : connected + 2;
}

function overlap(socket: PortHolder, ip: Ip, other: PortHolder): boolean {
  return covers(ip, socket.isV6Only, other.local.ip) || covers(other.local.ip, other.isV6Only, ip);
}

/** `ip` is the other address, or a wildcard that takes in it. */
function covers(ip: Ip, isV6Only: boolean, other: Ip): boolean {
  if (ip.equals(other)) return true;
  if (!ip.isWildcard) return false;
  if (ip.isV4) return other.isV4;
  return !(other.isV4 && isV6Only);
}
