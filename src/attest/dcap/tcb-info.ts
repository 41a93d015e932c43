/**
 * TCB info (Intel PCS API v4, "Get TCB Info"; version 2 is that of API v3) and enclave identities
 * ("Get Quoting Enclave Identity"), from their exact signed text.
 */
import { Refusal } from '../errors.ts';
import { Members, parseJson } from '../json.ts';

/** Intel's status words (PCS API v4, `tcbStatus`), and the two that follow from a TD's relaunch. */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
  'Revoked',
] as const;
export type TcbStatus = (typeof TCB_STATUSES)[number];

const PLATFORM_STATUSES: ReadonlySet<string> = new Set(
  TCB_STATUSES.filter((status) => !status.startsWith('TDRelaunch')),
);
const MODULE_STATUSES: ReadonlySet<string> = new Set(['UpToDate', 'OutOfDate', 'Revoked']);
const QE_STATUSES: ReadonlySet<string> = new Set([
  'UpToDate',
  'OutOfDate',
  'ConfigurationNeeded',
  'OutOfDateConfigurationNeeded',
  'Revoked',
]);

const MAXIMUM_LEVELS = 256;
const MAXIMUM_ADVISORIES = 256;

export interface TcbLevel {
  readonly sgxComponents: readonly number[];
  readonly tdxComponents: readonly number[] | undefined;
  readonly pceSvn: number;
  readonly status: TcbStatus;
  readonly tcbDateMs: number;
  readonly advisoryIds: readonly string[];
}

/** A level of a TDX module or of a quoting enclave: one SVN. */
export interface IsvLevel {
  readonly isvSvn: number;
  readonly status: TcbStatus;
  readonly tcbDateMs: number;
  readonly advisoryIds: readonly string[];
}

export interface TdxModule {
  readonly id: string;
  readonly mrSigner: string;
  readonly attributes: string;
  readonly levels: readonly IsvLevel[];
}

export interface TcbInfo {
  readonly id: 'SGX' | 'TDX';
  readonly version: 2 | 3;
  readonly issueDateMs: number;
  readonly nextUpdateMs: number;
  readonly fmspc: string;
  readonly pceId: string;
  readonly evaluationDataNumber: number;
  readonly tdxModule: TdxModule | undefined;
  readonly tdxModuleIdentities: readonly TdxModule[];
  readonly levels: readonly TcbLevel[];
}

export interface QeIdentity {
  readonly id: string;
  readonly version: number;
  readonly issueDateMs: number;
  readonly nextUpdateMs: number;
  readonly evaluationDataNumber: number;
  readonly miscSelect: string;
  readonly miscSelectMask: string;
  readonly attributes: string;
  readonly attributesMask: string;
  readonly mrSigner: string;
  readonly isvProdId: number;
  readonly levels: readonly IsvLevel[];
}

export function parseTcbInfo(text: string): TcbInfo {
  const code = 'MALFORMED_TCB_INFO';
  const top = new Members(parseJson(text, code), code, 'tcbInfo');
  const version = top.integer('version', 1000);
  if (version !== 2 && version !== 3)
    throw new Refusal('UNSUPPORTED_VERSION', `TCB info version ${version}`);
  // Version 2 knows only SGX and has no `id`.
  const id = version === 2 ? 'SGX' : top.string('id');
  if (id !== 'SGX' && id !== 'TDX') throw new Refusal(code, `tcbInfo.id "${id}"`);
  if (top.integer('tcbType', 255) !== 0) throw new Refusal(code, 'tcbInfo.tcbType is not 0');
  const isTdx = id === 'TDX';
  return {
    id,
    version,
    issueDateMs: top.timeMs('issueDate'),
    nextUpdateMs: top.timeMs('nextUpdate'),
    fmspc: top.hex('fmspc', 6),
    pceId: top.hex('pceId', 2),
    evaluationDataNumber: top.integer('tcbEvaluationDataNumber', 0xffffffff),
    tdxModule: isTdx ? parseModule(top.object('tdxModule'), 'tdxModule') : undefined,
    tdxModuleIdentities:
      isTdx && top.has('tdxModuleIdentities')
        ? top.objects('tdxModuleIdentities', 64).map((m) => parseModule(m, m.string('id')))
        : [],
    levels: top
      .objects('tcbLevels', MAXIMUM_LEVELS)
      .map((level) => parseLevel(level, version, isTdx)),
  };
}

