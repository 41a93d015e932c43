// add_key(2), request_key(2), keyctl(2): keyrings of tasks, permissions, searches, errors.
#include "check.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GET_ID, JOIN, UPDATE, REVOKE, CHOWN, SETPERM, DESCRIBE, CLEAR, LINK, UNLINK, SEARCH, READ,
       INSTANTIATE, NEGATE, SET_TARGET, SET_TIMEOUT, ASSUME, SECURITY, TO_PARENT, REJECT,
       INVALIDATE = 21, RESTRICT = 29, MOVE = 30 };
enum { THREAD = -1, PROCESS = -2, SESSION = -3, USER = -4, USER_SESSION = -5, GROUP = -6 };

static long add(const char *type, const char *name, const void *data, size_t size, int ring) {
  return syscall(SYS_add_key, type, name, data, size, ring);
}
static long ctl(long op, long a, long b, long c, long d) {
  return syscall(SYS_keyctl, op, a, b, c, d);
}
/* What the call gives: a name for a serial, else the number or the error. */
static void say(const char *what, long result) {
  if (result < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %s\n", what, result > 100000 ? "serial" : result == 0 ? "0" : "positive");
}
static void describe(const char *what, long id) {
  char text[200] = "";
  long size = ctl(DESCRIBE, id, (long)text, sizeof text, 0);
  if (size < 0) say(what, size);
  else printf("%s: %ld %s\n", what, size, text);
}

static void keys(void) {
  static char big[40000];
  memset(big, 'x', sizeof big);
  long key = add("user", "one", "abc", 3, PROCESS);
  say("add", key);
  describe("describe", key);
  char text[16] = "";
  printf("read %ld %s\n", ctl(READ, key, (long)text, sizeof text, 0), text);
  printf("read small %ld\n", ctl(READ, key, (long)text, 2, 0));
  printf("same key %d\n", add("user", "one", "abcdef", 6, PROCESS) == key);
  printf("read %ld\n", ctl(READ, key, 0, 0, 0));
  say("update", ctl(UPDATE, key, (long)"z", 1, 0));
  say("update with nothing", ctl(UPDATE, key, 0, 0, 0));
  say("payload fault", add("user", "two", (void *)8, 3, PROCESS));
  say("payload missing", add("user", "two", 0, 0, PROCESS));
  say("payload long", add("user", "two", big, 32768, PROCESS));
  say("payload longest", add("user", "two", big, 32767, PROCESS));
  say("payload huge", add("user", "two", big, 1 << 20, PROCESS));
  say("keyring with payload", add("keyring", "ring", big, 1, PROCESS));
  say("logon without prefix", add("logon", "desc", "abc", 3, PROCESS));
  say("logon empty prefix", add("logon", ":desc", "abc", 3, PROCESS));
  long logon = add("logon", "my:desc", "abc", 3, PROCESS);
  describe("logon", logon);
  say("logon read", ctl(READ, logon, (long)text, 16, 0));
  say("type unknown", add("nothing", "desc", "abc", 3, PROCESS));
  say("type dotted", add(".type", "desc", "abc", 3, PROCESS));
  say("type empty", add("", "desc", "abc", 3, PROCESS));
  say("type long", add("a23456789012345678901234567890123", "desc", "abc", 3, PROCESS));
  say("type fault", add((char *)8, "desc", "abc", 3, PROCESS));
  say("name empty", add("user", "", "abc", 3, PROCESS));
  say("name null", add("user", 0, "abc", 3, PROCESS));
  say("keyring dotted", add("keyring", ".ring", 0, 0, PROCESS));
  say("to a key", add("user", "x", "abc", 3, key));
  say("to nowhere", add("user", "x", "abc", 3, 0));
  say("to a group", add("user", "x", "abc", 3, GROUP));
  say("to unknown", add("user", "x", "abc", 3, 0x7ffffffe));
  say("request", syscall(SYS_request_key, "user", "one", 0, 0));
  say("request unknown", syscall(SYS_request_key, "user", "none", 0, 0));
  say("request type", syscall(SYS_request_key, "nothing", "none", 0, 0));
  say("timeout", ctl(SET_TIMEOUT, key, 100, 0, 0));
  say("timeout off", ctl(SET_TIMEOUT, key, 0, 0, 0));
  say("revoke", ctl(REVOKE, key, 0, 0, 0));
  say("read revoked", ctl(READ, key, (long)text, 16, 0));
  say("request revoked", syscall(SYS_request_key, "user", "one", 0, 0));
  say("revoke again", ctl(REVOKE, key, 0, 0, 0));
  long other = add("user", "one", "new", 3, PROCESS);
  printf("another key %d\n", other > 0 && other != key);
  long brief = add("user", "brief", "v", 1, PROCESS);
  ctl(SET_TIMEOUT, brief, 1, 0, 0);
  usleep(1100000);
  say("read expired", ctl(READ, brief, (long)text, 16, 0));
  say("request expired", syscall(SYS_request_key, "user", "brief", 0, 0));
  say("search expired", ctl(SEARCH, PROCESS, (long)"user", (long)"brief", 0));
  describe("describe expired", brief);
  say("timeout off", ctl(SET_TIMEOUT, brief, 0, 0, 0));
  say("revoke expired", ctl(REVOKE, brief, 0, 0, 0));
  say("revoked search", ctl(SEARCH, PROCESS, (long)"user", (long)"one", 0));
  say("invalidate", ctl(INVALIDATE, other, 0, 0, 0));
}

static void rings(void) {
  say("thread", ctl(GET_ID, THREAD, 0, 0, 0));
  describe("thread", THREAD);
  long thread = ctl(GET_ID, THREAD, 1, 0, 0);
  say("thread made", thread);
  describe("thread", THREAD);
  describe("process", PROCESS);
  describe("session", SESSION);
  describe("user", USER);
  describe("user session", USER_SESSION);
  say("group", ctl(GET_ID, GROUP, 1, 0, 0));
  say("zero", ctl(GET_ID, 0, 1, 0, 0));
  say("far", ctl(GET_ID, -99, 1, 0, 0));
  long a = add("keyring", "a", 0, 0, THREAD), b = add("keyring", "b", 0, 0, a);
  long key = add("user", "inner", "v", 1, b);
  describe("ring", a);
  printf("found %d\n", ctl(SEARCH, THREAD, (long)"user", (long)"inner", 0) == key);
  say("search none", ctl(SEARCH, THREAD, (long)"user", (long)"none", 0));
  say("search type", ctl(SEARCH, THREAD, (long)"nothing", (long)"none", 0));
  say("search a key", ctl(SEARCH, key, (long)"user", (long)"inner", 0));
  printf("linked %d\n", ctl(SEARCH, THREAD, (long)"user", (long)"inner", a) == key);
  int ids[4] = {0};
  printf("list %ld\n", ctl(READ, a, (long)ids, sizeof ids, 0));
  printf("both %d\n", (ids[0] == b && ids[1] == key) || (ids[0] == key && ids[1] == b));
  say("circle", ctl(LINK, a, b, 0, 0));
  say("itself", ctl(LINK, a, a, 0, 0));
  say("to a key", ctl(LINK, a, key, 0, 0));
  say("unlink", ctl(UNLINK, key, a, 0, 0));
  say("unlink again", ctl(UNLINK, key, a, 0, 0));
  say("unlink from a key", ctl(UNLINK, a, key, 0, 0));
  say("move", ctl(MOVE, key, b, a, 0));
  say("move again", ctl(MOVE, key, b, a, 0));
  say("move flags", ctl(MOVE, key, b, a, 2));
  add("user", "inner", "w", 1, b);
  say("move exclusively", ctl(MOVE, key, a, b, 1));
  say("clear", ctl(CLEAR, a, 0, 0, 0));
  say("clear a key", ctl(CLEAR, add("user", "k", "v", 1, THREAD), 0, 0, 0));
  long deep[9];
  deep[0] = THREAD;
  for (int i = 1; i < 9; i++) {
    deep[i] = add("keyring", "deep", 0, 0, deep[i - 1]);
    if (deep[i] < 0) say("deep", deep[i]);
  }
  say("restrict", ctl(RESTRICT, a, 0, 0, 0));
  say("restricted", add("user", "k", "v", 1, a));
  say("update a ring", ctl(UPDATE, a, (long)"x", 1, 0));
  say("revoke ring", ctl(REVOKE, a, 0, 0, 0));
  say("add to revoked", add("user", "k", "v", 1, a));
}

static void rules(void) {
  long key = add("user", "rules", "v", 1, THREAD);
  say("mask", ctl(SETPERM, key, 0x40000000, 0, 0));
  say("no rights", ctl(SETPERM, key, 0, 0, 0));
  describe("described", key);
  say("read", ctl(READ, key, 0, 0, 0));
  say("link", ctl(LINK, key, PROCESS, 0, 0));
  say("setperm", ctl(SETPERM, key, 0x3f3f0000, 0, 0));
  key = add("user", "other", "v", 1, THREAD);
  say("owner", ctl(CHOWN, key, 1000, 1001, 0));
  describe("described", key);
  say("nothing", ctl(CHOWN, 0x7ffffffe, -1, -1, 0));
  say("security", ctl(SECURITY, key, 0, 0, 0));
  say("target", ctl(SET_TARGET, -1, 0, 0, 0));
  say("target group", ctl(SET_TARGET, 6, 0, 0, 0));
  say("target 8", ctl(SET_TARGET, 8, 0, 0, 0));
  say("target user", ctl(SET_TARGET, 4, 0, 0, 0));
  printf("now %ld\n", ctl(SET_TARGET, -1, 0, 0, 0));
  say("assume", ctl(ASSUME, 0, 0, 0, 0));
  say("assume key", ctl(ASSUME, key, 0, 0, 0));
  say("assume ring", ctl(ASSUME, -1, 0, 0, 0));
  say("instantiate", ctl(INSTANTIATE, key, 0, 0, 0));
  say("negate", ctl(NEGATE, key, 1, 0, 0));
  say("reject", ctl(REJECT, key, 1, EACCES, 0));
  say("operation", ctl(99, 0, 0, 0, 0));
}

static void children(void) {
  long session = ctl(GET_ID, SESSION, 0, 0, 0);
  long thread = ctl(GET_ID, THREAD, 1, 0, 0), process = ctl(GET_ID, PROCESS, 1, 0, 0);
  fflush(stdout);
  if (fork() == 0) {
    printf("child session %d\n", ctl(GET_ID, SESSION, 0, 0, 0) == session);
    say("child thread", ctl(GET_ID, THREAD, 0, 0, 0));
    say("child process", ctl(GET_ID, PROCESS, 0, 0, 0));
    say("parent's", ctl(READ, thread, 0, 0, 0));
    long own = ctl(JOIN, 0, 0, 0, 0);
    printf("own session %d\n", own > 0 && own != session);
    describe("joined", SESSION);
    printf("named %d\n", ctl(JOIN, (long)"named-of-test", 0, 0, 0) > 0);
    describe("joined", SESSION);
    say("dotted", ctl(JOIN, (long)".named", 0, 0, 0));
    fflush(stdout);
    _exit(0);
  }
  wait(0);
  printf("session kept %d\n", ctl(GET_ID, SESSION, 0, 0, 0) == session);
  fflush(stdout);
  if (fork() == 0) {
    if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0) _exit(1);
    describe("other user", process);
    say("other user reads", ctl(READ, process, 0, 0, 0));
    describe("own", USER);
    long key = add("user", "mine", "v", 1, PROCESS);
    say("chown", ctl(CHOWN, key, 0, -1, 0));
    say("chgrp", ctl(CHOWN, key, -1, 0, 0));
    int i = 0;
    char name[20];
    for (; i < 300; i++) {
      snprintf(name, sizeof name, "key%d", i);
      if (add("user", name, "v", 1, PROCESS) < 0) break;
    }
    say("quota", -1);
    printf("below 200: %d\n", i > 100 && i < 200);
    fflush(stdout);
    _exit(0);
  }
  wait(0);
}

int main(void) {
  say("join", ctl(JOIN, 0, 0, 0, 0));
  keys();
  rings();
  rules();
  children();
  return 0;
}
