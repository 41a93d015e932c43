/**
 * `ingress:` and `egress:` of `cloister.yaml`: attested TLS before and behind programs that know
 * nothing of it. As written by people, and as measured: with the text of the policies inside.
 */

import * as v from 'valibot';

const PORT_MAX = 65_535;

const port = (description: string) =>
  v.pipe(
    v.number(),
    v.integer('must be a port from 1 to 65535'),
    v.minValue(1, 'must be a port from 1 to 65535'),
    v.maxValue(PORT_MAX, 'must be a port from 1 to 65535'),
    v.description(description),
  );

const count = (most: number, standard: number, description: string) =>
  v.optional(
    v.pipe(
      v.number(),
      v.integer(`must be a whole number from 1 to ${most}`),
      v.minValue(1, `must be a whole number from 1 to ${most}`),
      v.maxValue(most, `must be a whole number from 1 to ${most}`),
      v.description(description),
    ),
    standard,
  );

const policy = (whose: string) =>
  v.pipe(
    v.string(),
    v.nonEmpty(),
    v.description(`Policy that appraises ${whose}: a file, relative to cloister.yaml.`),
  );

const freshness = v.optional(
  v.pipe(
    v.picklist(['connection', 'certificate']),
    v.description(
      '`connection`: evidence made for this connection (cloister.ra-tls.v1). `certificate`: that in ' +
        'the certificate will do, as other RA-TLS software has it.',
    ),
  ),
  'connection',
);

/** RFC 7301: 1 to 255 bytes. Cloister's own is always offered. */
const protocols = (standard: readonly string[], description: string) =>
  v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(), v.regex(/^(?!cloister\.)[\x21-\x7e]{1,64}$/, 'must be an ALPN name')),
      ),
      v.description(description),
    ),
    [...standard],
  );

const CONNECTIONS_MAX = 65_536;
const IDLE_MAX_SECONDS = 86_400 * 7;
const idle = count(IDLE_MAX_SECONDS, 600, 'A connection on which nothing moves so long is ended.');

const ingress = v.strictObject({
  port: port('Port of the host; `-p HOST:PORT` leads from elsewhere to it.'),
  tls: v.pipe(
    v.literal('ra-tls', 'must be ra-tls'),
    v.description('TLS 1.3 with evidence in the certificate.'),
  ),
  to: port('Port inside on which the server listens, in plain TCP.'),
  clients: v.optional(
    v.pipe(
      v.strictObject({ policy: policy('clients'), freshness }),
      v.description('Clients must show evidence, too. Without it, any client is served.'),
    ),
  ),
  alpn: protocols(['http/1.1'], 'Protocols of the server, for clients that ask by ALPN.'),
  connections: count(CONNECTIONS_MAX, 256, 'At the same time.'),
  handshakes: count(1024, 32, 'At the same time; who comes beyond is turned away.'),
  idle_seconds: idle,
});

const LOOPBACK = /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]):\d{1,5}$/;
const PEER = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\]):\d{1,5}$/;
const endsInPort = (text: string): boolean => {
  const number = Number(text.slice(text.lastIndexOf(':') + 1));
  return number >= 1 && number <= PORT_MAX;
};
const endpoint = (form: RegExp, message: string, description: string) =>
  v.pipe(
    v.string(),
    v.check((text) => form.test(text) && endsInPort(text), message),
    v.description(description),
  );

const egress = v.strictObject({
  listen: endpoint(
    LOOPBACK,
    'must be a loopback address with a port, such as 127.0.0.1:9000',
    'Address inside at which programs find the peer, in plain TCP.',
  ),
  connect: endpoint(
    PEER,
    'must be HOST:PORT, such as b.example.org:443',
    'Where the peer is. It is believed for its evidence, not for its address.',
  ),
  policy: policy('the peer before any byte goes to it'),
  freshness,
  alpn: protocols([], 'Further protocols to offer, for peers that are not Cloister.'),
  connections: count(CONNECTIONS_MAX, 256, 'At the same time; others wait.'),
  idle_seconds: idle,
});

/** One, or a list. */
function some<const Door extends v.GenericSchema>(door: Door, key: string, description: string) {
  const name = (one: unknown) => (one as Readonly<Record<string, unknown>>)[key];
  return v.pipe(
    v.union([v.pipe(v.array(door), v.minLength(1, 'must name at least one')), door]),
    v.check(
      (doors) => !Array.isArray(doors) || new Set(doors.map(name)).size === doors.length,
      `must not name a \`${key}\` twice`,
    ),
    v.description(description),
  );
}

export const doorEntries = {
  ingress: v.optional(
    some(ingress, 'port', 'Attested TLS from outside, ended before a server inside.'),
  ),
  egress: v.optional(
    some(egress, 'listen', 'Plain connections inside, carried outside over attested TLS.'),
  ),
};

type Ingress = v.InferOutput<typeof ingress>;
type Egress = v.InferOutput<typeof egress>;
interface Doors {
  readonly ingress?: Ingress | readonly Ingress[] | undefined;
  readonly egress?: Egress | readonly Egress[] | undefined;
}

const listOf = <Door>(doors: Door | readonly Door[] | undefined): readonly Door[] | undefined =>
  doors === undefined ? undefined : Array.isArray(doors) ? doors : [doors as Door];

/** Policy files that a configuration names. */
export function policyFilesOf(config: Doors): readonly string[] {
  const clients = (listOf(config.ingress) ?? []).flatMap((one) => one.clients?.policy ?? []);
  return [...clients, ...(listOf(config.egress) ?? []).map((one) => one.policy)];
}

const natural = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31));
const judged = { policy: v.string(), freshness: v.picklist(['connection', 'certificate']) };

const measuredIngress = v.strictObject({
  ...{ port: natural, to: natural, clients: v.optional(v.strictObject(judged)) },
  ...{ alpn: v.array(v.string()), connections: natural, handshakes: natural },
  idleSeconds: natural,
});
const measuredEgress = v.strictObject({
  ...{ listen: v.string(), connect: v.string(), ...judged, alpn: v.array(v.string()) },
  ...{ connections: natural, idleSeconds: natural },
});

/** As they stand in the measured configuration. */
export const measuredDoorEntries = {
  ingress: v.optional(v.array(measuredIngress)),
  egress: v.optional(v.array(measuredEgress)),
};

/** A door into the instance. `policy` is the text of the policy. */
export type IngressConfig = Readonly<v.InferOutput<typeof measuredIngress>>;
/** A door out of the instance. */
export type EgressConfig = Readonly<v.InferOutput<typeof measuredEgress>>;

export interface MeasuredDoors {
  readonly ingress?: readonly IngressConfig[];
  readonly egress?: readonly EgressConfig[];
}

/** `policyText`: the content of a policy file. */
export function measuredDoors(config: Doors, policyText: (file: string) => string): MeasuredDoors {
  const ingress = listOf(config.ingress)?.map(
    ({ tls: _, idle_seconds: idleSeconds, clients, ...door }): IngressConfig => ({
      ...{ ...door, idleSeconds },
      ...(clients && { clients: { ...clients, policy: policyText(clients.policy) } }),
    }),
  );
  const egress = listOf(config.egress)?.map(
    ({ idle_seconds: idleSeconds, ...door }): EgressConfig => ({
      ...{ ...door, idleSeconds, policy: policyText(door.policy) },
    }),
  );
  return { ...(ingress && { ingress }), ...(egress && { egress }) };
}
