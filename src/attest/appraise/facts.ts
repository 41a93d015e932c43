/**
 * What verified evidence says, in one shape for all TEEs: the common facts for binding and policy,
 * and the hardware claims for the reader of an appraisal.
 */
import { toHex } from '../bytes.ts';
import type { Check, Verdict } from '../checks.ts';
import type { TdReportExtension } from '../dcap/quote.ts';
import type { DcapClaims } from '../dcap/verify.ts';
import type { JsonObject } from '../json.ts';
import type { NitroClaims } from '../nitro/verify.ts';
import type { SimClaims } from '../sim/verify.ts';
import type { TcbVersion } from '../snp/report.ts';
import type { SnpClaims } from '../snp/verify.ts';
import type { TpmClaims } from '../tpm/verify.ts';
import { isoTime } from '../x509/path.ts';

export type TeeClaims =
  | { readonly provider: 'tdx' | 'sgx'; readonly claims: DcapClaims }
  | { readonly provider: 'snp'; readonly claims: SnpClaims }
  | { readonly provider: 'nitro'; readonly claims: NitroClaims }
  | { readonly provider: 'tpm'; readonly claims: TpmClaims }
  | { readonly provider: 'sim'; readonly claims: SimClaims };

export interface Facts {
  readonly tee: TeeClaims;
  /** 64 bytes; of a TPM the first of them, at least 32, as many as it takes. */
  readonly reportData: Uint8Array;
  readonly debug: boolean;
  readonly tcbStatus: string | undefined;
  readonly advisories: readonly string[];
  /** The evidence's own statement of when it was made, for TEEs that have one. */
  readonly timestampMs: number | undefined;
  readonly untilMs: number | undefined;
  readonly hardware: JsonObject;
}

export function factsOf(tee: TeeClaims): Facts {
  switch (tee.provider) {
    case 'tdx':
    case 'sgx':
      return dcapFacts(tee, tee.claims);
    case 'snp':
      return snpFacts(tee, tee.claims);
    case 'nitro':
      return nitroFacts(tee, tee.claims);
    case 'tpm':
      return tpmFacts(tee, tee.claims);
    case 'sim':
      return simFacts(tee, tee.claims);
  }
}

const extendedFacts = (extended: TdReportExtension) => ({
  tdId: toHex(extended.tdId),
  initServiceTdHash: toHex(extended.initServiceTdHash),
  currentServiceTdHash: toHex(extended.currentServiceTdHash),
});

function dcapFacts(tee: TeeClaims, claims: DcapClaims): Facts {
  const { quote, pck, evaluation } = claims;
  const { body } = quote;
  const report =
    body.kind === 'tdx'
      ? {
          mrTd: toHex(body.report.mrTd),
          mrSeam: toHex(body.report.mrSeam),
          rtmrs: body.report.rtmrs.map(toHex),
          mrConfigId: toHex(body.report.mrConfigId),
          mrOwner: toHex(body.report.mrOwner),
          mrOwnerConfig: toHex(body.report.mrOwnerConfig),
          tdAttributes: toHex(body.report.tdAttributes),
          xfam: toHex(body.report.xfam),
          teeTcbSvn: toHex(body.report.teeTcbSvn),
          ...(body.report.mrServiceTd ? { mrServiceTd: toHex(body.report.mrServiceTd) } : {}),
          ...(body.report.extended ? extendedFacts(body.report.extended) : {}),
        }
      : {
          mrEnclave: toHex(body.report.mrEnclave),
          mrSigner: toHex(body.report.mrSigner),
          isvProdId: body.report.isvProdId,
          isvSvn: body.report.isvSvn,
          attributes: toHex(body.report.attributes),
        };
  return {
    tee,
    reportData: body.report.reportData,
    debug: claims.debug,
    tcbStatus: claims.status,
    advisories: evaluation.advisoryIds,
    timestampMs: undefined,
    untilMs: claims.collateralUntilMs,
    hardware: {
      vendor: 'Intel',
      quoteVersion: quote.version,
      fmspc: pck.fmspc,
      ppid: pck.ppid,
      ...(pck.platformInstanceId ? { platformInstanceId: pck.platformInstanceId } : {}),
      ...(pck.smtEnabled === undefined ? {} : { smtEnabled: pck.smtEnabled }),
      ...(pck.dynamicPlatform === undefined ? {} : { dynamicPlatform: pck.dynamicPlatform }),
      platformStatus: evaluation.platform.status,
      qeStatus: evaluation.qe.status,
      ...(evaluation.tdxModule
        ? { tdxModule: evaluation.tdxModule.id, tdxModuleStatus: evaluation.tdxModule.level.status }
        : {}),
      tcbDate: isoTime(evaluation.tcbDateMs),
      tcbEvaluationDataNumber: claims.evaluationDataNumber,
      debug: claims.debug,
      ...report,
    },
  };
}

