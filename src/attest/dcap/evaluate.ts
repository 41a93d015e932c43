/**
 * TCB evaluation: which level a platform, its TDX module and its quoting enclave are at, and how
 * the three converge (steps 4.1.2.5.1 and 4.1.2.5.2 of Intel's quote verification library, and the
 * relaunch rule of TDX 1.5). Pure functions over parsed collateral.
 */
import { Refusal } from '../errors.ts';
import type { PckExtension } from './pck.ts';
import type { IsvLevel, TcbInfo, TcbLevel, TcbStatus, TdxModule } from './tcb-info.ts';

export interface TcbEvaluation {
  readonly status: TcbStatus;
  readonly platform: TcbLevel;
  readonly tdxModule: { readonly id: string; readonly level: IsvLevel } | undefined;
  readonly qe: IsvLevel;
  readonly tcbDateMs: number;
  readonly advisoryIds: readonly string[];
}

const covers = (have: readonly number[], want: readonly number[], from = 0): boolean =>
  want.every((svn, i) => i < from || (have[i] ?? -1) >= svn);

/** TDX module version: byte 1 of TEE_TCB_SVN; byte 0 is its SVN within that version. */
const moduleVersion = (teeTcbSvn: Uint8Array): number => teeTcbSvn[1] ?? 0;

/** The first level (they are sorted, best first) that the platform reaches in every component. */
export function matchPlatformLevel(
  info: TcbInfo,
  pck: PckExtension,
  teeTcbSvn: Uint8Array | undefined,
): TcbLevel {
  // A module of version > 0 is judged by its own identity, so bytes 0 and 1 do not count here.
  const from = teeTcbSvn && moduleVersion(teeTcbSvn) > 0 ? 2 : 0;
  const level = info.levels.find(
    (candidate) =>
      covers(pck.componentSvns, candidate.sgxComponents) &&
      pck.pceSvn >= candidate.pceSvn &&
      (teeTcbSvn === undefined || covers([...teeTcbSvn], candidate.tdxComponents ?? [], from)),
  );
  // Below every level is not "out of date": Intel has no statement about such a platform.
  if (!level) throw new Refusal('TCB_NOT_SUPPORTED', 'no TCB level covers this platform');
  return level;
}

/** The identity under which TCB info lists the TDX module; none means that it is unknown. */
export function findTdxModule(info: TcbInfo, teeTcbSvn: Uint8Array): TdxModule {
  const version = moduleVersion(teeTcbSvn);
  if (version === 0) {
    if (!info.tdxModule) throw new Refusal('TDX_MODULE_MISMATCH', 'TCB info names no TDX module');
    return info.tdxModule;
  }
  const found = moduleIdentity(info, version);
  const unknown = `TCB info knows no TDX module of version ${version}`;
  if (!found) throw new Refusal('TDX_MODULE_MISMATCH', unknown);
  return found;
}

/** Identities are named by the version in two hexadecimal digits; QVL takes either case. */
function moduleIdentity(info: TcbInfo, version: number): TdxModule | undefined {
  const id = `TDX_${version.toString(16).padStart(2, '0').toUpperCase()}`;
  return info.tdxModuleIdentities.find((module) => module.id.toUpperCase() === id);
}

export function matchIsvLevel(levels: readonly IsvLevel[], isvSvn: number, what: string): IsvLevel {
  const level = levels.find((candidate) => isvSvn >= candidate.isvSvn);
  if (!level) throw new Refusal('TCB_NOT_SUPPORTED', `no TCB level covers ${what} SVN ${isvSvn}`);
  return level;
}

/** Convergence (4.1.2.5.1.4 to .6): a bad component can only make the status worse. */
export function converge(platform: TcbStatus, components: readonly TcbStatus[]): TcbStatus {
  if (components.includes('Revoked')) return 'Revoked';
  if (!components.includes('OutOfDate')) return platform;
  if (platform === 'UpToDate' || platform === 'SWHardeningNeeded') return 'OutOfDate';
  const needsConfiguration =
    platform === 'ConfigurationNeeded' || platform === 'ConfigurationAndSWHardeningNeeded';
  return needsConfiguration ? 'OutOfDateConfigurationNeeded' : platform;
}

export function evaluateTcb(
  info: TcbInfo,
  pck: PckExtension,
  qe: IsvLevel,
  teeTcbSvn: Uint8Array | undefined,
): TcbEvaluation {
  const platform = matchPlatformLevel(info, pck, teeTcbSvn);
  let tdxModule: TcbEvaluation['tdxModule'];
  if (teeTcbSvn && moduleVersion(teeTcbSvn) > 0) {
    // 4.1.2.5.2.2.1: that the launched module has an identity is known by now (4.1.2.5.12); where
    // the running one has none, there is no statement about its TCB.
    const module = moduleIdentity(info, moduleVersion(teeTcbSvn));
    if (!module) throw new Refusal('TCB_NOT_SUPPORTED', 'the running TDX module is unknown');
    const level = matchIsvLevel(module.levels, teeTcbSvn[0] ?? 0, `module ${module.id}`);
    tdxModule = { id: module.id, level };
  }
  const components = tdxModule ? [tdxModule.level, qe] : [qe];
  const all = [platform, ...components];
  return {
    status: converge(
      platform.status,
      components.map((level) => level.status),
    ),
    platform,
    tdxModule,
    qe,
    tcbDateMs: Math.min(...all.map((level) => level.tcbDateMs)),
    advisoryIds: [...new Set(all.flatMap((level) => level.advisoryIds))].sort(),
  };
}

/** A TD launched on an old TCB that has since been updated below it need only be started again. */
export function relaunchStatus(launch: TcbStatus, current: TcbStatus): TcbStatus {
  const launchedOld = launch === 'OutOfDate' || launch === 'OutOfDateConfigurationNeeded';
  const fine =
    current === 'UpToDate' ||
    current === 'SWHardeningNeeded' ||
    current === 'ConfigurationNeeded' ||
    current === 'ConfigurationAndSWHardeningNeeded';
  if (!launchedOld || !fine) return launch;
  const configuration = launch.includes('Configuration') || current.includes('Configuration');
  return configuration ? 'TDRelaunchAdvisedConfigurationNeeded' : 'TDRelaunchAdvised';
}
