/** /proc/sys: the settings that programs read, and the few that they write. */

import { EINVAL } from '../../abi/errno.table.ts';
import { byteString } from '../../vfs/byte-string.ts';
import type { SystemView } from '../../vfs/task-view.ts';
import type { Vfs } from '../../vfs/vfs.ts';
import { constant, folder, type NodeMaker, setting } from './nodes.ts';

const fixed = (value: string | number): NodeMaker => constant(() => `${value}\n`);

/** A 64-character name; a trailing newline is not part of it. */
const nameSetting = (read: () => string, write: (name: string) => void): NodeMaker =>
  setting(
    () => `${read()}\n`,
    (bytes) => {
      const name = byteString(bytes).replace(/\n.*$/s, '');
      if (name.length > 64) return -EINVAL;
      write(name);
      return 0;
    },
  );

/** A line that is kept, and has no other effect. */
function keptText(initial: string): NodeMaker {
  let value = initial;
  return setting(
    () => `${value}\n`,
    (bytes) => {
      value = byteString(bytes.subarray(0, 127)).replace(/\n.*$/s, '');
      return 0;
    },
  );
}

/** A number that is kept, and has no other effect. */
function kept(initial: number): NodeMaker {
  let value = initial;
  return setting(
    () => `${value}\n`,
    (bytes) => {
      const given = Number(byteString(bytes).trim() || Number.NaN);
      if (!Number.isInteger(given)) return -EINVAL;
      value = given;
      return 0;
    },
  );
}

export function sysctlTree(system: SystemView, vfs: Vfs): NodeMaker {
  return folder([
    [
      'kernel',
      folder([
        ...kernelEntries(system),
        ...obeyed(system, 'kernel/'),
        ['keys', folder(obeyed(system, 'kernel/keys/'))],
      ]),
    ],
    ['vm', folder(VM_ENTRIES())],
    ['fs', folder([...FS_ENTRIES(vfs), ['mqueue', folder(obeyed(system, 'fs/mqueue/'))]])],
    ['net', folder(NET_ENTRIES())],
    ['user', folder(USER_ENTRIES())],
  ]);
}

/** The kernel's own settings directly below a folder. */
const obeyed = (system: SystemView, prefix: string): [string, NodeMaker][] =>
  (system.sysctls ?? [])
    .filter(({ path }) => path.startsWith(prefix) && path.lastIndexOf('/') === prefix.length - 1)
    .map(({ path, read, write }) => [
      path.slice(prefix.length),
      setting(
        () => `${read()}\n`,
        (bytes) => write(byteString(bytes)),
      ),
    ]);