const tcbJson = (tcb: TcbVersion): JsonObject => ({
  ...(tcb.fmc === undefined ? {} : { fmc: tcb.fmc }),
  bootloader: tcb.bootloader,
  tee: tcb.tee,
  snp: tcb.snp,
  microcode: tcb.microcode,
});

function snpFacts(tee: TeeClaims, claims: SnpClaims): Facts {
  const { report } = claims;
  return {
    tee,
    reportData: report.reportData,
    debug: report.policy.debugAllowed,
    tcbStatus: undefined,
    advisories: [],
    timestampMs: undefined,
    untilMs: claims.keyUntilMs,
    hardware: {
      vendor: 'AMD',
      product: claims.product,
      reportVersion: report.version,
      signingKey: report.signingKey,
      ...(claims.cspId ? { cspId: claims.cspId } : {}),
      reportedTcb: tcbJson(claims.reportedTcb),
      committedTcb: tcbJson(claims.committedTcb),
      currentTcb: tcbJson(claims.currentTcb),
      launchTcb: tcbJson(claims.launchTcb),
      chipId: toHex(report.chipId),
      measurement: toHex(report.measurement),
      hostData: toHex(report.hostData),
      idKeyDigest: toHex(report.idKeyDigest),
      authorKeyDigest: toHex(report.authorKeyDigest),
      vmpl: report.vmpl,
      guestSvn: report.guestSvn,
      policy: `0x${report.policy.raw.toString(16)}`,
      platformInfo: `0x${report.platformInfo.toString(16)}`,
      debug: report.policy.debugAllowed,
    },
  };
}

function nitroFacts(tee: TeeClaims, claims: NitroClaims): Facts {
  const { document } = claims;
  const pcrs = [...document.pcrs].map(([number, value]) => [number, toHex(value)] as const);
  return {
    tee,
    // Cloister's report data travels as user data: the document has no field of that name.
    reportData: document.userData ?? new Uint8Array(0),
    debug: claims.debug,
    tcbStatus: undefined,
    advisories: [],
    timestampMs: document.timestampMs,
    untilMs: claims.chainUntilMs,
    hardware: {
      vendor: 'AWS',
      moduleId: document.moduleId,
      timestamp: new Date(document.timestampMs).toISOString(),
      pcrs: Object.fromEntries(pcrs),
      debug: claims.debug,
    },
  };
}

function tpmFacts(tee: TeeClaims, { quote, name }: TpmClaims): Facts {
  const { attest, pcrs } = quote;
  const registers = pcrs.map(
    ({ bank, register, value }) => [`${bank}:${register}`, toHex(value)] as const,
  );
  return {
    tee,
    reportData: attest.extraData,
    debug: false,
    tcbStatus: undefined,
    advisories: [],
    // Its clock counts from when it was cleared; it knows no date.
    timestampMs: undefined,
    untilMs: undefined,
    hardware: {
      vendor: 'TPM 2.0',
      keyName: toHex(name),
      qualifiedSigner: toHex(attest.qualifiedSigner),
      firmwareVersion: `0x${attest.firmwareVersion.toString(16)}`,
      clock: attest.clock.toString(),
      clockSafe: attest.isClockSafe,
      resetCount: attest.resetCount,
      restartCount: attest.restartCount,
      pcrDigest: toHex(attest.pcrDigest),
      pcrs: Object.fromEntries(registers),
    },
  };
}

function simFacts(tee: TeeClaims, claims: SimClaims): Facts {
  const { report } = claims;
  return {
    tee,
    reportData: report.reportData,
    debug: report.debug,
    tcbStatus: undefined,
    advisories: [],
    timestampMs: report.timestampMs,
    untilMs: undefined,
    hardware: {
      vendor: 'none: simulated, proves nothing against the host',
      platformId: toHex(report.platformId),
      launchMeasurement: toHex(report.launchMeasurement),
      svn: report.svn,
      rootKey: toHex(report.rootKey),
      debug: report.debug,
    },
  };
}

/** The checks of a verdict with the provider's name before each id. */
export function prefixed(provider: string, verdict: Verdict<unknown>): Check[] {
  return verdict.checks.map((check) => ({ ...check, id: `${provider}.${check.id}` }));
}
