/**
 * sysfs(5): of the devices of a machine, what programs look for: processors and memory nodes
 * (get_nprocs(3), nproc, numactl, the JVM, Go), huge pages, network interfaces. Read-only; the
 * folders of what an instance has not (cgroups, modules, blocks) are there and empty.
 */

import { SYSFS_MAGIC } from '../../abi/stat-layout.ts';
import type { FileClock } from '../../vfs/file-clock.ts';
import { FileSystem } from '../../vfs/file-system.ts';
import type { Inode } from '../../vfs/inode.ts';
import type { SystemView } from '../../vfs/task-view.ts';
import { folder, link, type NodeMaker, text } from './nodes.ts';

const KIB = 1024;

type Entry = [string, NodeMaker];

const fixed = (value: string | number): NodeMaker => text(() => `${value}\n`);
const linkTo = (path: string): NodeMaker => link({ read: () => path });
const fixedAll = (values: Readonly<Record<string, string | number>>): Entry[] =>
  Object.entries(values).map(([name, value]) => [name, fixed(value)]);
const emptyAll = (...names: string[]): Entry[] => names.map((name) => [name, folder([])]);

export class Sysfs extends FileSystem {
  override readonly typeName = 'sysfs';
  override readonly magic = SYSFS_MAGIC;
  override readonly cachesNames = false;
  override readonly hasFixedNames = true;
  override readonly hasHandles = false;
  readonly root: Inode;
  #lastIno = 0;

  constructor(clock: FileClock, system: SystemView) {
    super(clock);
    this.root = folder(rootEntries(system))(this);
  }

  nextIno(): number {
    return ++this.#lastIno;
  }
}

function rootEntries(system: SystemView): Entry[] {
  return [
    ...emptyAll('block', 'bus'),
    ['class', folder([['net', folder([['lo', linkTo('../../devices/virtual/net/lo')]])]])],
    ['dev', folder(emptyAll('block', 'char'))],
    [
      'devices',
      folder([
        ['system', folder([...cpuFolder(system), ['node', folder(nodeEntries(system))]])],
        ['virtual', folder([['net', folder([['lo', folder(fixedAll(LOOPBACK))]])]])],
      ]),
    ],
    ...emptyAll('firmware'),
    ['fs', folder(emptyAll('cgroup'))],
    ['kernel', folder([['mm', folder(hugePageEntries())], ...fixedAll(KERNEL)])],
    ...emptyAll('module', 'power'),
  ];
}

const KERNEL = { address_bits: 64, cpu_byteorder: 'little', fscaps: 1 } as const;

/** The interface that every instance has; ARPHRD_LOOPBACK is 772, its flags are IFF_UP and so on. */
const LOOPBACK = {
  address: '00:00:00:00:00:00',
  addr_len: 6,
  broadcast: '00:00:00:00:00:00',
  carrier: 1,
  flags: '0x9',
  ifindex: 1,
  iflink: 1,
  mtu: 65536,
  operstate: 'unknown',
  tx_queue_len: 1000,
  type: 772,
} as const;

/** "0" or "0-7": `cpulist_parse`. */
const listOf = (count: number): string => (count === 1 ? '0' : `0-${count - 1}`);
/** Hexadecimal words of 32 processors: `cpumask_parse`. */
const maskOf = (bits: bigint): string =>
  (bits.toString(16).match(/.{1,8}(?=(.{8})*$)/g) as string[]).join(',');
const maskOfAll = (count: number): string => maskOf((1n << BigInt(count)) - 1n);

function cpuFolder({ cpuCount }: SystemView): Entry[] {
  const all = listOf(cpuCount);
  const cpus: Entry[] = Array.from({ length: cpuCount }, (_, i) => [
    `cpu${i}`,
    folder([
      ['topology', folder(fixedAll(topology(i, cpuCount)))],
      ['node0', linkTo('../../node/node0')],
      // The first processor cannot be taken away, so it has no switch.
      ...(i === 0 ? [] : fixedAll({ online: 1 })),
    ]),
  ]);
  const lists = { online: all, possible: all, present: all, offline: '', isolated: '' };
  const more: Entry[] = [['smt', folder(fixedAll({ active: 0, control: 'notsupported' }))]];
  return [['cpu', folder([...cpus, ...fixedAll({ ...lists, kernel_max: 255 }), ...more])]];
}

/** One package with a core for each processor. */
function topology(index: number, count: number): Record<string, string | number> {
  const own = maskOf(1n << BigInt(index));
  const [all, list] = [maskOfAll(count), listOf(count)];
  return {
    physical_package_id: 0,
    die_id: 0,
    core_id: index,
    ...{ core_cpus: own, core_cpus_list: index, thread_siblings: own, thread_siblings_list: index },
    ...{ package_cpus: all, package_cpus_list: list, core_siblings: all, core_siblings_list: list },
    ...{ die_cpus: all, die_cpus_list: list },
  };
}

/** One node with everything. */
function nodeEntries(system: SystemView): Entry[] {
  const { cpuCount } = system;
  const cpus: Entry[] = Array.from({ length: cpuCount }, (_, i) => [
    `cpu${i}`,
    linkTo(`../../cpu/cpu${i}`),
  ]);
  const node: Entry[] = [
    ...cpus,
    ...fixedAll({ cpulist: listOf(cpuCount), cpumap: maskOfAll(cpuCount), distance: 10 }),
    ['meminfo', text(() => nodeMemory(system))],
    ['hugepages', folder([['hugepages-2048kB', folder(fixedAll(NO_HUGE_PAGES))]])],
  ];
  const lists = { online: 0, possible: 0, has_cpu: 0, has_memory: 0, has_normal_memory: 0 };
  return [['node0', folder(node)], ...fixedAll(lists)];
}

function nodeMemory({ memoryTotalBytes, memoryFreeBytes }: SystemView): string {
  const rows = {
    MemTotal: memoryTotalBytes,
    MemFree: memoryFreeBytes,
    MemUsed: memoryTotalBytes - memoryFreeBytes,
  };
  return Object.entries(rows)
    .map(([name, bytes]) => {
      const kib = String(Math.floor(bytes / KIB)).padStart(8);
      return `Node 0 ${`${name}:`.padEnd(15)}${kib} kB\n`;
    })
    .join('');
}

const NO_HUGE_PAGES = { free_hugepages: 0, nr_hugepages: 0, surplus_hugepages: 0 } as const;

function hugePageEntries(): Entry[] {
  const pool = { ...NO_HUGE_PAGES, nr_overcommit_hugepages: 0, resv_hugepages: 0 };
  const transparent = { enabled: 'always madvise [never]', hpage_pmd_size: 2097152 };
  return [
    ['hugepages', folder([['hugepages-2048kB', folder(fixedAll(pool))]])],
    ['transparent_hugepage', folder(fixedAll(transparent))],
  ];
}
