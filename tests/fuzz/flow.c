// Streamed answers. Input: o, l, t or m for the kind, e or j for events or lines of JSON, then the body. Whole, byte
// by byte and in two pieces it comes to the same.
#include "../../locust.h"
#include "../check.h"

typedef struct result {
    uint64_t events, chunks, reasoning;
    int64_t output, input;
    bool ended, whole;
    size_t text;
} result;

static locust_stream_mark mark(void *arg, const locust_sse_event *event)
{
    (void)arg;
    return (locust_stream_mark)((unsigned char)*event->data % 5);
}

static result take(char kind, bool lines, const char *bytes, size_t n, size_t piece)
{
    static locust__loop loop;
    static locust__services services = {.loop = &loop};
    static locust__net net = {.loop = &loop};
    static locust__session session;
    locust__conn conn = {.stream = {.net = &net}};
    locust__client client = {.services = &services, .session = &session};
    bool own = kind != 'o' && kind != 'l' && kind != 't';
    locust_request req = {.on_mark = own ? mark : NULL};
    locust__exchange x = {.req = &req, .conn = &conn};
    locust__response_head head = {.status = 200};
    const struct locust_stream_kind *of = kind == 'o'   ? &locust__flow_openai
                                          : kind == 'l' ? &locust__flow_ollama
                                          : kind == 't' ? &locust__flow_tgi
                                                        : &locust__flow_marked;
    locust_error error;
    locust__flow_state *f;
    result r;
    loop.now_ns = 1; // when all bytes came
    error = of->begin(&client, &x, of);
    f = locust__flow_state_of(x.flow);
    MUST(error == LOCUST_OK);
    of->open(x.flow, &head);
    f->lines = lines;
    f->opened = true;
    for (size_t at = 0; at < n && !error; at += piece) {
        size_t some = n - at < piece ? n - at : piece;
        char *copy = malloc(some); // so that ASan sees what is read behind it
        memcpy(copy, bytes + at, some);
        error = f->sink.take(&f->sink, copy, some);
        free(copy);
    }
    MUST(!error || error == LOCUST_ERR_CANCELLED || error == LOCUST_ERR_HTTP_BODY_SIZE);
    if (error == LOCUST_ERR_CANCELLED) {
        MUST(f->flow.why && x.body_out.sse.stopped);
        error = LOCUST_OK;
    }
    error = of->end(x.flow, &head, error);
    MUST(error || f->ended);
    MUST(error != LOCUST_ERR_HTTP_STREAM || f->flow.why);
    r = (result){f->events, f->chunks, f->reasoning, f->usage_output, f->usage_input, f->ended,
        !error, client.block.len};
    MUST(f->chunks <= f->events && f->reasoning <= f->chunks && f->reads <= f->events);
    MUST(f->gaps.total == (f->chunks ? f->chunks - 1 : 0));
    MUST(client.response.stream.events >= 0 && client.response.stream.output_tokens >= 0);
    client.broken = "do not count";
    x.flow->kind->count(x.flow, error);
    locust__buf_free(&client.block);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    result whole, bytes, halves;
    const char *body = (const char *)data + 2;
    if (size < 3)
        return 0;
    size -= 2;
    whole = take((char)data[0], data[1] == 'j', body, size, size);
    bytes = take((char)data[0], data[1] == 'j', body, size, 1);
    halves = take((char)data[0], data[1] == 'j', body, size, size / 2 + 1);
    MUST(whole.events == bytes.events && whole.chunks == bytes.chunks &&
         whole.reasoning == bytes.reasoning);
    MUST(whole.output == bytes.output && whole.input == bytes.input && whole.text == bytes.text);
    MUST(whole.ended == bytes.ended && whole.whole == bytes.whole);
    MUST(halves.events == bytes.events && halves.chunks == bytes.chunks &&
         halves.text == bytes.text);
    return 0;
}
