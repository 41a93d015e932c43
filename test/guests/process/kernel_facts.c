// Settings of /proc/sys that programs save, write and restore; /proc/config.gz.
#include "check.h"

static void keep(const char *path) {
  char name[128], text[256];
  snprintf(name, sizeof name, "/proc/sys/%s", path);
  int fd = open(name, O_RDWR);
  if (fd < 0) {
    printf("%s: %s\n", path, strerrorname_np(errno));
    return;
  }
  ssize_t count = read(fd, text, sizeof text);
  // What was there is written back: nothing changes.
  printf("%s: %s\n", path, count > 0 && pwrite(fd, text, count, 0) == count ? "kept" : "FAILED");
  close(fd);
}

int main(void) {
  static const char *const PATHS[] = {
    "fs/suid_dumpable", "fs/protected_hardlinks", "fs/aio-max-nr", "fs/inotify/max_user_instances",
    "kernel/core_pattern", "kernel/core_pipe_limit", "kernel/panic_on_oops", "kernel/shmmax",
    "kernel/shmall", "kernel/shmmni", "kernel/sem", "kernel/printk_ratelimit",
    "kernel/sched_deadline_period_max_us", "kernel/keys/gc_delay", "kernel/keys/maxkeys",
    "kernel/timer_migration", "vm/dirty_expire_centisecs", "vm/overcommit_memory",
    "vm/oom_dump_tasks", "vm/admin_reserve_kbytes", "net/core/somaxconn",
  };
  for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) keep(PATHS[i]);
  unsigned char head[4] = {0};
  int fd = open("/proc/config.gz", O_RDONLY);
  T(read(fd, head, sizeof head));
  bytes("head", head, 3);
  T(access("/proc/keys", R_OK));
  T(access("/proc/key-users", R_OK));
  return 0;
}
