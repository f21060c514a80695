// wrong_clock.c - the wall clock of a machine that does not know the time, linked beside a static
// program for test_bare.py with -Wl,--wrap= and the names of CLOCK_NAMES there.
//   CLOCK_AT=S    the clock says S seconds after 1970 when it is first read
//   CLOCK_SET=S   so many seconds later it is set to the right time
//   CLOCK_SUSPENDED=S   at CLOCK_SET the machine has been suspended for S seconds: the wall clock is right
//                 before, and has gone on meanwhile, as has Linux's CLOCK_BOOTTIME
// Arrival times that the kernel notes (SO_TIMESTAMPNS) are moved with it.
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS        64
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#if defined(__i386__) && defined(__GLIBC__)
#define REAL(name) __asm__("__real___" #name "64")
#define WRAP(name) __asm__("__wrap___" #name "64")
#else
#define REAL(name) __asm__("__real_" #name)
#define WRAP(name) __asm__("__wrap_" #name)
#endif

int real_clock_gettime(clockid_t clock, struct timespec *at) REAL(clock_gettime);
ssize_t real_recvmsg(int fd, struct msghdr *message, int flags) REAL(recvmsg);
int wrap_clock_gettime(clockid_t clock, struct timespec *at) WRAP(clock_gettime);
int wrap_gettimeofday(struct timeval *at, void *zone) WRAP(gettimeofday);
time_t wrap_time(time_t *at) WRAP(time);
ssize_t wrap_recvmsg(int fd, struct msghdr *message, int flags) WRAP(recvmsg);

static long long suspended_s; // so far

static struct timespec wrong(struct timespec at)
{
    static time_t first;
    static long long until_ns, offset_s;
    const char *begin = getenv("CLOCK_AT"), *set = getenv("CLOCK_SET");
    long long now_ns = at.tv_sec * 1000000000LL + at.tv_nsec;
    const char *suspended = getenv("CLOCK_SUSPENDED");
    if (!begin && !suspended)
        return at;
    if (!first) {
        first = at.tv_sec;
        offset_s = suspended ? atoll(suspended) : atoll(begin) - first;
        until_ns = now_ns + (long long)((set ? atof(set) : 1e6) * 1e9);
    }
    if ((now_ns < until_ns) == !suspended)
        at.tv_sec += (time_t)offset_s;
    suspended_s = suspended && now_ns >= until_ns ? offset_s : 0;
    return at;
}

int wrap_clock_gettime(clockid_t clock, struct timespec *at)
{
    int rc = real_clock_gettime(clock, at);
#ifdef CLOCK_REALTIME_COARSE
    if (clock == CLOCK_REALTIME_COARSE)
        clock = CLOCK_REALTIME;
#endif
    if (rc == 0 && clock == CLOCK_REALTIME)
        *at = wrong(*at);
#ifdef CLOCK_BOOTTIME
    if (rc == 0 && clock == CLOCK_BOOTTIME)
        at->tv_sec += (time_t)suspended_s;
#endif
    return rc;
}

int wrap_gettimeofday(struct timeval *at, void *zone)
{
    struct timespec now;
    (void)zone;
    if (wrap_clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t wrap_time(time_t *at)
{
    struct timespec now;
    if (wrap_clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

ssize_t wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t n = real_recvmsg(fd, message, flags);
    struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(message) : NULL;
    for (; c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(c), sizeof at);
            at = wrong(at);
            memcpy(CMSG_DATA(c), &at, sizeof at);
        }
    return n;
}
