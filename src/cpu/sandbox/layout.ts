/**
 * The numbers of a sandbox: the one place where they stand. Translator, code verifier, stubs and
 * host read them from here.
 *
 * One slot of the arena, from its start (all multiples of 2 MiB, so that B is 4 MiB aligned):
 *
 *     slot + 0         RETURN_TABLE  512 KiB   read-only here, written through another view
 *     slot + 512 KiB   JUMP_TABLE    512 KiB   the same
 *     slot + 1 MiB     never mapped  3 MiB     lower guard
 *     slot + 4 MiB     B             4 GiB     guest addresses 0 … 2^32 − 1
 *     B + 4 GiB        never mapped  4 MiB     upper guard
 *
 * GS base = B while translated code runs. A guest operand is `gs:` + address-size prefix, so it
 * reaches B … B + 2^32 + 64 bytes (the longest plain operand); state images reach 4 KiB further.
 */

export const PAGE_BYTES = 4096;
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

export const SANDBOX_BYTES = 4 * GIB;
/** Never mapped, directly below B and directly above B + 4 GiB. */
export const LOWER_GUARD_BYTES = 3 * MIB;
export const UPPER_GUARD_BYTES = 4 * MIB;
/** Entries of 8 bytes (a host address in code memory), indexed by the low 16 address bits. */
export const TABLE_ENTRIES = 65536;
export const TABLE_BYTES = TABLE_ENTRIES * 8;
export const TABLES_BYTES = 2 * TABLE_BYTES;
/** GS-relative displacements of the tables. */
export const RETURN_TABLE_DISP = -(LOWER_GUARD_BYTES + 2 * TABLE_BYTES);
export const JUMP_TABLE_DISP = -(LOWER_GUARD_BYTES + TABLE_BYTES);
/** From the start of a slot to B, and from slot to slot. */
export const SLOT_BASE_BYTES = LOWER_GUARD_BYTES + TABLES_BYTES;
export const SLOT_BYTES = SLOT_BASE_BYTES + SANDBOX_BYTES + UPPER_GUARD_BYTES;

/** The first and last 64 KiB of guest space are never mappable. */
export const GUEST_LOW = 64 * KIB;
export const GUEST_HIGH = SANDBOX_BYTES - 64 * KIB;

/**
 * Slots in the thread-local block of the stubs' shared object. `fs:[tlsDisplacement + offset]`.
 * `access` says what translated code may do there; the code verifier accepts nothing else.
 */
export const TLS_BYTES = 256;
export const TLS = {
  /** Scratch for rewrites: `spill(n)` at 8 × n, n < 8. */
  spill: { offset: 0, bytes: 64, access: 'read-write' },
  /** Full guest target of an indirect jump or call while it passes the jump table. */
  target: { offset: 64, bytes: 8, access: 'read-write' },
  /** Guest RIP reported by an exit. */
  exitRip: { offset: 72, bytes: 8, access: 'read-write' },
  /** Which link site or operand an exit speaks of. */
  exitSite: { offset: 80, bytes: 4, access: 'read-write' },
  /** Set to 1 before x87 or MMX state is touched; sticky until the exit stub saved it. */
  x87Used: { offset: 84, bytes: 1, access: 'read-write' },
  guestFsBase: { offset: 88, bytes: 8, access: 'read' },
  guestGsBase: { offset: 96, bytes: 8, access: 'read' },
  /** B and −B, for macros of string instructions. */
  sandboxBase: { offset: 104, bytes: 8, access: 'read' },
  sandboxBaseNegated: { offset: 112, bytes: 8, access: 'read' },
  hostRsp: { offset: 120, bytes: 8, access: 'none' },
  state: { offset: 128, bytes: 8, access: 'none' },
  entry: { offset: 136, bytes: 8, access: 'none' },
  tickPending: { offset: 144, bytes: 4, access: 'none' },
  wideTable: { offset: 152, bytes: 8, access: 'none' },
  wideMask: { offset: 160, bytes: 8, access: 'none' },
  /** Scratch of the exit and miss stubs. */
  stubScratch: { offset: 168, bytes: 40, access: 'none' },
} as const satisfies Record<string, { offset: number; bytes: number; access: string }>;

/**
 * The state block of one guest thread (host memory, one page), byte offsets. Written by the exit
 * stub, read and written by JavaScript, loaded by the entry stub. Registers are in encoding order:
 * rax rcx rdx rbx rsp rbp rsi rdi r8 … r15.
 */
export const STATE_BYTES = 4096;
export const STATE = {
  gprs: 0,
  rip: 128,
  rflags: 136,
  fsBase: 144,
  gsBase: 152,
  mxcsr: 160,
  /** 1 when the x87 image below is live. */
  x87Used: 164,
  exitKind: 168,
  exitSite: 172,
  /** Host address in translated code at a fault or tick. */
  hostRip: 176,
  /** Host address of the access that faulted (CR2); −B gives the guest address. */
  faultAddress: 184,
  trapNumber: 192,
  errorCode: 200,
  /** The spill slots and the target slot as they were at a fault or tick: 9 × 8 bytes. */
  spills: 208,
  /** Inputs of the entry stub; the first is an offset in code memory, 32 bits. */
  entry: 288,
  sandboxBase: 296,
  wideTable: 304,
  wideMask: 312,
  signal: 320,
  signalCode: 324,
  /** RSP at a fault or tick: the exit stub stores it cut to a canonical address. */
  hostRsp: 328,
  /**
   * WIDE_LOW, WIDE_HIGH; 8 bits. Where one is clear, what it stands for is zero in the fields below.
   * Whoever writes those fields sets both.
   */
  wideVectors: 336,
  /** FXSAVE64 image (Intel SDM vol. 1, 10.5.1), 16-byte aligned; its XMM part is not used. */
  x87: 512,
  /** zmm0 … zmm31, 64 bytes each (as much of each as the processor has). */
  vectors: 1024,
  /** k0 … k7, 8 bytes each. */
  masks: 3072,
} as const;

/** Of `wideVectors`: bits 128 … 511 of any of zmm0 … zmm15; any bit of zmm16 … zmm31. */
export const WIDE_LOW = 1;
export const WIDE_HIGH = 2;

/** Why translated code left; what the entry stub returns. */
export const EXIT = {
  /** `syscall`: rip = address of the next instruction, rcx and r11 as the instruction sets them. */
  syscall: 1,
  /** A direct branch not linked yet: rip = guest target, exitSite = its link record. */
  link: 2,
  /** Indirect target in no table: rip = guest target. */
  indirect: 3,
  /** An instruction outside the table, or ud2: rip = its address. */
  illegal: 4,
  /** int3: rip = address after it. */
  int3: 5,
  /** An instruction that the platform interprets (cpuid, popf, …): rip = its address. */
  emulate: 6,
  /** A unit's source bytes changed: rip = address to go on at. */
  stale: 7,
  /** SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP in translated code: hostRip and fault fields. */
  fault: 8,
  /** The tick in translated code: hostRip. */
  tick: 9,
  /** The tick elsewhere in the entry path: nothing ran; rip as given. */
  tickBeforeEntry: 10,
} as const;
export type ExitKind = (typeof EXIT)[keyof typeof EXIT];
