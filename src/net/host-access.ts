/**
 * What of the host's network one instance may use: destinations to connect to, ports to listen on,
 * ports that are published. Everything else is refused here, before the host hears of it.
 */

import { EACCES } from '../abi/errno.table.ts';
import { AF } from '../abi/socket.ts';
import { type Endpoint, endpointText } from './endpoint.ts';
import type { HostNetwork, HostSocket } from './host-network.ts';
import type { Ip } from './ip.ts';

export type Protocol = 'tcp' | 'udp';

/** Destinations of one rule. */
export interface ConnectRule {
  /** Undefined: any address. */
  readonly network: { readonly ip: Ip; readonly prefixBits: number } | undefined;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: both. */
  readonly protocol: Protocol | undefined;
}

export interface ListenRule {
  readonly firstPort: number;
  readonly lastPort: number;
  readonly protocol: Protocol | undefined;
}

/** A port of the host that leads to a port of the instance: `-p`. */
export interface PublishedPort {
  readonly host: Endpoint;
  readonly guestPort: number;
  readonly protocol: Protocol;
}

export interface AccessRules {
  /** Sockets of guests may reach the host's network at all. */
  readonly isOpen: boolean;
  /** Undefined: every destination, every port. */
  readonly connect: readonly ConnectRule[] | undefined;
  readonly listen: readonly ListenRule[] | undefined;
  readonly published: readonly PublishedPort[];
}

/** A published port cannot be had on this host. */
export class PublishError extends Error {
  readonly code = 'CLOISTER_PUBLISH';
}

interface Publication {
  readonly port: PublishedPort;
  /** Bound; undefined while a guest listens with it. */
  spare: HostSocket | undefined;
}

const MOST_LINES = 1000;

export class HostAccess {
  readonly network: HostNetwork;
  readonly rules: AccessRules;
  readonly #publications: Publication[];
  readonly #logged = new Set<string>();
  readonly #logLine: (message: string) => void;

  /** Binds the published ports: throws {@link PublishError} where one is taken. */
  constructor(network: HostNetwork, rules: AccessRules, log: (message: string) => void) {
    this.network = network;
    this.rules = rules;
    this.#logLine = log;
    this.#publications = rules.published.map((port) => ({ port, spare: undefined }));
    for (const publication of this.#publications) {
      const made = this.#bindPublished(publication.port);
      if (typeof made === 'number') {
        const { host, protocol } = publication.port;
        throw new PublishError(
          `-p ${endpointText(host)}/${protocol}: the host refuses that port (errno ${-made})`,
        );
      }
      publication.spare = made;
    }
  }

  /** Each refusal has one line, and a guest that tries everything no more than {@link MOST_LINES}. */
  #log(message: string): void {
    if (this.#logged.has(message) || this.#logged.size >= MOST_LINES) return;
    this.#logged.add(message);
    this.#logLine(message);
  }

  #bindPublished({ host, protocol }: PublishedPort): HostSocket | number {
    const socket = this.network.open(host.ip.isV4 ? AF.AF_INET : AF.AF_INET6, protocol === 'tcp');
    if (typeof socket === 'number') return socket;
    // What a restart would run into: connections of the last run that the host still remembers.
    socket.setOption(1, 2, 1);
    const bound = socket.bind(host);
    if (bound >= 0) return socket;
    socket.close();
    return bound;
  }

  /** Host sockets that lead to `port`, bound; they belong to the caller until it gives them back. */
  takePublished(port: number, protocol: Protocol): HostSocket[] {
    const taken: HostSocket[] = [];
    for (const publication of this.#publications) {
      if (publication.port.guestPort !== port || publication.port.protocol !== protocol) continue;
      const made = publication.spare ?? this.#bindPublished(publication.port);
      publication.spare = undefined;
      if (typeof made === 'object') taken.push(made);
      else
        this.#log(`published port ${endpointText(publication.port.host)} is gone (errno ${-made})`);
    }
    return taken;
  }

  /** 0 or -EACCES, with a line in the log. */
  mayConnect(to: Endpoint, protocol: Protocol): number {
    const { isOpen, connect } = this.rules;
    if (isOpen && (connect === undefined || connect.some((rule) => reaches(rule, to, protocol))))
      return 0;
    this.#log(`connecting to ${endpointText(to)}/${protocol} is refused (EACCES): not permitted`);
    return -EACCES;
  }

  /** Listening on the host: 0 or -EACCES, with a line in the log. */
  mayListen(port: number, protocol: Protocol): number {
    const { isOpen, listen } = this.rules;
    if (isOpen && (listen === undefined || listen.some((rule) => coversPort(rule, port, protocol))))
      return 0;
    this.#log(`listening on port ${port}/${protocol} is refused (EACCES): not permitted`);
    return -EACCES;
  }
}

function reaches(rule: ConnectRule, to: Endpoint, protocol: Protocol): boolean {
  if (!coversPort(rule, to.port, protocol)) return false;
  return rule.network === undefined || to.ip.isWithin(rule.network.ip, rule.network.prefixBits);
}

/** `rule` names `port`. */
export const coversPort = (rule: ListenRule, port: number, protocol: Protocol): boolean =>
  port >= rule.firstPort &&
  port <= rule.lastPort &&
  (rule.protocol === undefined || rule.protocol === protocol);
