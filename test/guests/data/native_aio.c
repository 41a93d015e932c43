/* Native asynchronous I/O, io_setup(2) and its relatives: results, errors, order. */
#include "check.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static long setup(unsigned count, aio_context_t *context) {
  return syscall(SYS_io_setup, count, context);
}
static long submit(aio_context_t context, long count, struct iocb **requests) {
  return syscall(SYS_io_submit, context, count, requests);
}
static long events(aio_context_t context, long least, long most, struct io_event *out,
                   struct timespec *timeout) {
  return syscall(SYS_io_getevents, context, least, most, out, timeout);
}
#define BAD ((void *)-1)

int main(void) {
  aio_context_t context = 0, other = 1;
  T(setup(0, &context));
  T(setup(1, BAD));
  T(setup(1, &other));
  T(setup(0x20000000, &context));
  T(setup(1000000, &context));
  T(setup(8, &context));
  IS(context != 0);

  char out[64] = "written by a request", in[64] = {0}, more[64] = {0};
  int fd = open("file", O_RDWR | O_CREAT, 0600), counter = eventfd(0, 0);
  struct iovec vectors[2] = {{more, 7}, {more + 32, 20}};
  struct iocb write_it = {.aio_data = 1, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd,
                          .aio_buf = (uintptr_t)out, .aio_nbytes = 21, .aio_offset = 3,
                          .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = counter};
  struct iocb read_it = {.aio_data = 2, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd,
                         .aio_buf = (uintptr_t)in, .aio_nbytes = 64, .aio_offset = 3};
  struct iocb vector_it = {.aio_data = 3, .aio_lio_opcode = IOCB_CMD_PREADV, .aio_fildes = fd,
                           .aio_buf = (uintptr_t)vectors, .aio_nbytes = 2, .aio_offset = 3};
  struct iocb *list[] = {&write_it, &read_it, &vector_it};
  struct io_event done[8];
  struct timespec none = {0, 0}, soon = {0, 2000000};
  T(submit(context, 0, list));
  T(events(context, 0, 8, done, &none));
  for (int i = 0; i < 3; i++) {
    T(submit(context, 1, list + i));
    T(events(context, 1, 8, done, NULL));
    printf("data %llu res %lld res2 %lld mine %d\n", done[0].data, done[0].res, done[0].res2,
           done[0].obj == (uintptr_t)list[i]);
  }
  printf("%s; %s; %s\n", in, more, more + 32);
  uint64_t count;
  T(read(counter, &count, 8));
  printf("signalled %lu\n", (unsigned long)count);
  T(lseek(fd, 0, SEEK_CUR));

  T(submit(context, 3, list));
  T(events(context, 2, 2, done, NULL));
  T(events(context, 1, 8, done, NULL));
  T(events(context, 1, 8, done, &soon));

  /* Refused as a whole, or from the first wrong one on. */
  T(submit(0, 1, list));
  T(submit(context, -1, list));
  T(submit(context, 1, BAD));
  struct iocb *wrong_place[] = {&read_it, BAD};
  T(submit(context, 2, wrong_place));
  T(submit(context, 1, wrong_place + 1));
  T(events(context, 1, 8, done, NULL));
#define REFUSED(field, value)            \
  do {                                   \
    struct iocb copy = read_it;          \
    struct iocb *at = &copy;             \
    copy.field = value;                  \
    printf(#field " " #value ": ");      \
    T(submit(context, 1, &at));          \
  } while (0)
  REFUSED(aio_fildes, 99);
  REFUSED(aio_lio_opcode, 99);
  REFUSED(aio_reserved2, 1);
  REFUSED(aio_nbytes, -1);
  REFUSED(aio_offset, -1);
  int reader = open("file", O_RDONLY), writer = open("file", O_WRONLY), folder = open(".", O_RDONLY);
  REFUSED(aio_fildes, writer);
  REFUSED(aio_fildes, folder);
  write_it.aio_fildes = reader;
  T(submit(context, 1, list));
  write_it.aio_fildes = fd;
  write_it.aio_resfd = fd;
  T(submit(context, 1, list));
  write_it.aio_resfd = 99;
  T(submit(context, 1, list));
  T(events(context, 0, 8, done, &none));

  T(events(0, 0, 1, done, NULL));
  T(events(context, 2, 1, done, NULL));
  T(events(context, -1, 1, done, NULL));
  T(events(context, 0, -1, done, NULL));
  T(events(context, 0, 8, done, BAD));
  struct iocb sync_it = {.aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = fd};
  struct iocb *sync_list[] = {&sync_it};
  T(submit(context, 1, sync_list));
  T(events(context, 1, 8, BAD, NULL));
  T(events(context, 1, 8, done, NULL));
  printf("sync %lld\n", done[0].res);
  sync_it.aio_nbytes = 1;
  T(submit(context, 1, sync_list));

  T(syscall(SYS_io_cancel, context, NULL, done));
  T(syscall(SYS_io_cancel, context, &read_it, done));
  /* A context is the process's own. */
  fflush(stdout);
  if (fork() == 0) {
    T(events(context, 0, 1, done, &none));
    _exit(0);
  }
  wait(NULL);
  T(syscall(SYS_io_destroy, context));
  T(syscall(SYS_io_destroy, context));
  T(syscall(SYS_io_destroy, -1));
  T(submit(context, 1, list));
  return 0;
}
