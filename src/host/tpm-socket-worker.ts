/** Worker thread of `tpm.ts`: carries commands to a TPM behind a socket, whose owner sleeps. */

import { createConnection, type Socket } from 'node:net';
import { MAX_TPM_MESSAGE, type TpmSocketPlace } from './tpm-place.ts';
import { serveCalls } from './worker-call.ts';

const HEADER_BYTES = 10;

serveCalls<TpmSocketPlace, Uint8Array>(async (place) => {
  const socket = createConnection(place);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  // Between two commands: the next one finds the socket destroyed.
  socket.on('error', () => undefined);
  return (command) => exchange(socket, command);
});

/** Sends a command and collects its response, whose length stands in its third to sixth byte. */
function exchange(socket: Socket, command: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const fail = (error?: Error) => {
      release();
      reject(error ?? new Error('the connection to the TPM ended'));
    };
    const close = () => fail();
    const take = (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < HEADER_BYTES) return;
      const length = got.readUInt32BE(2);
      if (length < HEADER_BYTES || length > MAX_TPM_MESSAGE || got.length > length)
        fail(new Error(`a response of the TPM claims ${length} bytes`));
      else if (got.length === length) {
        release();
        resolve(new Uint8Array(got));
      }
    };
    const release = () => {
      socket.off('data', take);
      socket.off('error', fail);
      socket.off('close', close);
    };
    socket.on('data', take);
    socket.on('error', fail);
    socket.on('close', close);
    if (socket.destroyed) fail();
    else socket.write(command);
  });
}
