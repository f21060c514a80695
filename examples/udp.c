/* A protocol of one's own over UDP: numbered datagrams that the server sends back, some of them lost.
 *
 *   cc -O2 -I.. udp.c -o udp && ./udp --headless -u 100 -r 100 -t 30s -H udp://127.0.0.1:7777
 *
 * Shows: datagrams, a time limit, an answer that came too late told from the right one, operations in
 * the statistics. (custom_protocol.c does the like over TCP.) */
#include "locust.h"
#include <stdio.h>
#include <string.h>

struct pinger {
    locust_stream *s;
    unsigned long n;
};

static void dial(locust_user *u)
{
    struct pinger *p = u->data;
    p->s = locust_connect(u, u->host);
    if (!p->s)
        locust_fail(u, "out of memory");
    locust_set_timeout(p->s, 0.2); /* of each read and write: what is not there then is lost */
}

static void ping(locust_user *u)
{
    struct pinger *p = u->data;
    char out[32], in[32];
    size_t len = (size_t)snprintf(out, sizeof out, "ping %lu", ++p->n);
    LOCUST_MEASURE(u, "UDP", "ping", m) { /* its time runs to the end of the block */
        ptrdiff_t got = locust_write(p->s, out, len) ? 0 : -1;
        do
            if (got >= 0)
                got = locust_read(p->s, in, sizeof in); /* one datagram */
        while (got >= 0 && ((size_t)got != len || memcmp(in, out, len) != 0)); /* an earlier one's */
        if (got < 0)
            m->error = locust_stream_error(p->s);
        else
            m->length = (size_t)got;
    }
}

static void hang_up(locust_user *u)
{
    struct pinger *p = u->data;
    locust_close(p->s);
}

LOCUST_USER(Pinger, .host = "udp://127.0.0.1:7777", .data_size = sizeof(struct pinger),
    .wait_time = LOCUST_CONSTANT(0.01),
    .on_start = dial, .on_stop = hang_up, .tasks = LOCUST_TASKS(LOCUST_TASK(ping)));
LOCUST_MAIN(.users = { &Pinger })
