// Messages of Protocol Buffers, and those inside them: what is read is written again, and read the same.
#include "../../locust.h"
#include "../check.h"

static void walk(const char *bytes, size_t n, int depth)
{
    static char again[8192];
    locust_pb_writer w = LOCUST_PB_WRITER(again);
    locust_pb_reader r = locust_pb_read(bytes, n), back;
    locust_pb_field f, same;
    while (locust_pb_next(&r, &f)) {
        MUST(f.number > 0 && r.at <= r.end && f.bytes &&
             (!f.len || (f.bytes >= bytes && f.bytes + f.len <= bytes + n)));
        w.len = 0;
        if (f.type == LOCUST_PB_INT)
            locust_pb_put_int(&w, f.number, (int64_t)f.value);
        else if (f.type == LOCUST_PB_64)
            locust_pb_put_fixed64(&w, f.number, f.value);
        else if (f.type == LOCUST_PB_32)
            locust_pb_put_fixed32(&w, f.number, (uint32_t)f.value);
        else
            locust_pb_put_bytes(&w, f.number, f.bytes, f.len);
        MUST(!w.failed);
        back = locust_pb_read(w.bytes, w.len);
        MUST(locust_pb_next(&back, &same) && back.at == back.end);
        MUST(same.number == f.number && same.type == f.type && same.value == f.value &&
             same.len == f.len);
        MUST(!f.len || memcmp(same.bytes, f.bytes, f.len) == 0);
        MUST(f.type != LOCUST_PB_INT || locust_pb_sint(&f) == locust_pb_sint(&same));
        if (f.len && depth < 8)
            walk(f.bytes, f.len, depth + 1);
    }
    MUST(r.failed || r.at == r.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *bytes = memcpy(malloc(n + !n), data, n);
    walk(bytes, n, 0);
    free(bytes);
    return 0;
}
