/** Turns a row as written into a `Row`; the notation is described at the head of `row.ts`. */
import { assert } from '../../base/assert.ts';
import { manualOf } from './pack.ts';
import {
  type Access,
  EVEX,
  FLAG_AF,
  FLAG_CF,
  FLAG_DF,
  FLAG_OF,
  FLAG_PF,
  FLAG_SF,
  FLAG_ZF,
  type FlagEffect,
  type ImplicitMemory,
  type InstructionClass,
  LEGACY,
  type MandatoryPrefix,
  type OpcodeMap,
  type OperandKind,
  PREFIX_66,
  PREFIX_ANY,
  PREFIX_F2,
  PREFIX_F3,
  PREFIX_NONE,
  type Row,
  type RowOperand,
  type RowSource,
  type SizeRule,
  type Slot,
  type Space,
  type Unit,
  VEX,
} from './row.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What an encoding string says. */
export interface Encoding {
  space: Space;
  map: OpcodeMap;
  opcode: number;
  opcodeReg: boolean;
  prefix: MandatoryPrefix;
  sizeRule: SizeRule;
  w: -1 | 0 | 1;
  l: -1 | 0 | 1 | 2;
  hasModrm: boolean;
  /** Fixed mod = 3 by a written ModRM byte. */
  fixedModrm: boolean;
  reg: number;
  rm: number;
  immediates: number[];
  is4: boolean;
}

const PREFIXES: Readonly<Record<string, MandatoryPrefix>> = {
  NP: PREFIX_NONE,
  '66': PREFIX_66,
  F3: PREFIX_F3,
  F2: PREFIX_F2,
};
const SIZES: Readonly<Record<string, SizeRule>> = {
  o16: 'o16',
  o32: 'o32',
  d64: 'd64',
  W0: 'w0',
  'REX.W': 'o64',
};
const MAPS: Readonly<Record<string, OpcodeMap>> = {
  '0F': 1,
  '0F38': 2,
  '0F3A': 3,
  MAP5: 5,
  MAP6: 6,
};
const LENGTHS: Readonly<Record<string, -1 | 0 | 1 | 2>> = {
  LIG: -1,
  L0: 0,
  LZ: 0,
  '128': 0,
  L1: 1,
  '256': 1,
  '512': 2,
};
const IMMEDIATES: Readonly<Record<string, number>> = {
  ib: 1,
  iw: 2,
  id: 4,
  io: 8,
  cb: 1,
  cd: 4,
};

function hexByte(token: string): number {
  const value = Number.parseInt(token, 16);
  assert(token.length === 2 && value >= 0, `bad opcode byte ${token}`);
  return value;
}

function emptyEncoding(): Encoding {
  return {
    space: LEGACY,
    map: 0,
    opcode: 0,
    opcodeReg: false,
    prefix: PREFIX_ANY,
    sizeRule: 'any',
    w: -1,
    l: -1,
    hasModrm: false,
    fixedModrm: false,
    reg: -1,
    rm: -1,
    immediates: [],
    is4: false,
  };
}

/** `VEX.128.66.0F38.W0`: fills space, length, prefix, map and W. */
function parseVex(token: string, into: Encoding): void {
  const [space, length, prefix, map, w] = token.split('.');
  into.space = space === 'VEX' ? VEX : EVEX;
  const l = LENGTHS[length ?? ''];
  const p = PREFIXES[prefix ?? ''];
  const m = MAPS[map ?? ''];
  assert(l !== undefined && p !== undefined && m !== undefined, `bad encoding ${token}`);
  assert(w === 'W0' || w === 'W1' || w === 'WIG', `bad W in ${token}`);
  into.l = l;
  into.prefix = p;
  into.map = m;
  into.w = w === 'W0' ? 0 : w === 'W1' ? 1 : -1;
}

/** Consumes prefix tokens and opcode bytes; returns the index of the first token after them. */
function parseOpcode(tokens: readonly string[], into: Encoding): number {
  let i = 0;
  if (tokens[0]!.includes('VEX.')) {
    parseVex(tokens[0]!, into);
    into.opcode = hexByte(tokens[1]!);
    return 2;
  }
  for (; i < tokens.length; i++) {
    const token = tokens[i]!;
    const prefix = PREFIXES[token];
    const size = SIZES[token];
    if (prefix !== undefined) into.prefix = prefix;
    else if (size !== undefined) into.sizeRule = size;
    else break;
  }
  if (tokens[i] === '0F') {
    i++;
    into.map = tokens[i] === '38' ? 2 : tokens[i] === '3A' ? 3 : 1;
    if (into.map !== 1) i++;
  }
  into.opcode = hexByte(tokens[i]!.slice(0, 2));
  if (tokens[i]!.endsWith('+r')) into.opcodeReg = true;
  return i + 1;
}

