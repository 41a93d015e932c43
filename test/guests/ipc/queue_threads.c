/* mq_notify with SIGEV_THREAD: the C library's thread, and the cookies that the kernel sends it. */
// flags: -lpthread -lrt
#include "check.h"
#include <mqueue.h>
#include <semaphore.h>
#include <sys/socket.h>
static sem_t called; static int told; static void hear(union sigval v) { told = v.sival_int; sem_post(&called); }
int main(void) {
  sem_init(&called, 0, 0); struct mq_attr at = {.mq_maxmsg = 4, .mq_msgsize = 16}; mqd_t q = mq_open("/queue_threads", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &at); mq_unlink("/queue_threads"); IS(q >= 0);
  struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = hear, .sigev_value.sival_int = 42}; char b[64], text[256];
  for (int i = 0; i < 2; i++) { T(mq_notify(q, &e)); T(mq_notify(q, &e)); long n = read(q, text, 255); text[n > 0 ? n : 0] = 0; IS(i || strstr(text, "NOTIFY:2") != 0); T(mq_send(q, "x", 1, 0)); sem_wait(&called); T(told); T(mq_receive(q, b, 64, 0)); e.sigev_value.sival_int++; }
  T(mq_notify(q, &e)); T(mq_notify(q, 0)); T(mq_notify(q, 0));
  int s = socket(AF_NETLINK, SOCK_RAW, 0), u = socket(AF_UNIX, SOCK_STREAM, 0); char cookie[32] = "a cookie of the caller's"; struct { void *value; int fd, notify; char rest[48]; } raw = {cookie, s, SIGEV_THREAD};
#define RAW(f) (raw.fd = f, syscall(SYS_mq_notify, q, &raw))
  T(RAW(999)); T(RAW(0)); T(RAW(u)); T(RAW(q)); raw.value = (void *)8; T(RAW(s)); raw.value = cookie; T(RAW(s)); T(recv(s, b, 64, MSG_DONTWAIT)); T(syscall(SYS_mq_notify, q, 0)); T(recv(s, b, 64, MSG_DONTWAIT)); bytes("removed", b, 32);
  T(RAW(s)); cookie[0] = 'A'; T(mq_send(q, "y", 1, 0)); T(recv(s, b, 64, MSG_DONTWAIT | MSG_WAITALL)); bytes("woken", b, 32); T(RAW(s)); close(q); T(recv(s, b, 64, MSG_DONTWAIT)); T(b[31]);
}
