/* pair.h - a pair of connected sockets that do not block. Include it behind the parts. */
#ifndef PAIR_H
#define PAIR_H
#include "../check.h"

static inline bool pair(int ends[2])
{
    if (!CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0))
        return false;
    return CHECK_INT(locust__os_nonblocking(ends[0]), 0) &&
           CHECK_INT(locust__os_nonblocking(ends[1]), 0);
}
#endif
