/**
 * The instance's end of its control socket. Everything that arrives is hostile: a client that does
 * not keep to the protocol is refused and disconnected, and nobody else notices. What may be started
 * is decided by {@link planExec}, never by the client.
 */

import { ENOENT } from '../../abi/errno.table.ts';
import { fromHex } from '../../attest/bytes.ts';
import type { ByteConnection } from '../../base/byte-connection.ts';
import type { Logger } from '../../base/interfaces.ts';
import type { ImageConfig } from '../../image/config-schema.ts';
import { SpawnError } from '../../kernel/exec/errors.ts';
import { planExec } from '../exec-plan.ts';
import type { Instance } from '../instance.ts';
import { PlanError, type RunPlan } from '../plan.ts';
import { ExecSession } from './exec-session.ts';
import { ControlError, encodeMessage, FRAME, type Frame, FrameReader } from './frames.ts';
import {
  type ControlReply,
  type ControlRequest,
  type ExecRequest,
  parseRequest,
} from './messages.ts';
import { type HostUsage, processesOf, statisticsOf } from './report.ts';

export interface ControlServerParts {
  readonly instance: Instance;
  readonly plan: RunPlan;
  /** Of a measured image. */
  readonly config?: ImageConfig | undefined;
  /**
   * Evidence of this instance, bound to its key and the nonce, as a document; undefined when the TEE
   * gives none. Absent: not measured.
   */
  readonly evidence?: ((nonce: Uint8Array) => Uint8Array | undefined) | undefined;
  readonly usage: () => HostUsage;
  readonly logger: Logger;
}

/** Clients at once: a process each, at most. */
const MAX_CLIENTS = 256;

type Refusal = Extract<ControlReply, { reply: 'refused' }>;

export class ControlServer {
  readonly #parts: ControlServerParts;
  readonly #clients = new Set<Client>();

  constructor(parts: ControlServerParts) {
    this.#parts = parts;
  }

  /** A client has connected. */
  accept(connection: ByteConnection): void {
    if (this.#clients.size >= MAX_CLIENTS) {
      connection.start({ onData: ignore, onDrain: ignore, onClose: ignore });
      connection.send(encodeMessage(refusal('CLOISTER_CONTROL', 'too many clients at once')));
      void connection.close();
      return;
    }
    const client = new Client(connection, this.#parts, () => this.#clients.delete(client));
    this.#clients.add(client);
  }

  /** The instance has ended: tells every client, and answers when they have been told. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.end()));
  }
}

const ignore = (): void => undefined;

class Client {
  readonly #connection: ByteConnection;
  readonly #parts: ControlServerParts;
  readonly #reader = new FrameReader();
  #session: ExecSession | undefined;
  #closing: Promise<void> | undefined;

  constructor(connection: ByteConnection, parts: ControlServerParts, onClose: () => void) {
    this.#connection = connection;
    this.#parts = parts;
    connection.start({
      onData: (bytes) => this.#receive(bytes),
      onDrain: () => this.#session?.drained(),
      onClose: () => {
        this.#session?.disconnected();
        onClose();
      },
    });
  }

  end(): Promise<void> {
    this.#session?.abandon();
    return this.#close();
  }

  #close(): Promise<void> {
    this.#closing ??= this.#connection.close();
    return this.#closing;
  }

  #receive(bytes: Uint8Array): void {
    try {
      // After a refusal nothing more is read.
      for (const frame of this.#closing === undefined ? this.#reader.push(bytes) : [])
        if (this.#closing === undefined) this.#take(frame);
    } catch (error) {
      this.#refuse(refusalOf(error));
    }
  }

  #take(frame: Frame): void {
    if (this.#session !== undefined) {
      this.#session.receive(frame);
      return;
    }
    if (frame.kind !== FRAME.message) throw new ControlError('a request comes first');
    const request = parseRequest(frame);
    if (request.op === 'exec') {
      this.#exec(request);
      return;
    }
    this.#connection.send(encodeMessage(this.#answer(request)));
    void this.#close();
  }

  #exec(request: ExecRequest): void {
    const { instance, plan, config } = this.#parts;
    const { command, environment, workingDir, user } = request;
    const wanted = planExec(plan, config, { command, environment, workingDir, user });
    const end = (): void => void this.#close();
    this.#session = new ExecSession(this.#connection, instance, wanted, request, end);
  }

  #answer(request: Exclude<ControlRequest, ExecRequest>): ControlReply {
    const { instance, config, usage } = this.#parts;
    switch (request.op) {
      case 'signal':
        instance.signal(request.signal);
        return { reply: 'done' };
      case 'processes':
        return { reply: 'processes', processes: processesOf(instance, config === undefined) };
      case 'statistics':
        return {
          reply: 'statistics',
          statistics: statisticsOf(instance, usage(), config === undefined),
        };
      case 'evidence':
        return this.#evidence(request.nonce);
    }
  }

  #evidence(nonce: string): ControlReply {
    const { evidence } = this.#parts;
    if (evidence === undefined)
      return refusal('CLOISTER_UNMEASURED', 'only a measured image can be attested, this is none');
    const bytes = evidence(fromHex(nonce));
    if (bytes === undefined) return refusal('CLOISTER_TEE', 'the TEE gives no evidence');
    return { reply: 'evidence', evidence: new TextDecoder().decode(bytes) };
  }

  #refuse(reply: Refusal): void {
    if (this.#session !== undefined)
      this.#parts.logger.log('warn', `control socket: a client is disconnected: ${reply.message}`);
    this.#connection.send(encodeMessage(reply));
    void this.#close();
  }
}

function refusal(code: string, message: string, exitStatus?: number): Refusal {
  const text = message.slice(0, 4000);
  return { reply: 'refused', code, message: text, ...(exitStatus ? { exitStatus } : {}) };
}

/** What a client did wrong, or may not do; anything else is a bug and goes on. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof SpawnError)
    return refusal(error.code, error.message, error.errno === ENOENT ? 127 : 126);
  if (error instanceof ControlError || error instanceof PlanError)
    return refusal(error.code, error.message);
  throw error;
}
