/**
 * Unix sockets for control. Reached through a descriptor of their folder: a path longer than the 107
 * bytes of `sun_path` works too, and a folder that is replaced meanwhile is not followed.
 */

import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ByteConnection, ConnectionListener } from '../base/byte-connection.ts';

export const SOCKET_NAME = 'control.sock';

function openFolder(folder: string): number {
  return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** Listens in `folder`, for its owner only. */
export function listenForControl(
  folder: string,
  accept: (connection: ByteConnection) => void,
): Promise<{ close(): void }> {
  const fd = openFolder(folder);
  const path = `/proc/self/fd/${fd}/${SOCKET_NAME}`;
  const server: Server = createServer({ allowHalfOpen: true }, (socket) =>
    accept(new SocketConnection(socket)),
  );
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      closeSync(fd);
      reject(error);
    };
    server.once('error', failed);
    server.listen(path, () => {
      server.removeListener('error', failed);
      chmodSync(join(folder, SOCKET_NAME), 0o600);
      resolve({
        close() {
          server.close();
          closeSync(fd);
        },
      });
    });
  });
}

/** Connects to the instance of `folder`; rejects when nobody listens there. */
export async function connectControl(folder: string): Promise<ByteConnection> {
  const fd = openFolder(folder);
  try {
    const socket = connect({ path: `/proc/self/fd/${fd}/${SOCKET_NAME}`, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve();
      });
    });
    return new SocketConnection(socket);
  } finally {
    closeSync(fd);
  }
}

class SocketConnection implements ByteConnection {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
    // A reset is a close, which follows.
    socket.on('error', () => undefined);
  }

  start(listener: ConnectionListener): void {
    const socket = this.#socket;
    socket.on('data', (bytes: Uint8Array) => listener.onData(bytes));
    socket.on('drain', () => listener.onDrain());
    let isClosed = false;
    const close = (): void => {
      if (isClosed) return;
      isClosed = true;
      listener.onClose();
      socket.end();
    };
    socket.on('end', close);
    socket.on('close', close);
    socket.resume();
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  close(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      if (socket.destroyed) return resolve();
      socket.once('close', () => resolve());
      socket.end(() => socket.destroySoon());
    });
  }
}