const kernelEntries = (system: SystemView): [string, NodeMaker][] => [
  ['ostype', fixed('Linux')],
  ['osrelease', constant(() => `${system.release}\n`)],
  ['version', constant(() => `${system.version}\n`)],
  [
    'hostname',
    nameSetting(
      () => system.hostName,
      (name) => {
        system.hostName = name;
      },
    ),
  ],
  [
    'domainname',
    nameSetting(
      () => system.domainName,
      (name) => {
        system.domainName = name;
      },
    ),
  ],
  ['pid_max', constant(() => `${system.pidMax}\n`)],
  ['threads-max', constant(() => `${system.threadsMax}\n`)],
  ['cap_last_cap', fixed(40)],
  ['ngroups_max', fixed(65536)],
  ['randomize_va_space', kept(2)],
  ['core_pattern', keptText('core')],
  ['core_uses_pid', kept(0)],
  ['overflowuid', fixed(65534)],
  ['overflowgid', fixed(65534)],
  ['sched_child_runs_first', fixed(0)],
  ['sched_rt_runtime_us', kept(950000)],
  ['perf_event_paranoid', fixed(4)],
  ['tainted', fixed(0)],
  ['printk', keptText('4\t4\t1\t7')],
  ['sched_rt_period_us', kept(1000000)],
  ['sched_rr_timeslice_ms', kept(100)],
  ['sched_autogroup_enabled', fixed(0)],
  ['dmesg_restrict', kept(1)],
  ['kptr_restrict', kept(1)],
  ['unprivileged_bpf_disabled', fixed(2)],
  ['io_uring_disabled', fixed(2)],
  ['shm_rmid_forced', fixed(0)],
  ['panic', kept(0)],
  ['panic_on_oops', kept(0)],
  ['panic_on_warn', kept(0)],
  ['print-fatal-signals', kept(0)],
  ['printk_ratelimit', kept(5)],
  ['printk_ratelimit_burst', kept(10)],
  ['printk_devkmsg', keptText('ratelimit')],
  ['core_pipe_limit', kept(0)],
  ['sched_deadline_period_max_us', kept(4194304)],
  ['sched_deadline_period_min_us', kept(100)],
  ['timer_migration', kept(1)],
  ['sysctl_writes_strict', kept(1)],
  ['acct', keptText('4\t2\t30')],
  ['arch', fixed('x86_64')],
  [
    'pty',
    folder([
      ['max', fixed(4096)],
      ['reserve', kept(1024)],
      ['nr', fixed(0)],
    ]),
  ],
  [
    'seccomp',
    folder([
      ['actions_avail', fixed(SECCOMP_ACTIONS)],
      ['actions_logged', keptText('kill_process kill_thread trap errno user_notif trace log')],
    ]),
  ],
  [
    'random',
    folder([
      ['boot_id', fixed(system.bootId)],
      ['uuid', constant(() => `${system.freshUuid()}\n`)],
      ['entropy_avail', fixed(256)],
      ['poolsize', fixed(256)],
      ['urandom_min_reseed_secs', kept(60)],
      ['write_wakeup_threshold', kept(256)],
    ]),
  ],
];

const SECCOMP_ACTIONS = 'kill_process kill_thread trap errno user_notif trace log allow';

const VM_ENTRIES = (): [string, NodeMaker][] => [
  ['overcommit_memory', kept(0)],
  ['overcommit_ratio', kept(50)],
  ['max_map_count', kept(65530)],
  ['mmap_min_addr', fixed(65536)],
  ['swappiness', kept(60)],
  // As many as there is memory for: none.
  [
    'nr_hugepages',
    setting(
      () => '0\n',
      (bytes) => (/^\d+\s*$/.test(byteString(bytes)) ? 0 : -EINVAL),
    ),
  ],
  ['nr_overcommit_hugepages', fixed(0)],
  ['overcommit_kbytes', kept(0)],
  ['min_free_kbytes', kept(67584)],
  ['panic_on_oom', kept(0)],
  ['dirty_ratio', kept(20)],
  ['dirty_background_ratio', kept(10)],
  ['legacy_va_layout', fixed(0)],
  ['vfs_cache_pressure', kept(100)],
  ['dirty_bytes', kept(0)],
  ['dirty_background_bytes', kept(0)],
  ['dirty_expire_centisecs', kept(3000)],
  ['dirty_writeback_centisecs', kept(500)],
  ['oom_kill_allocating_task', kept(0)],
  ['oom_dump_tasks', kept(1)],
  ['memfd_noexec', fixed(0)],
  ['mmap_rnd_bits', kept(28)],
  ['admin_reserve_kbytes', kept(8192)],
  ['user_reserve_kbytes', kept(131072)],
  ['page-cluster', kept(3)],
  ['stat_interval', kept(1)],
  ['zone_reclaim_mode', kept(0)],
  ['compact_memory', kept(0)],
  ['compact_unevictable_allowed', kept(1)],
  ['extfrag_threshold', kept(500)],
  ['laptop_mode', kept(0)],
  // Page caches are the host's: dropping them is no more than a wish.
  ['drop_caches', kept(0)],
];

const leaseTime = (vfs: Vfs): NodeMaker =>
  setting(
    () => `${vfs.leaseBreakSec}\n`,
    (bytes) => {
      const given = Number(byteString(bytes).trim() || Number.NaN);
      if (!Number.isInteger(given) || given < 0 || given > 0x7fff_ffff) return -EINVAL;
      vfs.leaseBreakSec = given;
      return 0;
    },
  );