export function parseEncoding(text: string): Encoding {
  const into = emptyEncoding();
  const tokens = text.split(' ');
  for (let i = parseOpcode(tokens, into); i < tokens.length; i++) {
    const token = tokens[i]!;
    const bytes = IMMEDIATES[token];
    if (bytes !== undefined) into.immediates.push(bytes);
    else if (token === '/is4') {
      into.is4 = true;
      into.immediates.push(1);
    } else if (token[0] === '/') {
      into.hasModrm = true;
      if (token !== '/r') into.reg = Number(token[1]);
    } else {
      const modrm = hexByte(token.slice(0, 2));
      assert(modrm >= 0xc0, `fixed ModRM ${token}`);
      into.hasModrm = true;
      into.fixedModrm = true;
      into.reg = (modrm >> 3) & 7;
      into.rm = token.endsWith('+i') ? -1 : modrm & 7;
    }
  }
  return into;
}

const FIXED: Readonly<Record<string, readonly [OperandKind, number, number]>> = {
  al: ['gp', 8, 0],
  cl: ['gp', 8, 1],
  ax: ['gp', 16, 0],
  dx: ['gp', 16, 2],
  eax: ['gp', 32, 0],
  rax: ['gp', 64, 0],
  xmm0: ['vec', 128, 0],
  st0: ['x87', 80, 0],
  fs: ['seg', 16, 4],
  gs: ['seg', 16, 5],
};

const REGISTERS: Readonly<Record<string, readonly [OperandKind, number]>> = {
  r8: ['gp', 8],
  r16: ['gp', 16],
  r32: ['gp', 32],
  r64: ['gp', 64],
  mm: ['mmx', 64],
  xmm: ['vec', 128],
  ymm: ['vec', 256],
  zmm: ['vec', 512],
  k: ['mask', 64],
  sreg: ['seg', 16],
  sti: ['x87', 80],
};

const VSIB_BITS: Readonly<Record<string, number>> = { x: 128, y: 256, z: 512 };
const SLOTS: Readonly<Record<string, Slot>> = {
  reg: 'reg',
  rm: 'rm',
  v: 'vvvv',
  is4: 'is4',
  op: 'opcode',
};
const ACCESS: Readonly<Record<string, Access>> = { n: 0, r: 1, w: 2, rw: 3 };

interface ParsedOperand {
  operand: Writable<RowOperand>;
  decorators: string;
}

/** Parses `WHAT` of an operand into `operand`. */
function parseWhat(what: string, operand: Writable<RowOperand>): void {
  const fixed = FIXED[what];
  if (fixed !== undefined) {
    operand.kind = fixed[0];
    operand.bits = fixed[1];
    operand.fixed = fixed[2];
    operand.slot = 'fixed';
    return;
  }
  const immediate = /^(imm|rel|moffs)(\d+)(s?)$/.exec(what);
  if (immediate) {
    operand.kind = immediate[1] as OperandKind;
    operand.bits = Number(immediate[2]);
    operand.signed = immediate[3] === 's' || immediate[1] === 'rel';
    operand.slot = immediate[1] === 'moffs' ? 'none' : 'imm';
    if (immediate[1] === 'moffs') {
      operand.memory = true;
      operand.memoryBits = operand.bits;
    }
    return;
  }
  if (what === '1') {
    operand.kind = 'one';
    operand.bits = 8;
    operand.fixed = 1;
    return;
  }
  for (const part of what.split('/')) {
    const plain = REGISTERS[part] ?? REGISTERS[part.replace(/^rm/, 'r')];
    const vsib = /^vm(32|64)([xyz])$/.exec(part);
    if (plain !== undefined) {
      [operand.kind, operand.bits] = plain;
      if (part.startsWith('rm')) {
        operand.memory = true;
        operand.memoryBits = operand.bits;
      }
    } else if (vsib) {
      operand.memory = true;
      operand.vsibElementBits = Number(vsib[1]);
      operand.vsibBits = VSIB_BITS[vsib[2]!]!;
    } else if (part[0] === 'm') {
      operand.memory = true;
      operand.memoryBits = part === 'm' ? 0 : Number(part.slice(1));
    } else if (part[0] === 'n') operand.tupleBits = Number(part.slice(1));
    else {
      assert(part[0] === 'b', `bad operand ${what}`);
      operand.broadcastBits = Number(part.slice(1));
    }
  }
  if (operand.kind === 'mem') operand.bits = operand.memoryBits;
  assert(!Number.isNaN(operand.memoryBits + operand.broadcastBits), `bad operand ${what}`);
}

