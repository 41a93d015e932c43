/**
 * The host's side of one listening socket: a socket of the host at the same address where the
 * instance may listen there, and the ports that are published to it.
 */

import { EAFNOSUPPORT, EAGAIN } from '../abi/errno.table.ts';
import { POLLIN, POLLRDNORM } from '../abi/poll-events.ts';
import { AF, SO, SOL_SOCKET } from '../abi/socket.ts';
import type { Endpoint } from './endpoint.ts';
import { coversPort } from './host-access.ts';
import type { AcceptedHostSocket, HostSocket } from './host-network.ts';
import type { InetContext } from './inet-context.ts';
import { ANY4 } from './ip.ts';

/** What the guest's socket has set. */
export interface ListenerOptions {
  readonly reusesAddress: boolean;
  readonly reusesPort: boolean;
  readonly isV6Only: boolean;
}

const IPV6_LEVEL = 41;
const V6ONLY = 26;

export class HostListeners {
  readonly #context: InetContext;
  readonly #onEvent: (events: number) => void;
  #claimed: HostSocket | undefined = undefined;
  #sockets: HostSocket[] = [];

  constructor(context: InetContext, onEvent: (events: number) => void) {
    this.#context = context;
    this.#onEvent = onEvent;
  }

  /**
   * Binds the host's port for a guest's bind, where it may listen there. 0 where the host has no
   * part, else the port (the host chooses for port 0), or -errno.
   */
  claim(endpoint: Endpoint, options: ListenerOptions): number {
    const { host } = this.#context;
    if (host === undefined || !host.rules.isOpen || endpoint.ip.isLoopback) return 0;
    const { listen } = host.rules;
    // What is not permitted is refused when it listens: a client may bind any port.
    const isListed = (port: number) =>
      listen?.some((rule) => coversPort(rule, port, 'tcp')) ?? true;
    if (endpoint.port !== 0 && !isListed(endpoint.port)) return 0;
    if (listen !== undefined && endpoint.port === 0) return 0;
    const socket = this.#bound(endpoint, options);
    if (typeof socket === 'number') return socket;
    const local = socket.localEndpoint();
    if (typeof local === 'number' || !(local.port > 0 && local.port < 65_536)) {
      socket.close();
      return typeof local === 'number' ? local : -EAFNOSUPPORT;
    }
    this.#claimed = socket;
    return local.port;
  }

  #bound(endpoint: Endpoint, options: ListenerOptions): HostSocket | number {
    const network = this.#context.host?.network;
    if (network === undefined) return -EAFNOSUPPORT;
    const socket = network.open(endpoint.ip.isV4 ? AF.AF_INET : AF.AF_INET6, true);
    if (typeof socket === 'number') {
      const isDual = endpoint.ip.isWildcard && !endpoint.ip.isV4 && !options.isV6Only;
      return isDual ? this.#bound({ ip: ANY4, port: endpoint.port }, options) : socket;
    }
    if (options.reusesAddress) socket.setOption(SOL_SOCKET, SO.SO_REUSEADDR, 1);
    if (options.reusesPort) socket.setOption(SOL_SOCKET, SO.SO_REUSEPORT, 1);
    if (!endpoint.ip.isV4) socket.setOption(IPV6_LEVEL, V6ONLY, options.isV6Only ? 1 : 0);
    const bound = socket.bind(endpoint);
    if (bound >= 0) return socket;
    socket.close();
    return bound;
  }

  /** 0 or -errno. */
  listen(local: Endpoint, backlog: number, options: ListenerOptions): number {
    const { host } = this.#context;
    if (host === undefined) return 0;
    const sockets = host.takePublished(local.port, 'tcp');
    const isPublished = sockets.length > 0;
    if (host.rules.isOpen && !local.ip.isLoopback) {
      const allowed = isPublished ? 0 : host.mayListen(local.port, 'tcp');
      if (allowed < 0) return allowed;
      if (this.#claimed === undefined && !isPublished) {
        const claimed = this.claim(local, options);
        if (claimed < 0) return claimed;
      }
    }
    if (this.#claimed !== undefined) sockets.push(this.#claimed);
    this.#claimed = undefined;
    for (const socket of sockets) {
      socket.onEvent = (events) => this.#onEvent((events & POLLIN) === 0 ? 0 : POLLIN | POLLRDNORM);
      const listening = socket.listen(backlog);
      if (listening >= 0) continue;
      for (const one of sockets) one.close();
      return listening;
    }
    this.#sockets = sockets;
    return 0;
  }

  get isReady(): boolean {
    for (const socket of this.#sockets) if ((socket.poll() & POLLIN) !== 0) return true;
    return false;
  }

  accept(): AcceptedHostSocket | number {
    for (const socket of this.#sockets) {
      const accepted = socket.accept();
      if (typeof accepted === 'object' || accepted !== -EAGAIN) return accepted;
    }
    return -EAGAIN;
  }

  close(): void {
    this.#claimed?.close();
    this.#claimed = undefined;
    for (const socket of this.#sockets) {
      socket.onEvent = undefined;
      socket.close();
    }
    this.#sockets = [];
  }
}
