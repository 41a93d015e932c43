/** Mnemonics that stand for an instruction with a certain immediate (`cmpltps`, `vpcmpleub`, …). */
import { EVEX, type Row, VEX } from './isa/row.ts';

const FLOAT_PREDICATES = [
  ...['eq', 'lt', 'le', 'unord', 'neq', 'nlt', 'nle', 'ord', 'eq_uq', 'nge', 'ngt', 'false'],
  ...['neq_oq', 'ge', 'gt', 'true', 'eq_os', 'lt_oq', 'le_oq', 'unord_s', 'neq_us', 'nlt_uq'],
  ...['nle_uq', 'ord_s', 'eq_us', 'nge_uq', 'ngt_uq', 'false_os', 'neq_os', 'ge_oq', 'gt_oq'],
  ...['true_us'],
];
const INTEGER_PREDICATES = ['eq', 'lt', 'le', '', 'neq', 'nlt', 'nle', ''];
const CARRYLESS: Readonly<Record<number, string>> = { 0: 'lql', 1: 'hql', 16: 'lqh', 17: 'hqh' };

/** The mnemonic that says it without the immediate, if there is one. */
export function pseudoOf(row: Row, immediate: number): string | undefined {
  const { mnemonic } = row;
  const value = immediate & 0xff;
  const float = /^(v?cmp)([ps][sdh])$/.exec(mnemonic);
  if (float !== null && row.immediateBytes === 1) {
    const count = row.space === VEX || row.space === EVEX ? 32 : 8;
    return value < count ? `${float[1]}${FLOAT_PREDICATES[value]}${float[2]}` : undefined;
  }
  const integer = /^vpcmp(u?[bwdq])$/.exec(mnemonic);
  if (integer !== null) {
    const predicate = INTEGER_PREDICATES[value] ?? '';
    return predicate === '' ? undefined : `vpcmp${predicate}${integer[1]}`;
  }
  const carryless = /^(v?pclmul)qdq$/.exec(mnemonic);
  if (carryless === null) return undefined;
  const halves = CARRYLESS[value];
  return halves === undefined ? undefined : `${carryless[1]}${halves}qdq`;
}