function parseOperand(text: string): ParsedOperand {
  const match = /^([\w/]+?)(?:@(\w+))?:(rw|r|w|n)((?:\{\w+\})*)$/.exec(text);
  const bare = /^(1|imm\w+|rel\w+)$/.exec(text);
  assert(match || bare, `bad operand ${text}`);
  const operand: Writable<RowOperand> = {
    kind: 'mem',
    slot: 'none',
    bits: 0,
    access: match ? ACCESS[match[3]!]! : 1,
    memory: false,
    memoryBits: 0,
    broadcastBits: 0,
    tupleBits: 0,
    vsibBits: 0,
    vsibElementBits: 0,
    fixed: -1,
    signed: false,
  };
  parseWhat(match ? match[1]! : text, operand);
  if (match?.[2] !== undefined) operand.slot = SLOTS[match[2]] ?? assertSlot(match[2]);
  return { operand, decorators: match?.[4] ?? '' };
}

function assertSlot(name: string): never {
  assert(false, `bad slot ${name}`);
}

/** Gives every register operand without a written slot the one of the default order. */
function assignSlots(operands: readonly ParsedOperand[], encoding: Encoding, text: string): void {
  const free: Slot[] = [];
  const taken = new Set(operands.map((o) => o.operand.slot));
  if (encoding.opcodeReg) free.push('opcode');
  if (encoding.hasModrm && encoding.reg < 0) free.push('reg');
  if (encoding.space !== LEGACY) free.push('vvvv');
  if (encoding.is4) free.push('is4');
  const order = free.filter((slot) => !taken.has(slot));
  for (const { operand } of operands) {
    if (operand.slot !== 'none' || operand.kind === 'moffs' || operand.kind === 'one') continue;
    if (operand.memory || (operand.kind === 'x87' && encoding.fixedModrm)) operand.slot = 'rm';
    else {
      const slot = order.shift();
      assert(slot !== undefined, `no slot left in ${text}`);
      operand.slot = slot;
    }
  }
  const immediates = operands.filter((o) => o.operand.slot === 'imm');
  if (immediates.length > 1) immediates[1]!.operand.slot = 'imm2';
}

const FLAG_BITS: Readonly<Record<string, number>> = {
  o: FLAG_OF,
  s: FLAG_SF,
  z: FLAG_ZF,
  a: FLAG_AF,
  p: FLAG_PF,
  c: FLAG_CF,
  d: FLAG_DF,
};
const NO_FLAGS: FlagEffect = Object.freeze({ read: 0, write: 0, undefined: 0, maybe: 0 });

function parseFlags(text: string | undefined): FlagEffect {
  if (text === undefined) return NO_FLAGS;
  const effect = { read: 0, write: 0, undefined: 0, maybe: 0 };
  for (const part of text.split(' ')) {
    let mask = 0;
    for (const letter of part.slice(2)) mask |= FLAG_BITS[letter] ?? assertSlot(letter);
    if (part[0] === 'r') effect.read = mask;
    else if (part[0] === 'w') effect.write = mask;
    else if (part[0] === 'u') effect.undefined = mask;
    else if (part[0] === 'm') effect.maybe = mask;
    else assert(false, `bad flags ${text}`);
  }
  return effect;
}

const GP_NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'];

/** `[general, vector]` masks of a list of implicit registers. */
function parseImplicit(text: string | undefined): readonly [number, number] {
  let general = 0;
  let vector = 0;
  for (const name of text?.split(' ') ?? []) {
    if (name === 'xmm*') vector = 0xffff;
    else if (name.startsWith('xmm')) vector |= 1 << Number(name.slice(3));
    else {
      const number = GP_NAMES.includes(name) ? GP_NAMES.indexOf(name) : Number(name.slice(1));
      assert(number >= 0 && number < 16, `bad implicit register ${name}`);
      general |= 1 << number;
    }
  }
  return [general, vector];
}

const NO_MEMORY: readonly ImplicitMemory[] = Object.freeze([]);

