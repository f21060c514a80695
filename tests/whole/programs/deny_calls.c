// deny_calls.c - runs a command under a seccomp filter that refuses system calls, as an old kernel
// does (ENOSYS) or a container's filter (EPERM), for test_bare.py.
//   deny_calls ENOSYS|EPERM CALL[,CALL...] COMMAND...    CALL as in the table below
//   deny_calls list                                      prints those that this machine has
// Ends with 77 where no filter may be set, and says why.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ANY = -1 };

#define CALL(name_) .name = #name_, .number = SYS_##name_, .argument = ANY

static const struct {
    const char *name;
    unsigned number;
    int argument; // the one that must have the value; ANY: none
    unsigned value;
} calls[] = {
#ifdef SYS_epoll_pwait2
    {CALL(epoll_pwait2)},
#endif
#ifdef SYS_rseq
    {CALL(rseq)},
#endif
#ifdef SYS_clone3
    {CALL(clone3)},
#endif
#ifdef SYS_io_uring_setup
    {CALL(io_uring_setup)},
#endif
#ifdef SYS_close_range
    {CALL(close_range)},
#endif
    {CALL(epoll_create1)},
    {CALL(getrandom)},
    {CALL(statx)},
    {CALL(accept4)},
    {CALL(eventfd2)},
    {CALL(signalfd4)},
    {CALL(timerfd_create)},
    {CALL(memfd_create)},
    {CALL(sendmmsg)},
    {CALL(recvmmsg)},
    {CALL(membarrier)},
    {CALL(set_robust_list)},
    {CALL(madvise)},
    {CALL(prctl)},
    {CALL(prlimit64)},
    {CALL(sigaltstack)},
    {CALL(uname)},
    {CALL(pipe2)},
    {CALL(ioctl)},
    {CALL(getrusage)},
    {"madvise-guard", SYS_madvise, 2, 102},
    {"prctl-timerslack", SYS_prctl, 0, PR_SET_TIMERSLACK},
    {"setsockopt-timestampns", SYS_setsockopt, 2, 35},
};

static struct sock_filter program[512];
static unsigned short n;

static void add(unsigned short code, unsigned k, unsigned char otherwise_skip)
{
    program[n++] = (struct sock_filter){code, 0, otherwise_skip, k};
}

static int refuse(const char *name, unsigned number)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].name, name) != 0)
            continue;
        add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0);
        add(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, calls[i].argument == ANY ? 1 : 3);
        if (calls[i].argument != ANY) { // its low half, on a little-endian machine
            add(BPF_LD | BPF_W | BPF_ABS,
                (unsigned)(offsetof(struct seccomp_data, args) + 8 * (size_t)calls[i].argument), 0);
            add(BPF_JMP | BPF_JEQ | BPF_K, calls[i].value, 1);
        }
        add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number, 0);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
            puts(calls[i].name);
        return 0;
    }
    if (argc < 4)
        return 99;
    for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ","))
        if (!refuse(name, strcmp(argv[1], "EPERM") == 0 ? EPERM : ENOSYS))
            return 99;
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0);
    struct sock_fprog filter = {.len = n, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        printf("no seccomp filter may be set: %s\n", strerror(errno));
        return 77;
    }
    execv(argv[3], argv + 3);
    perror(argv[3]);
    return 99;
}