/** `round_pipe_size`: a power of two from a page to 2 GiB. */
const pipeLimit = (vfs: Vfs): NodeMaker =>
  setting(
    () => `${vfs.pipeMaxBytes}\n`,
    (bytes) => {
      const given = Number(byteString(bytes).trim() || Number.NaN);
      if (!Number.isInteger(given) || given < 0 || given > 0x8000_0000) return -EINVAL;
      vfs.pipeMaxBytes = 2 ** Math.ceil(Math.log2(Math.max(given, 4096)));
      return 0;
    },
  );

const FS_ENTRIES = (vfs: Vfs): [string, NodeMaker][] => [
  ['aio-max-nr', kept(65536)],
  ['aio-nr', fixed(0)],
  ['dentry-state', fixed('0\t0\t45\t0\t0\t0')],
  ['inode-nr', fixed('0\t0')],
  ['inode-state', fixed('0\t0\t0\t0\t0\t0\t0')],
  ['file-max', fixed('9223372036854775807')],
  ['file-nr', fixed('0\t0\t9223372036854775807')],
  ['nr_open', kept(1048576)],
  ['pipe-max-size', pipeLimit(vfs)],
  ['pipe-user-pages-soft', fixed(16384)],
  ['pipe-user-pages-hard', fixed(0)],
  ['protected_symlinks', kept(0)],
  ['protected_hardlinks', kept(1)],
  ['suid_dumpable', kept(0)],
  [
    'inotify',
    folder([
      ['max_queued_events', kept(16384)],
      ['max_user_instances', kept(128)],
      ['max_user_watches', kept(65536)],
    ]),
  ],
  ['epoll', folder([['max_user_watches', kept(1048576)]])],
  ['dir-notify-enable', fixed(1)],
  ['leases-enable', fixed(1)],
  ['lease-break-time', leaseTime(vfs)],
  ['mount-max', fixed(100000)],
  ['overflowuid', fixed(65534)],
  ['overflowgid', fixed(65534)],
  ['protected_fifos', kept(0)],
  ['protected_regular', kept(0)],
];

/** Namespaces cannot be made. */
const USER_ENTRIES = (): [string, NodeMaker][] =>
  ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].map((type) => [
    `max_${type}_namespaces`,
    fixed(0),
  ]);

const NET_ENTRIES = (): [string, NodeMaker][] => [
  [
    'core',
    folder([
      ['somaxconn', kept(4096)],
      ['rmem_default', fixed(212992)],
      ['rmem_max', fixed(212992)],
      ['wmem_default', fixed(212992)],
      ['wmem_max', fixed(212992)],
    ]),
  ],
  [
    'ipv4',
    folder([
      ['ip_default_ttl', fixed(64)],
      ['ip_forward', fixed(0)],
      ['ip_local_port_range', fixed('32768\t60999')],
      ['ip_unprivileged_port_start', fixed(1024)],
      ['tcp_rmem', fixed('4096\t131072\t6291456')],
      ['tcp_wmem', fixed('4096\t16384\t4194304')],
      ['tcp_keepalive_time', kept(7200)],
      ['tcp_keepalive_intvl', kept(75)],
      ['tcp_keepalive_probes', kept(9)],
      ['tcp_congestion_control', fixed('cubic')],
      ['tcp_available_congestion_control', fixed('reno cubic')],
      ['tcp_allowed_congestion_control', fixed('reno cubic')],
      ['tcp_sack', kept(1)],
      ['tcp_recovery', kept(1)],
      ['tcp_timestamps', kept(1)],
      ['tcp_window_scaling', kept(1)],
      ['tcp_moderate_rcvbuf', kept(1)],
      ['tcp_fin_timeout', kept(60)],
      ['tcp_syn_retries', kept(6)],
      ['tcp_synack_retries', kept(5)],
      ['tcp_retries1', kept(3)],
      ['tcp_retries2', kept(15)],
      ['tcp_max_syn_backlog', kept(512)],
      ['tcp_fastopen', kept(1)],
      ['ip_nonlocal_bind', fixed(0)],
      ['ping_group_range', fixed('1\t0')],
    ]),
  ],
  ['ipv6', folder([['bindv6only', fixed(0)]])],
  ['unix', folder([['max_dgram_qlen', fixed(10)]])],
];
