/* sys/event.h - declares kqueue, as FreeBSD's kqueue(2) describes it, so that a Linux machine can compile
 * the code for it. Nothing here can be linked or run. */
#ifndef KQUEUE_SYS_EVENT_H
#define KQUEUE_SYS_EVENT_H
#include <stdint.h>
#include <time.h>

struct kevent {
    uintptr_t ident;
    short filter;
    unsigned short flags;
    unsigned int fflags;
    int64_t data;
    void *udata;
};

#define EV_SET(event, a, b, c, d, e, f)                                                         \
    (*(event) = (struct kevent){(uintptr_t)(a), (short)(b), (unsigned short)(c), (unsigned)(d), \
         (int64_t)(e), (f)})
enum { EVFILT_READ = -1, EVFILT_WRITE = -2 };
enum { EV_ADD = 1, EV_DELETE = 2, EV_CLEAR = 0x20, EV_ERROR = 0x4000, EV_EOF = 0x8000 };

int kqueue(void);
int kevent(int fd, const struct kevent *changes, int n_changes, struct kevent *events, int n_events,
    const struct timespec *timeout);
#endif
