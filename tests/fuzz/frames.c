// What comes on an HTTP/2 connection with three requests under way. Input: how many bytes come at once, then bytes.
#include "../../locust.h"
#include "../check.h"

enum { STREAMS = 3 };

typedef struct request {
    locust__h2_stream s; // first
    locust__response_head head;
    locust__buf kept, trailers;
    enum locust__h2_body body;
    int headed;
} request;

static locust_error nothing_comes(locust__layer *layer, char *to, size_t n, size_t *got)
{
    (void)layer;
    (void)to;
    (void)n;
    *got = 0;
    return LOCUST_OK;
}

static locust_error all_goes(locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    (void)layer;
    *sent = 0;
    for (int i = 0; i < n; i++)
        *sent += iov[i].iov_len;
    return LOCUST_OK;
}

static void headed(locust__h2_stream *s)
{
    request *r = (request *)(void *)s;
    MUST(r->headed++ == 0 && r->head.status >= 200 && r->kept.len > 0);
    s->body = r->body;
}

static void check_stream(const request *r)
{
    const locust__h2_stream *s = &r->s;
    MUST(!s->ended || (s->answered && !s->error));
    MUST(s->answered == (r->headed == 1));
    MUST(s->budget <= LOCUST_MAX_HEADER && r->kept.len <= LOCUST_MAX_HEADER + s->got + 64);
    MUST(s->body == LOCUST__H2_BODY_PASS || !s->passed.len);
    MUST(!s->ended || !r->head.framing.sized || s->body == LOCUST__H2_BODY_DROP ||
         s->got == (uint64_t)r->head.framing.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static locust__loop loop;
    static locust__co co;
    static locust__services sv;
    static locust__conn conn;
    static locust__net net;
    locust__layer below = {.recv = nothing_comes, .send = all_goes};
    request requests[STREAMS] = {{.headed = 0}};
    size_t step = n ? (size_t)*data + 1 : 1, at = 1, have = 0;
    char *bytes = malloc(n + 1);
    locust__h2 *h2;
    memset(&loop, 0, sizeof loop);
    memset(&conn, 0, sizeof conn);
    loop.current = &co;
    sv.loop = &loop;
    net.loop = &loop;
    conn.stream.net = &net;
    conn.stream.fd.watch.fd = -1;
    conn.stream.fd.watch.writable = true;
    locust__layer_push(&below, &conn.stream);
    h2 = locust__h2_open(&sv, &conn);
    for (int i = 0; i < STREAMS; i++) {
        request *r = &requests[i];
        r->s.head = &r->head;
        r->s.kept = &r->kept;
        r->s.trailers = i ? &r->trailers : NULL;
        r->s.budget = LOCUST_MAX_HEADER;
        r->s.headed = headed;
        r->body = (enum locust__h2_body)i;
        locust__h2_stream_open(h2, &r->s);
        r->s.said_all = i != 2;
    }
    locust__h2_flush(h2);
    while (at < n && !h2->dead) {
        size_t some = n - at < step ? n - at : step;
        memcpy(bytes + have, data + at, some);
        at += some;
        have += some;
        conn.stream.in = bytes;
        conn.stream.in_len = have;
        locust__h2_read_frames(h2);
        MUST(conn.stream.in_len <= have);
        memmove(bytes, conn.stream.in, conn.stream.in_len);
        have = conn.stream.in_len;
        for (int i = 0; i < STREAMS; i++)
            check_stream(&requests[i]);
        MUST(h2->dead || (h2->credit >= 0 && h2->window <= INT32_MAX && h2->initial <= INT32_MAX));
        MUST(h2->block.len <= LOCUST_MAX_HEADER + LOCUST__H2_FRAME_MAX);
        MUST(h2->fields.size <= h2->fields.limit && h2->n == STREAMS);
        locust__h2_flush(h2);
    }
    for (int i = 0; i < STREAMS; i++) {
        MUST(!h2->dead || requests[i].s.ended || requests[i].s.error);
        locust__buf_free(&requests[i].kept);
        locust__buf_free(&requests[i].trailers);
        locust__buf_free(&requests[i].s.passed);
    }
    h2->layer.close(&h2->layer);
    free(bytes);
    return 0;
}
