/**
 * The doors of one instance: attested TLS for programs that know nothing of attestation. Opened before
 * the first program starts, closed after it has ended. docs/attestation.md, "A front door".
 */

import type { EgressConfig, IngressConfig } from '../../image/door-schema.ts';
import type { TlsAddress } from '../../kbs/tls.ts';
import type { IngressSpec } from '../plan.ts';
import type { Door, DoorParts } from './door.ts';
import { Egress } from './egress.ts';
import { Ingress } from './ingress.ts';

/** A door cannot be opened. */
export class DoorError extends Error {
  readonly code = 'CLOISTER_DOOR';
}

/** After the end of the program: for what it sent last. */
const LAST_MS = 5000;

export class FrontDoors {
  readonly #doors: Door[] = [];

  /** Throws {@link DoorError} saying which door, and why. */
  static async open(
    parts: DoorParts,
    ingress: readonly IngressSpec[],
    egress: readonly EgressConfig[],
  ): Promise<FrontDoors> {
    const front = new FrontDoors();
    try {
      // The first evidence is made now: whoever lacks it is told so, and not each client.
      await parts.identity.current();
      for (const config of egress) front.#doors.push(new Egress(parts, config));
      for (const { at, ...config } of ingress)
        front.#doors.push(await front.#ingress(parts, config, at));
      return front;
    } catch (error) {
      front.destroy();
      throw new DoorError((error as Error).message, { cause: error });
    }
  }

  async #ingress(
    parts: DoorParts,
    config: IngressConfig,
    at: readonly TlsAddress[],
  ): Promise<Ingress> {
    try {
      return await Ingress.open(parts, config, at);
    } catch (error) {
      const where = at.map(({ host, port }) => `${host}:${port}`).join(', ');
      throw new Error(
        `ingress ${config.port}: the host refuses ${where} (${(error as Error).message}); ` +
          `-p HOST:${config.port} listens elsewhere`,
      );
    }
  }

  /** Waits a little for what is still under way, then ends it. */
  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_MS);
    });
    await Promise.race([Promise.all(this.#doors.map((door) => door.close())), late]);
    clearTimeout(timer);
    this.destroy();
  }

  destroy(): void {
    for (const door of this.#doors) door.destroy();
  }
}