function parseModule(members: Members, id: string): TdxModule {
  return {
    id: id.toUpperCase(),
    mrSigner: members.hex('mrsigner', 48),
    attributes: members.hex('attributes', 8),
    levels: members.has('tcbLevels') ? parseIsvLevels(members, MODULE_STATUSES) : [],
  };
}

function parseIsvLevels(members: Members, statuses: ReadonlySet<string>): IsvLevel[] {
  return members.objects('tcbLevels', MAXIMUM_LEVELS).map((level) => ({
    isvSvn: level.object('tcb').integer('isvsvn', 65535),
    status: statusOf(level, statuses),
    tcbDateMs: level.timeMs('tcbDate'),
    advisoryIds: level.strings('advisoryIDs', MAXIMUM_ADVISORIES),
  }));
}

/** QVL step 4.1.2.5.18.5: a status word that is not known must not be taken for a good one. */
function statusOf(level: Members, known: ReadonlySet<string>): TcbStatus {
  const status = level.string('tcbStatus');
  if (!known.has(status)) throw new Refusal('MALFORMED_COLLATERAL', `TCB status "${status}"`);
  return status as TcbStatus;
}

function parseLevel(level: Members, version: 2 | 3, isTdx: boolean): TcbLevel {
  const tcb = level.object('tcb');
  const components = (name: string) => {
    const list = tcb.objects(name, 16);
    if (list.length !== 16)
      throw new Refusal('MALFORMED_TCB_INFO', `${name} has ${list.length} entries, not 16`);
    // Intel's own sample names SVNs above 255; no platform can reach one, so the level never matches.
    return list.map((component) => component.integer('svn', 65535));
  };
  const flat = () =>
    Array.from({ length: 16 }, (_, i) =>
      tcb.integer(`sgxtcbcomp${String(i + 1).padStart(2, '0')}svn`, 255),
    );
  return {
    sgxComponents: version === 2 ? flat() : components('sgxtcbcomponents'),
    tdxComponents: isTdx ? components('tdxtcbcomponents') : undefined,
    pceSvn: tcb.integer('pcesvn', 65535),
    status: statusOf(level, PLATFORM_STATUSES),
    tcbDateMs: level.timeMs('tcbDate'),
    advisoryIds: level.strings('advisoryIDs', MAXIMUM_ADVISORIES),
  };
}

export function parseQeIdentity(text: string): QeIdentity {
  const code = 'MALFORMED_QE_IDENTITY';
  const top = new Members(parseJson(text, code), code, 'enclaveIdentity');
  const version = top.integer('version', 1000);
  if (version !== 2) throw new Refusal('UNSUPPORTED_VERSION', `QE identity version ${version}`);
  return {
    id: top.string('id'),
    version,
    issueDateMs: top.timeMs('issueDate'),
    nextUpdateMs: top.timeMs('nextUpdate'),
    evaluationDataNumber: top.integer('tcbEvaluationDataNumber', 0xffffffff),
    miscSelect: top.hex('miscselect', 4),
    miscSelectMask: top.hex('miscselectMask', 4),
    attributes: top.hex('attributes', 16),
    attributesMask: top.hex('attributesMask', 16),
    mrSigner: top.hex('mrsigner', 32),
    isvProdId: top.integer('isvprodid', 65535),
    levels: parseIsvLevels(top, QE_STATUSES),
  };
}
