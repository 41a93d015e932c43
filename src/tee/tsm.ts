/**
 * Providers `tdx` and `snp` over configfs-tsm (Linux `Documentation/ABI/testing/configfs-tsm-report`,
 * since 6.7; `drivers/virt/coco/guest/report.c`): a directory a request, `inblob` in, `outblob` out.
 */
import { fromHex, Reader, toHex } from '../attest/bytes.ts';
import type { Entropy } from '../base/interfaces.ts';
import type { TeeFiles } from '../host/tee-files.ts';
import { kernelError } from './kernel-error.ts';
import { type RawEvidence, REPORT_DATA_BYTES, TeeError, type TeeProvider } from './provider.ts';

export const TSM_ROOT = '/sys/kernel/config/tsm/report';
const ATTEMPTS = 5;
/** The ABI page: reports of DICE-based TDX platforms are CBOR Web Tokens, known by their size. */
const LARGEST_QUOTE = 8192;

const KERNEL_NAMES = { tdx: 'tdx_guest', snp: 'sev_guest' } as const;

export interface TsmOptions {
  readonly files: TeeFiles;
  readonly entropy: Entropy;
  /** SNP: VMPL to ask for; the kernel refuses less than `privlevel_floor`. */
  readonly privlevel?: number;
}

export function tsmProvider(name: 'tdx' | 'snp', options: TsmOptions): TeeProvider {
  return {
    name,
    quote(reportData) {
      if (reportData.length !== REPORT_DATA_BYTES)
        throw new TeeError('TEE_PROTOCOL', `report data of ${reportData.length} bytes, not 64`);
      const { files } = options;
      if (!files.exists(TSM_ROOT))
        throw new TeeError(
          'TEE_ABSENT',
          `${TSM_ROOT} does not exist: load the module ${KERNEL_NAMES[name]} and mount configfs`,
        );
      const suffix = new Uint8Array(8);
      options.entropy.fill(suffix);
      const directory = `${TSM_ROOT}/cloister-${toHex(suffix)}`;
      wrapped(directory, () => files.makeDirectory(directory));
      try {
        return request(name, directory, reportData, options);
      } finally {
        wrapped(directory, () => files.removeDirectory(directory));
      }
    },
  };
}

function wrapped<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw kernelError(path, error);
  }
}

function request(
  name: 'tdx' | 'snp',
  directory: string,
  reportData: Uint8Array,
  { files, privlevel }: TsmOptions,
): RawEvidence {
  const path = (attribute: string) => `${directory}/${attribute}`;
  const read = (attribute: string) => wrapped(path(attribute), () => files.read(path(attribute)));
  const write = (attribute: string, bytes: Uint8Array) =>
    wrapped(path(attribute), () => files.write(path(attribute), bytes));
  const text = (attribute: string) => new TextDecoder().decode(read(attribute)).trim();

  const provider = text('provider');
  if (provider !== KERNEL_NAMES[name])
    throw new TeeError('TEE_ABSENT', `this machine is a ${provider}, not a ${KERNEL_NAMES[name]}`);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (name === 'snp' && privlevel !== undefined)
      write('privlevel', new TextEncoder().encode(String(privlevel)));
    const before = Number(text('generation'));
    write('inblob', reportData);
    const outblob = read('outblob');
    const auxblob = name === 'snp' ? read('auxblob') : new Uint8Array(0);
    // Every write adds one: another number means that someone else wrote in between.
    if (Number(text('generation')) === before + 1)
      return { raw: checkSize(name, outblob), certificates: parseCertificateTable(auxblob) };
  }
  throw new TeeError('TEE_BUSY', `${directory}: someone else keeps writing to this report`);
}

function checkSize(name: string, outblob: Uint8Array): Uint8Array {
  if (outblob.length === 0) throw new TeeError('TEE_FAILED', 'the kernel gave an empty report');
  if (name === 'tdx' && outblob.length > LARGEST_QUOTE)
    throw new TeeError(
      'TEE_UNSUPPORTED',
      `a report of ${outblob.length} bytes is a CBOR Web Token (DICE), not a quote: not supported`,
    );
  return outblob;
}

/** Types of certificates in the table (GHCB, 4.1.8.1), in the order in which verifiers want them. */
const CERTIFICATE_GUIDS = [
  '63da758de6644564adc5f4b93be8accd', // VCEK
  'a8074bc2a25a483eaae639c045a0b8a1', // VLEK
  '4ab7b379bbac4fe4a02f05aef327c782', // ASK
  'c0b406a4a803495297433fb6014cd0ae', // ARK
] as const;
const ENTRY_BYTES = 24;
const MAXIMUM_ENTRIES = 32;

/** A GUID with its first three fields little endian, as firmware tables hold it. */
function mixedEndian(guid: string): string {
  const bytes = fromHex(guid);
  const swap = (from: number, to: number) => bytes.subarray(from, to).reverse();
  swap(0, 4);
  swap(4, 6);
  swap(6, 8);
  return toHex(bytes);
}

/**
 * Certificates that the host gave along (SNP extended report). The host is not trusted with them:
 * every offset is checked here, every signature by the verifier.
 */
export function parseCertificateTable(table: Uint8Array): readonly Uint8Array[] {
  const found = new Map<string, Uint8Array>();
  const reader = new Reader(table, 'MALFORMED_EVIDENCE');
  for (let i = 0; i < MAXIMUM_ENTRIES && reader.left >= ENTRY_BYTES; i++) {
    const guid = toHex(reader.take(16));
    const offset = reader.u32();
    const length = reader.u32();
    if (/^0*$/.test(guid)) break;
    if (offset + length > table.length)
      throw new TeeError('TEE_PROTOCOL', 'certificate table with an entry beyond its end');
    found.set(guid, table.slice(offset, offset + length));
  }
  return CERTIFICATE_GUIDS.flatMap((guid) => {
    const certificate = found.get(mixedEndian(guid)) ?? found.get(guid);
    return certificate ? [certificate] : [];
  });
}
