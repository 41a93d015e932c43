/** The text of /proc/cpuinfo for the processor that guests see. */

import type { CpuModel } from '../cpu/interpret/model.ts';

type Register = 'ebx' | 'ecx' | 'edx';
/** [leaf, register, names by bit from bit 0; a dot: not shown] */
const FLAGS: readonly (readonly [number, Register, string])[] = [
  [
    1,
    'edx',
    'fpu vme de pse tsc msr pae mce cx8 apic . sep mtrr pge mca cmov pat pse36 pn clflush . dts ' +
      'acpi mmx fxsr sse sse2 ss ht tm ia64 pbe',
  ],
  [
    1,
    'ecx',
    'pni pclmulqdq dtes64 . ds_cpl . . est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm . pcid dca ' +
      'sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave . avx f16c rdrand hypervisor',
  ],
  [
    7,
    'ebx',
    '. tsc_adjust . bmi1 . avx2 . smep bmi2 erms . . . . . . avx512f avx512dq rdseed adx smap ' +
      'avx512ifma . clflushopt clwb . avx512pf avx512er avx512cd sha_ni avx512bw avx512vl',
  ],
  [
    7,
    'ecx',
    '. avx512vbmi umip . . . avx512_vbmi2 . gfni vaes vpclmulqdq avx512_vnni avx512_bitalg . ' +
      'avx512_vpopcntdq . . . . . . . rdpid',
  ],
  [
    0x8000_0001,
    'edx',
    '. . . . . . . . . . . syscall . . . . . . . . nx . mmxext . . fxsr_opt pdpe1gb rdtscp . lm',
  ],
  [
    0x8000_0001,
    'ecx',
    'lahf_lm cmp_legacy . extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw',
  ],
];

/** One paragraph a processor, `count` of them: the cores of one package. */
export function cpuinfoText(model: CpuModel, count: number): string {
  const flags = FLAGS.flatMap(([leaf, register, names]) => {
    const bits = model.cpuid(leaf, 0)[register];
    return names.split(' ').filter((name, bit) => name !== '.' && (bits >>> bit) & 1);
  });
  const { eax, ebx } = model.cpuid(1, 0);
  const baseFamily = (eax >> 8) & 15;
  const family = baseFamily === 15 ? baseFamily + ((eax >> 20) & 255) : baseFamily;
  const number = ((eax >> 4) & 15) | (baseFamily >= 6 ? (eax >> 12) & 0xf0 : 0);
  const lines = (index: number): readonly (readonly [string, string])[] => [
    ['processor', String(index)],
    ['vendor_id', vendor(model)],
    ['cpu family', String(family)],
    ['model', String(number)],
    ['model name', brand(model)],
    ['stepping', String(eax & 15)],
    ['physical id', '0'],
    ['siblings', String(count)],
    ['core id', String(index)],
    ['cpu cores', String(count)],
    ['apicid', String(index)],
    ['fpu', 'yes'],
    ['fpu_exception', 'yes'],
    ['cpuid level', String(model.cpuid(0, 0).eax)],
    ['wp', 'yes'],
    ['flags', flags.join(' ')],
    ['clflush size', String(((ebx >> 8) & 255) * 8)],
    ['cache_alignment', '64'],
    ['address sizes', '32 bits physical, 48 bits virtual'],
  ];
  const paragraph = (index: number) =>
    `${lines(index)
      .map(([name, value]) => `${name}\t: ${value}`)
      .join('\n')}\n\n`;
  return Array.from({ length: count }, (_, index) => paragraph(index)).join('');
}

function letters(...words: readonly number[]): string {
  return words
    .flatMap((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255, word >>> 24])
    .filter((code) => code !== 0)
    .map((code) => String.fromCharCode(code))
    .join('');
}

function vendor(model: CpuModel): string {
  const { ebx, edx, ecx } = model.cpuid(0, 0);
  return letters(ebx, edx, ecx);
}

function brand(model: CpuModel): string {
  return [0x8000_0002, 0x8000_0003, 0x8000_0004]
    .map((leaf) => {
      const { eax, ebx, ecx, edx } = model.cpuid(leaf, 0);
      return letters(eax, ebx, ecx, edx);
    })
    .join('')
    .trim();
}
