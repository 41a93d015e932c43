/** `struct tcp_info` (`linux/tcp.h`), as far as connections without packets have any of it. */

import type { TcpState } from '../abi/inet.ts';

const BYTES = 248;
const AT = {
  state: 0,
  retransmitTimeout: 8,
  ack: 12,
  sendMss: 16,
  receiveMss: 20,
  mtu: 60,
} as const;

export function tcpInfo(state: TcpState): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  bytes[AT.state] = state;
  view.setUint32(AT.retransmitTimeout, 200_000, true);
  view.setUint32(AT.ack, 40_000, true);
  view.setUint32(AT.sendMss, 32_768, true);
  view.setUint32(AT.receiveMss, 536, true);
  view.setUint32(AT.mtu, 65_535, true);
  return bytes;
}
