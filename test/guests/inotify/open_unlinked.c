/* inotify(7): a file without a name goes when nobody has it open any more; the order of what is told. */
#include "../check.h"
#include <sys/inotify.h>

static int in;
static void dump(const char *after) {
  char b[4096] __attribute__((aligned(8)));
  long n;
  printf("%s:", after);
  while ((n = read(in, b, sizeof b)) > 0)
    for (char *p = b; p < b + n; p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len) { struct inotify_event *e = (void *)p; printf(" %d %#x %s;", e->wd, e->mask, e->len ? e->name : ""); }
  puts("");
}
int main(void) {
  mkdir("d", 0755);
  int f = open("d/f", O_CREAT | O_RDWR, 0644), g;
  in = inotify_init1(IN_NONBLOCK);
  T(inotify_add_watch(in, "d", IN_ALL_EVENTS)); T(inotify_add_watch(in, "d/f", IN_ALL_EVENTS));
  unlink("d/f"); dump("unlink"); T(write(f, "x", 1)); dump("write"); g = dup(f); close(f); dump("close one"); close(g); dump("close both");
  f = open("d/a", O_CREAT | O_RDWR, 0644); g = open("d/b", O_CREAT | O_RDWR, 0644); T(inotify_add_watch(in, "d/b", IN_ALL_EVENTS)); dump("two"); T(rename("d/a", "d/b")); dump("rename over"); close(g); dump("close the old"); close(f); dump("close the new");
  T(link("d/b", "d/c")); T(inotify_add_watch(in, "d/c", IN_ALL_EVENTS)); dump("link"); unlink("d/b"); dump("one name less"); unlink("d/c"); dump("no name");
  mkdir("d/e", 0755); T(inotify_add_watch(in, "d/e", IN_ALL_EVENTS)); dump("folder"); T(rmdir("d/e")); dump("rmdir"); T(rmdir("d")); dump("rmdir the outer");
}
