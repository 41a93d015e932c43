/** Real TLS on loopback as the tests of channels want it: messages at once, limits that nobody meets. */

import { nodeTlsHost } from '../../host/tls-host.ts';
import { MessageStream } from '../messages.ts';
import type { TlsConnection, TlsIdentity } from '../tls.ts';

const LIMITS = { handshakeMs: 10_000, idleMs: 10_000, protocols: [] } as const;

export const messageTls = {
  async connect(host: string, port: number, identity: TlsIdentity): Promise<TlsConnection> {
    return new MessageStream(await nodeTlsHost.connect({ host, port }, { ...LIMITS, identity }));
  },
  listen(
    host: string,
    port: number,
    identity: TlsIdentity,
    accept: (connection: TlsConnection) => void,
  ) {
    return nodeTlsHost.listen({ host, port }, (incoming) => {
      incoming.secure({ ...LIMITS, identity, asksForCertificate: true }).then(
        (stream) => accept(new MessageStream(stream)),
        () => undefined,
      );
    });
  },
};
