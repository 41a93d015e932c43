/**
 * Appraisal policies: YAML text → checked value. Everything that a policy does not name is refused:
 * a provider, an image, a TCB status, an advisory, debug. Format: docs/formats/policy.md.
 */
import * as v from 'valibot';
import { parse as parseYaml } from 'yaml';
import { TCB_STATUSES } from './dcap/tcb-info.ts';
import { Refusal } from './errors.ts';

/**
 * YAML is read with the failsafe schema, in which every scalar is text: a measurement of digits
 * only must not turn into a number, nor a product named `no` into a boolean.
 */
const text = v.string('a text is expected');
const integer = v.pipe(
  text,
  v.regex(/^(0|[1-9]\d{0,14})$/, 'a whole number is expected'),
  v.transform(Number),
);
const flag = v.pipe(
  text,
  v.regex(/^(true|false)$/, 'true or false is expected'),
  v.transform((word) => word === 'true'),
);
const hex = (bytes: number) =>
  v.pipe(
    text,
    v.regex(
      new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`),
      `${2 * bytes} hexadecimal digits are expected`,
    ),
    v.transform((digits) => digits.toLowerCase()),
  );
const prefixed = (prefix: string, bytes: number) =>
  v.pipe(
    text,
    v.regex(
      new RegExp(`^${prefix}:[0-9a-fA-F]{${2 * bytes}}$`),
      `${prefix}: and ${2 * bytes} hexadecimal digits are expected`,
    ),
    v.transform((word) => word.slice(prefix.length + 1).toLowerCase()),
  );
const date = v.pipe(
  text,
  v.regex(/^\d{4}-\d\d-\d\d$/, 'a date as YYYY-MM-DD is expected'),
  v.transform((day) => Date.parse(`${day}T00:00:00Z`)),
  v.number('no such date'),
);
const advisory = v.pipe(
  text,
  v.regex(/^INTEL-SA-\d{5}$/, 'INTEL-SA- and five digits are expected'),
);

/** A revoked TCB is acceptable to no policy. */
const ACCEPTABLE_STATUSES = TCB_STATUSES.filter((status) => status !== 'Revoked');

const intelEntries = {
  /** TCB statuses that are good enough. */
  statuses: v.optional(v.array(v.picklist(ACCEPTABLE_STATUSES)), ['UpToDate']),
  /** Advisories that may apply; any other refuses. Never wholesale. */
  tolerateAdvisories: v.optional(v.array(advisory), []),
  minimumTcbDate: v.optional(date),
  minimumEvaluationDataNumber: v.optional(integer),
  /** FMSPCs (platform models) that are allowed. */
  fmspcs: v.optional(v.array(hex(6))),
  /** Platform instance IDs or PPIDs that are allowed. */
  platforms: v.optional(v.array(hex(16))),
  /** Whether both CRLs must be there; on unless switched off. */
  requireRevocationLists: v.optional(flag, 'true'),
  allowDebug: v.optional(flag, 'false'),
  allowSmt: v.optional(flag, 'true'),
  allowDynamicPlatform: v.optional(flag, 'true'),
};

const tdx = v.strictObject({
  ...intelEntries,
  mrTd: v.optional(v.array(hex(48))),
  mrSeam: v.optional(v.array(hex(48))),
  rtmr0: v.optional(v.array(hex(48))),
  rtmr1: v.optional(v.array(hex(48))),
  rtmr2: v.optional(v.array(hex(48))),
  rtmr3: v.optional(v.array(hex(48))),
  mrConfigId: v.optional(v.array(hex(48))),
  mrOwner: v.optional(v.array(hex(48))),
  /** A service TD bound at launch; absent means that none may be. */
  mrServiceTd: v.optional(v.array(hex(48))),
  requireSeptVeDisable: v.optional(flag, 'true'),
  allowMigration: v.optional(flag, 'false'),
});

const sgx = v.strictObject({
  ...intelEntries,
  mrEnclave: v.optional(v.array(hex(32))),
  mrSigner: v.optional(v.array(hex(32))),
  isvProdId: v.optional(integer),
  minimumIsvSvn: v.optional(integer),
});

const snpTcb = v.strictObject({
  fmc: v.optional(integer),
  bootloader: v.optional(integer),
  tee: v.optional(integer),
  snp: v.optional(integer),
  microcode: v.optional(integer),
});
const snpProduct = v.picklist(['Milan', 'Genoa', 'Turin']);

const snp = v.strictObject({
  /** Products that are allowed, each with its TCB floor (reported, committed and launch TCB). */
  products: v.optional(v.record(snpProduct, snpTcb)),
  measurements: v.optional(v.array(hex(48))),
  hostData: v.optional(v.array(hex(32))),
  idKeyDigests: v.optional(v.array(hex(48))),
  authorKeyDigests: v.optional(v.array(hex(48))),
  chipIds: v.optional(v.array(hex(64))),
  cspIds: v.optional(v.array(text)),
  minimumGuestSvn: v.optional(integer),
  maximumVmpl: v.optional(integer, '0'),
  allowVlek: v.optional(flag, 'false'),
  allowDebug: v.optional(flag, 'false'),
  allowMigration: v.optional(flag, 'false'),
  allowSmt: v.optional(flag, 'true'),
  requireRevocationLists: v.optional(flag, 'false'),
  /** Platform info bit 5: the firmware looked for aliased memory (BadRAM). */
  requireAliasCheck: v.optional(flag, 'false'),
});

const nitro = v.strictObject({
  pcrs: v.optional(
    v.record(
      v.pipe(text, v.regex(/^(\d|[12]\d|3[01])$/, 'a PCR number is expected')),
      v.array(hex(48)),
    ),
  ),
  moduleIds: v.optional(v.array(text)),
  allowDebug: v.optional(flag, 'false'),
});

const tpm = v.strictObject({
  /** Names of attestation keys: anyone can make a key, so at least one is named. */
  keyNames: v.pipe(
    v.array(
      v.pipe(
        text,
        v.regex(
          /^(000b[0-9a-fA-F]{64}|000c[0-9a-fA-F]{96}|000d[0-9a-fA-F]{128})$/,
          'a name is 000b, 000c or 000d and its digest in hexadecimal',
        ),
        v.transform((digits) => digits.toLowerCase()),
      ),
    ),
    v.minLength(1, 'at least one key must be named'),
  ),
  /** Registers of the SHA-256 bank. */
  pcrs: v.optional(
    v.record(
      v.pipe(text, v.regex(/^(\d|1\d|2[0-3])$/, 'a PCR number from 0 to 23 is expected')),
      v.array(hex(32)),
    ),
  ),
  pcrDigests: v.optional(v.array(v.union([hex(32), hex(48), hex(64)]))),
});

const sim = v.strictObject({
  /** Root keys that are accepted. Absent: any, since none is worth anything against its host. */
  roots: v.optional(v.array(prefixed('ed25519', 32))),
  minimumSvn: v.optional(integer),
  allowDebug: v.optional(flag, 'false'),
});

const schema = v.strictObject({
  format: v.literal('cloister-policy/1', 'format must be cloister-policy/1'),
  name: v.optional(text, 'unnamed'),
  /** Accepted TEEs; one that is not named is refused, `sim` like any other. */
  providers: v.strictObject({
    tdx: v.optional(tdx),
    snp: v.optional(snp),
    sgx: v.optional(sgx),
    nitro: v.optional(nitro),
    tpm: v.optional(tpm),
    sim: v.optional(sim),
  }),
  /** `any`, or measurements of images that are accepted. */
  images: v.optional(v.union([v.literal('any'), v.array(prefixed('sha256', 32))])),
  /** Keys whose signature makes an image accepted, too. */
  signers: v.optional(v.array(prefixed('ed25519', 32))),
  /** Accepted versions of Cloister; absent means any. */
  runtimes: v.optional(v.array(prefixed('sha256', 32))),
  /** Evidence that states its time may be at most this old. */
  maximumEvidenceAgeSeconds: v.optional(integer),
  requireNonce: v.optional(flag, 'false'),
});

export type Policy = v.InferOutput<typeof schema>;

const MAXIMUM_TEXT = 256 * 1024;

/** Reads a policy; refuses with every fault that it has, each with its place. */
export function parsePolicy(yaml: string): Policy {
  if (yaml.length > MAXIMUM_TEXT) throw new Refusal('MALFORMED_POLICY', 'policy too large');
  let value: unknown;
  try {
    const options = { schema: 'failsafe', strict: true, uniqueKeys: true } as const;
    value = parseYaml(yaml, { ...options, maxAliasCount: 0, logLevel: 'error' });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'not YAML';
    throw new Refusal('MALFORMED_POLICY', `policy: ${message}`, { cause });
  }
  return checkPolicy(value);
}

/** Checks a value as the YAML reader gives it (every scalar a text). */
function checkPolicy(value: unknown): Policy {
  const result = v.safeParse(schema, withoutNulls(value));
  if (result.success) return result.output;
  const faults = result.issues.map(
    (issue) => `${v.getDotPath(issue) ?? 'policy'}: ${issue.message}`,
  );
  throw new Refusal('MALFORMED_POLICY', faults.join('; '));
}

/** `sim:` with nothing after it means "with defaults"; the failsafe schema reads it as ''. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('providers' in value)) return value;
  const { providers } = value;
  if (typeof providers !== 'object' || providers === null) return value;
  const entries = Object.entries(providers).map(([name, rules]) => [
    name,
    rules === '' || rules === null ? {} : rules,
  ]);
  return { ...value, providers: Object.fromEntries(entries) };
}