function parseImplicitMemory(text: string | undefined): readonly ImplicitMemory[] {
  if (text === undefined) return NO_MEMORY;
  return text.split(' ').map((part) => {
    const [access, segment, address, bits] = part.split(':');
    return {
      address: address as ImplicitMemory['address'],
      segment: segment as ImplicitMemory['segment'],
      access: ACCESS[access ?? ''] ?? assertSlot(part),
      bits: Number(bits),
    };
  });
}

function unitOf(encoding: Encoding, operands: readonly ParsedOperand[]): Unit {
  const has = (kind: OperandKind) => operands.some((o) => o.operand.kind === kind);
  const vectorMemory = operands.some((o) => o.operand.vsibBits !== 0);
  if (encoding.space === EVEX || has('mask')) return 'avx512';
  if (encoding.space === VEX) return has('vec') || vectorMemory ? 'avx' : 'integer';
  if (encoding.map === 0 && (encoding.opcode & 0xf8) === 0xd8) return 'x87';
  if (has('mmx')) return 'mmx';
  return has('vec') ? 'sse' : 'integer';
}

function modOf(encoding: Encoding, operands: readonly ParsedOperand[]): Row['mod'] {
  if (!encoding.hasModrm) return 'any';
  if (encoding.fixedModrm) return 'reg';
  const rm = operands.find((o) => o.operand.slot === 'rm')?.operand;
  if (rm === undefined) return 'any';
  return !rm.memory ? 'reg' : rm.kind === 'mem' ? 'mem' : 'any';
}

const FEATURES_NONE: readonly string[] = Object.freeze([]);

/** Parses one row. */
export function parseRow(source: RowSource, id: number): Row {
  const { mnemonic, options } = source;
  const text = `${mnemonic} ${source.operands} | ${source.encoding}`;
  const encoding = parseEncoding(source.encoding);
  const parsed = source.operands === '' ? [] : source.operands.split(', ').map(parseOperand);
  assignSlots(parsed, encoding, text);
  const decorators = parsed.map((p) => p.decorators).join('');
  const memoryOperand = parsed.findIndex((p) => p.operand.memory);
  const memory = memoryOperand >= 0 ? parsed[memoryOperand]!.operand : undefined;
  const immediates = encoding.immediates;
  const [implicitRead, implicitVectorRead] = parseImplicit(options.in);
  const [implicitWrite, implicitVectorWrite] = parseImplicit(options.out);
  const rowClass: InstructionClass = options.class ?? 'plain';
  const usesVsib = memory !== undefined && memory.vsibBits !== 0;
  return {
    id,
    mnemonic,
    operands: parsed.map((p) => p.operand),
    space: encoding.space,
    map: encoding.map,
    opcode: encoding.opcode,
    opcodeReg: encoding.opcodeReg,
    prefix: encoding.prefix,
    sizeRule: encoding.sizeRule,
    w: encoding.w,
    l: encoding.l,
    hasModrm: encoding.hasModrm,
    mod: modOf(encoding, parsed),
    reg: encoding.reg,
    rm: encoding.rm,
    immediateBytes: (immediates[0] ?? 0) as Row['immediateBytes'],
    immediate2Bytes: (immediates[1] ?? 0) as Row['immediate2Bytes'],
    moffs: memory?.kind === 'moffs',
    usesVvvv: parsed.some((p) => p.operand.slot === 'vvvv'),
    memoryOperand,
    memoryAccess: memory?.access ?? 0,
    memoryBytes: memory === undefined ? 0 : memory.memoryBits >> 3,
    bitString: options.bitString ?? false,
    masking: decorators.includes('{k}'),
    maskRequired: options.maskRequired ?? (encoding.space === EVEX && usesVsib),
    zeroing: decorators.includes('{z}'),
    rounding: decorators.includes('{er}'),
    sae: decorators.includes('{sae}'),
    class: rowClass,
    unit: options.unit ?? unitOf(encoding, parsed),
    condition: options.condition ?? -1,
    flags: parseFlags(options.flags),
    prefixes: {
      lock: options.lock ?? false,
      rep: options.rep !== undefined,
      repne: options.rep === 'repcc',
    },
    implicitRead,
    implicitWrite,
    implicitVectorRead,
    implicitVectorWrite,
    implicitMemory: parseImplicitMemory(options.mem),
    gsSafe: options.gsSafe ?? rowClass === 'plain',
    features: options.features?.split(' ') ?? FEATURES_NONE,
    manual: options.manual ?? manualOf(mnemonic, options.features?.split(' ') ?? []),
    text,
  };
}
