/** A net stack for tests, with a host that is a script. */

import { Fixture } from '../../vfs/testing/fixture.ts';
import { anyOf, type Endpoint } from '../endpoint.ts';
import { type AccessRules, HostAccess } from '../host-access.ts';
import type { AcceptedHostSocket, HostNetwork, HostSocket } from '../host-network.ts';
import { NetStack } from '../net-stack.ts';

/** A socket of a host that answers what the test says, however wrong. */
export class ScriptedHostSocket implements HostSocket {
  onEvent: ((events: number) => void) | undefined = undefined;
  lastSender: Endpoint = anyOf(2);
  events = 0;
  receiveResult = -11;
  sendResult = 0;
  connectResult = 0;
  error = 0;
  isClosed = false;
  readonly accepted: AcceptedHostSocket[] = [];
  readonly bound: Endpoint[] = [];

  poll(): number {
    return this.events;
  }

  bind(endpoint: Endpoint): number {
    this.bound.push(endpoint);
    return 0;
  }

  localEndpoint(): Endpoint {
    return this.bound[0] ?? { ...anyOf(2), port: 40_000 };
  }

  listen(): number {
    return 0;
  }

  connect(): number {
    return this.connectResult;
  }

  accept(): AcceptedHostSocket | number {
    return this.accepted.shift() ?? -11;
  }

  receive(): number {
    return this.receiveResult;
  }

  send(): number {
    return this.sendResult;
  }

  sendTo(): number {
    return this.sendResult;
  }

  takeError(): number {
    return this.error;
  }

  setOption(): number {
    return 0;
  }

  resetOnClose(): void {
    // Nothing to reset.
  }

  shutdown(): number {
    return 0;
  }

  readableBytes(): number {
    return 0;
  }

  unsentBytes(): number {
    return 0;
  }

  close(): void {
    this.isClosed = true;
  }
}

export class ScriptedHost implements HostNetwork {
  readonly opened: ScriptedHostSocket[] = [];

  open(): ScriptedHostSocket {
    const socket = new ScriptedHostSocket();
    this.opened.push(socket);
    return socket;
  }

  interfaces() {
    return [];
  }
}

export const CLOSED: AccessRules = {
  ...{ isOpen: false, connect: undefined, listen: undefined, published: [] },
};

/** A stack over `rules` (none: no host at all), and what it logs. */
export function netFixture(rules?: AccessRules) {
  const { vfs, creds } = new Fixture();
  const host = new ScriptedHost();
  const logged: string[] = [];
  const net = new NetStack({
    vfs,
    clock: {
      nowNs: () => 0,
      processorNs: () => 0,
      monotonicNs: () => 0n,
      realtimeNs: () => 1_000_000_007n,
    },
    access: rules && new HostAccess(host, rules, (line) => logged.push(line)),
    randomBelow: () => 0,
    tellUrgent: () => undefined,
    logOnce: (_topic, message) => logged.push(message),
  });
  return { net, creds, host, logged };
}
