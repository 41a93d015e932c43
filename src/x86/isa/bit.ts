/** Bit tests, scans and counts, BMI1/2, ADX, CRC32, conditional moves and sets, random numbers. */
import { CONDITIONS, hex } from './conditions.ts';
import { type RowOptions, type RowSource, row } from './row.ts';

const SIZES = [
  ['16', 'o16'],
  ['32', 'o32'],
  ['64', 'REX.W'],
] as const;

function sized(
  mnemonic: string,
  operands: string,
  encoding: string,
  options: RowOptions = {},
): RowSource[] {
  return SIZES.map(([bits, size]) =>
    row(mnemonic, operands.replaceAll('#', bits), encoding.replace('SIZE', size), options),
  );
}

/** bt, bts, btr, btc. ZF is unchanged, the others undefined (measured: AMD keeps them, too). */
function bitTest(mnemonic: string, n: number): RowSource[] {
  const access = mnemonic === 'bt' ? 'r' : 'rw';
  const options: RowOptions = { flags: 'w=c u=osap m=osap', lock: n > 4 };
  return [
    ...sized(mnemonic, `rm#:${access}, r#:r`, `SIZE 0F ${hex(0x83, n * 8)} /r`, {
      ...options,
      bitString: true,
    }),
    ...sized(mnemonic, `rm#:${access}, imm8`, `SIZE 0F BA /${n} ib`, options),
  ];
}

/** 32- and 64-bit VEX rows: `#` the size. */
function vex(
  mnemonic: string,
  operands: string,
  encoding: string,
  features: string,
  flags?: string,
): RowSource[] {
  return (['32', '64'] as const).map((bits) =>
    row(
      mnemonic,
      operands.replaceAll('#', bits),
      encoding.replace('WX', bits === '32' ? 'W0' : 'W1'),
      flags === undefined ? { features } : { features, flags },
    ),
  );
}

const BMI_FLAGS = 'w=oszc u=ap';

export const bitRows: readonly RowSource[] = [
  ...bitTest('bt', 4),
  ...bitTest('bts', 5),
  ...bitTest('btr', 6),
  ...bitTest('btc', 7),
  ...sized('bsf', 'r#:rw, rm#:r', 'SIZE 0F BC /r', { flags: 'w=z u=osapc m=osapc' }),
  ...sized('bsr', 'r#:rw, rm#:r', 'SIZE 0F BD /r', { flags: 'w=z u=osapc m=osapc' }),
  ...sized('tzcnt', 'r#:w, rm#:r', 'F3 SIZE 0F BC /r', {
    ...{ flags: 'w=zc u=osap m=o', features: 'bmi1' },
  }),
  ...sized('lzcnt', 'r#:w, rm#:r', 'F3 SIZE 0F BD /r', {
    ...{ flags: 'w=zc u=osap m=o', features: 'abm' },
  }),
  ...sized('popcnt', 'r#:w, rm#:r', 'F3 SIZE 0F B8 /r', {
    ...{ flags: 'w=oszapc', features: 'popcnt' },
  }),
  ...CONDITIONS.flatMap(([suffix, flags], condition) => [
    row(`set${suffix}`, 'rm8:w', `0F ${hex(0x90, condition)} /r`, {
      ...{ condition, flags: `r=${flags}` },
    }),
    ...sized(`cmov${suffix}`, 'r#:rw, rm#:r', `SIZE 0F ${hex(0x40, condition)} /r`, {
      ...{ condition, flags: `r=${flags}` },
    }),
  ]),
  row('adcx', 'r32:rw, rm32:r', '66 W0 0F 38 F6 /r', { flags: 'r=c w=c', features: 'adx' }),
  row('adcx', 'r64:rw, rm64:r', '66 REX.W 0F 38 F6 /r', { flags: 'r=c w=c', features: 'adx' }),
  row('adox', 'r32:rw, rm32:r', 'F3 W0 0F 38 F6 /r', { flags: 'r=o w=o', features: 'adx' }),
  row('adox', 'r64:rw, rm64:r', 'F3 REX.W 0F 38 F6 /r', { flags: 'r=o w=o', features: 'adx' }),
  row('crc32', 'r32:rw, rm8:r', 'F2 W0 0F 38 F0 /r', { features: 'sse4_2' }),
  row('crc32', 'r64:rw, rm8:r', 'F2 REX.W 0F 38 F0 /r', { features: 'sse4_2' }),
  row('crc32', 'r32:rw, rm16:r', 'F2 o16 0F 38 F1 /r', { features: 'sse4_2' }),
  row('crc32', 'r32:rw, rm32:r', 'F2 o32 0F 38 F1 /r', { features: 'sse4_2' }),
  row('crc32', 'r64:rw, rm64:r', 'F2 REX.W 0F 38 F1 /r', { features: 'sse4_2' }),
  ...sized('rdrand', 'r#@rm:w', 'SIZE 0F C7 /6', { flags: 'w=oszapc', features: 'rdrand' }),
  ...sized('rdseed', 'r#@rm:w', 'SIZE 0F C7 /7', { flags: 'w=oszapc', features: 'rdseed' }),
  ...vex('andn', 'r#:w, r#:r, rm#:r', 'VEX.LZ.NP.0F38.WX F2 /r', 'bmi1', BMI_FLAGS),
  ...vex('blsr', 'r#:w, rm#:r', 'VEX.LZ.NP.0F38.WX F3 /1', 'bmi1', BMI_FLAGS),
  ...vex('blsmsk', 'r#:w, rm#:r', 'VEX.LZ.NP.0F38.WX F3 /2', 'bmi1', BMI_FLAGS),
  ...vex('blsi', 'r#:w, rm#:r', 'VEX.LZ.NP.0F38.WX F3 /3', 'bmi1', BMI_FLAGS),
  ...vex('bextr', 'r#:w, rm#:r, r#:r', 'VEX.LZ.NP.0F38.WX F7 /r', 'bmi1', 'w=ozc u=sap'),
  ...vex('bzhi', 'r#:w, rm#:r, r#:r', 'VEX.LZ.NP.0F38.WX F5 /r', 'bmi2', BMI_FLAGS),
  ...vex('pext', 'r#:w, r#:r, rm#:r', 'VEX.LZ.F3.0F38.WX F5 /r', 'bmi2'),
  ...vex('pdep', 'r#:w, r#:r, rm#:r', 'VEX.LZ.F2.0F38.WX F5 /r', 'bmi2'),
  row('mulx', 'r32:w, r32:w, rm32:r', 'VEX.LZ.F2.0F38.W0 F6 /r', { features: 'bmi2', in: 'rdx' }),
  row('mulx', 'r64:w, r64:w, rm64:r', 'VEX.LZ.F2.0F38.W1 F6 /r', { features: 'bmi2', in: 'rdx' }),
  ...vex('sarx', 'r#:w, rm#:r, r#:r', 'VEX.LZ.F3.0F38.WX F7 /r', 'bmi2'),
  ...vex('shlx', 'r#:w, rm#:r, r#:r', 'VEX.LZ.66.0F38.WX F7 /r', 'bmi2'),
  ...vex('shrx', 'r#:w, rm#:r, r#:r', 'VEX.LZ.F2.0F38.WX F7 /r', 'bmi2'),
  ...vex('rorx', 'r#:w, rm#:r, imm8', 'VEX.LZ.F2.0F3A.WX F0 /r ib', 'bmi2'),
];
