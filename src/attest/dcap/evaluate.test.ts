import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../errors.ts';
import { converge, evaluateTcb, findTdxModule, relaunchStatus } from './evaluate.ts';
import type { PckExtension } from './pck.ts';
import type { IsvLevel, TcbInfo, TcbLevel, TcbStatus } from './tcb-info.ts';

const level = (svn: number, status: TcbStatus, tdx = 0, date = 1000): TcbLevel => ({
  sgxComponents: new Array(16).fill(svn),
  tdxComponents: new Array(16).fill(tdx),
  pceSvn: 5,
  status,
  tcbDateMs: date,
  advisoryIds: status === 'UpToDate' ? [] : [`INTEL-SA-0000${svn}`],
});
const isv = (isvSvn: number, status: TcbStatus, date = 2000): IsvLevel => ({
  isvSvn,
  status,
  tcbDateMs: date,
  advisoryIds: [],
});
const module = (id: string, levels: IsvLevel[]) => ({ id, mrSigner: '', attributes: '', levels });
const info = (levels: TcbLevel[]): TcbInfo => ({
  id: 'TDX',
  version: 3,
  issueDateMs: 0,
  nextUpdateMs: 0,
  fmspc: '',
  pceId: '',
  evaluationDataNumber: 17,
  tdxModule: module('tdxModule', []),
  tdxModuleIdentities: [module('TDX_01', [isv(4, 'UpToDate'), isv(2, 'OutOfDate', 500)])],
  levels,
});
const pck = (svn: number, pceSvn = 5) =>
  ({ componentSvns: new Array(16).fill(svn), pceSvn }) as unknown as PckExtension;
const tee = (minor: number, major: number, rest: number) =>
  Uint8Array.from([minor, major, ...new Array(14).fill(rest)]);
const qe = isv(1, 'UpToDate');

test('the first level that is covered in every component counts', () => {
  const levels = [
    level(9, 'UpToDate', 3),
    level(7, 'SWHardeningNeeded', 3),
    level(5, 'OutOfDate', 1),
  ];
  const at = (svn: number, tcb: Uint8Array, pceSvn = 5) =>
    evaluateTcb(info(levels), pck(svn, pceSvn), qe, tcb).status;
  assert.equal(at(9, tee(4, 1, 3)), 'UpToDate');
  assert.equal(at(8, tee(4, 1, 3)), 'SWHardeningNeeded');
  assert.equal(at(9, tee(4, 1, 2)), 'OutOfDate', 'a TDX component is below the first two');
  const unsupported = (error: unknown) =>
    error instanceof Refusal && error.code === 'TCB_NOT_SUPPORTED';
  assert.throws(() => at(4, tee(4, 1, 3)), unsupported);
  assert.throws(() => at(9, tee(4, 1, 3), 4), unsupported, 'PCESVN counts');
});

test('bytes 0 and 1 of TEE_TCB_SVN count for the module, not for the level, when it has a version', () => {
  const strict = [level(1, 'UpToDate', 3)];
  const status = (tcb: Uint8Array) => evaluateTcb(info(strict), pck(1), qe, tcb).status;
  assert.equal(status(tee(4, 1, 3)), 'UpToDate', 'byte 1 is below 3, and that is fine');
  assert.throws(() => status(tee(0, 0, 3)), /no TCB level/, 'version 0: all sixteen count');
  assert.equal(status(tee(2, 1, 3)), 'OutOfDate', 'an old module makes the whole old');
  assert.throws(() => status(tee(1, 1, 3)), /no TCB level covers module TDX_01 SVN 1/);
  // A launched module without identity is another module (4.1.2.5.12); a running one has no level.
  const code = (wanted: string) => (error: unknown) =>
    error instanceof Refusal && error.code === wanted;
  assert.throws(() => findTdxModule(info([]), tee(1, 7, 3)), code('TDX_MODULE_MISMATCH'));
  assert.throws(() => status(tee(1, 7, 3)), code('TCB_NOT_SUPPORTED'));
});

test('date and advisories are those of all parts', () => {
  const found = evaluateTcb(info([level(1, 'SWHardeningNeeded', 0)]), pck(1), qe, tee(2, 1, 0));
  assert.equal(found.tcbDateMs, 500);
  assert.deepEqual(found.advisoryIds, ['INTEL-SA-00001']);
});

test('converge(): a component can only make it worse', () => {
  const table: readonly (readonly [TcbStatus, TcbStatus, TcbStatus])[] = [
    ['UpToDate', 'UpToDate', 'UpToDate'],
    ['UpToDate', 'OutOfDate', 'OutOfDate'],
    ['SWHardeningNeeded', 'OutOfDate', 'OutOfDate'],
    ['ConfigurationNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
    ['ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
    ['OutOfDateConfigurationNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
    ['Revoked', 'OutOfDate', 'Revoked'],
    ['UpToDate', 'Revoked', 'Revoked'],
  ];
  for (const [platform, component, expected] of table)
    assert.equal(converge(platform, ['UpToDate', component]), expected);
});

test('relaunchStatus(): only an old launch on a TCB that is good now', () => {
  const table: readonly (readonly [TcbStatus, TcbStatus, TcbStatus])[] = [
    ['OutOfDate', 'UpToDate', 'TDRelaunchAdvised'],
    ['OutOfDate', 'SWHardeningNeeded', 'TDRelaunchAdvised'],
    ['OutOfDate', 'ConfigurationNeeded', 'TDRelaunchAdvisedConfigurationNeeded'],
    ['OutOfDateConfigurationNeeded', 'UpToDate', 'TDRelaunchAdvisedConfigurationNeeded'],
    ['OutOfDate', 'OutOfDate', 'OutOfDate'],
    ['OutOfDate', 'Revoked', 'OutOfDate'],
    ['UpToDate', 'OutOfDate', 'UpToDate'],
    ['Revoked', 'UpToDate', 'Revoked'],
  ];
  for (const [launch, current, expected] of table)
    assert.equal(relaunchStatus(launch, current), expected, `${launch} then ${current}`);
});
