/* ============================================================================================
 * >>hlog  a log of HdrHistogram, beside --hgrm
 *
 * Purpose     the histogram of the total and of each row in HdrHistogram's V2 encoding, base64, one
 *             a line of its log format: what its own libraries add up, compare and plot.
 * Invariants  a value is in nanoseconds, with three significant digits: no time moves by more than
 *             0.05 % from where this program has it.
 * Cost        one walk over each histogram; no table of counts is made.
 * Names       locust__hlog_
 * Uses        >>entry >>stats >>figures
 * Sources     HdrHistogram's description of its encoding and of its log format (version 1.3); RFC
 *             1950 and 1951, of which stored blocks suffice: counts as LEB128 are small already.
 * Limits      HdrHistogram's readers take times as counted, so that those that were cut at the end
 *             are not in it. A tag has '_' for what no tag may hold.
 *
 *   compressed   | 1c849314 | length | zlib: payload with its head |
 *   payload      | 1c849313 | length | 0 | digits | lowest | highest | 1.0 | counts as LEB128 |
 *
 *   A negative number among the counts is a run of so many zeros.
 * ============================================================================================ */

enum { LOCUST__HLOG_DIGITS = 3, LOCUST__HLOG_HALF_BITS = 10 }; // 1,024 counts for each doubling

static void locust__hlog_put(locust__buf *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        locust__buf_add(out, &byte, 1);
    }
}

/* A number of any sign: seven bits a byte, the lowest first; the ninth byte has eight. */
static void locust__hlog_number(locust__buf *out, int64_t n)
{
    uint64_t zigzag = n < 0 ? ~((uint64_t)n << 1) : (uint64_t)n << 1;
    for (int i = 0; i < 9; i++) {
        unsigned char byte = (unsigned char)(zigzag & (i < 8 ? 0x7F : 0xFF));
        zigzag >>= 7;
        if (i < 8 && zigzag)
            byte |= 0x80;
        locust__buf_add(out, &byte, 1);
        if (i < 8 && !zigzag)
            return;
    }
}

/* Where HdrHistogram counts a value: its top bit says which bucket, ten bits below that which count
 * of it. */
static int64_t locust__hlog_index(int64_t ns)
{
    uint64_t v = (uint64_t)ns;
    int top = 63 - __builtin_clzll(v | ((2u << LOCUST__HLOG_HALF_BITS) - 1));
    int bucket = top - LOCUST__HLOG_HALF_BITS;
    return ((int64_t)bucket << LOCUST__HLOG_HALF_BITS) + (int64_t)(v >> bucket);
}

/* The counts; times above max_ns, which the middle of a bucket may be, are that. */
static void locust__hlog_counts(locust__buf *out, const locust__hist *h, int64_t max_ns)
{
    int64_t at = -1, next, ns; // at: the index that `sum` is of
    uint64_t sum = 0, count;
    for (size_t bucket = 0; locust__hist_next(h, &bucket, &ns, &count);) {
        next = locust__hlog_index(ns < max_ns ? ns : max_ns);
        if (next != at) {
            if (sum)
                locust__hlog_number(out, (int64_t)sum);
            if (next - at == 2)
                locust__hlog_number(out, 0);
            else if (next - at > 2)
                locust__hlog_number(out, -(next - at - 1));
            at = next;
            sum = 0;
        }
        sum += count;
    }
    if (sum)
        locust__hlog_number(out, (int64_t)sum);
}

/* The payload with its head. */
static void locust__hlog_payload(locust__buf *out, const locust__hist *h, int64_t max_ns)
{
    size_t length_at;
    locust__hlog_put(out, 0x1C849313, 4);
    length_at = out->len;
    locust__hlog_put(out, 0, 4);
    locust__hlog_put(out, 0, 4); // the offset of a normalized histogram
    locust__hlog_put(out, LOCUST__HLOG_DIGITS, 4);
    locust__hlog_put(out, 1, 8);                                        // lowest value
    locust__hlog_put(out, (uint64_t)LOCUST__HIST_MAX_US * 1000 * 2, 8); // highest
    locust__hlog_put(out, (uint64_t)0x3FF00000 << 32, 8);               // ratio to a double: 1.0
    locust__hlog_counts(out, h, max_ns);
    if (out->failed)
        return;
    for (size_t i = 0; i < 4; i++)
        out->ptr[length_at + i] = (char)((out->len - 40) >> (24 - 8 * i));
}

/* Adler-32, RFC 1950 8.2. */
static uint32_t locust__hlog_adler(locust__view v)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < v.len; i++) {
        a = (a + (unsigned char)v.ptr[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* A zlib stream of stored blocks. */
static void locust__hlog_zlib(locust__buf *out, locust__view v)
{
    uint32_t adler = locust__hlog_adler(v);
    locust__hlog_put(out, 0x7801, 2);
    do {
        size_t n = v.len < 65535 ? v.len : 65535;
        const unsigned char head[5] = {n == v.len, (unsigned char)n, (unsigned char)(n >> 8),
            (unsigned char)~n, (unsigned char)(~n >> 8)};
        locust__buf_add(out, head, sizeof head);
        locust__buf_add(out, v.ptr, n);
        v = locust__view_skip(v, n);
    } while (v.len);
    locust__hlog_put(out, adler, 4);
}

/* The histogram as base64. */
static void locust__hlog_encode(locust__buf *out, const locust__hist *h, int64_t max_ns)
{
    locust__buf payload = {NULL, 0, 0, false}, packed = {NULL, 0, 0, false};
    locust__hlog_payload(&payload, h, max_ns);
    locust__hlog_put(&packed, 0x1C849314, 4);
    locust__hlog_put(&packed, 0, 4);
    if (!payload.failed)
        locust__hlog_zlib(&packed, (locust__view){payload.ptr, payload.len});
    out->failed |= payload.failed || packed.failed;
    for (size_t i = 0; i < 4 && !packed.failed; i++)
        packed.ptr[4 + i] = (char)((packed.len - 8) >> (24 - 8 * i));
    if (!out->failed)
        locust__base64_encode(out, (locust__view){packed.ptr, packed.len});
    locust__buf_free(&payload);
    locust__buf_free(&packed);
}

/* A line; `method` and `name` are its tag, NULL: it has none. */
static void locust__hlog_line(locust__buf *out, const char *method, const char *name,
    const locust__hist *h, int64_t max_ns, double seconds)
{
    size_t from;
    if (name) {
        locust__buf_puts(out, "Tag=");
        from = out->len;
        locust__buf_puts(out, method);
        locust__buf_puts(out, *method ? "_" : "");
        locust__buf_puts(out, name);
        for (size_t i = from; !out->failed && i < out->len; i++) {
            unsigned char c = (unsigned char)out->ptr[i];
            out->ptr[i] = c <= ' ' || c == ',' || c == 127 ? '_' : (char)c;
        }
        locust__buf_puts(out, ",");
    }
    locust__buf_printf(out, "0.000,%.3f,%.3f,", seconds, (double)max_ns / 1e6);
    locust__hlog_encode(out, h, max_ns);
    locust__buf_puts(out, "\n");
}

/* Writes the whole log: the total, the total from the intended start, each row. */
LOCUST__COLD static void locust__hlog_write(locust__buf *out, locust_env *env)
{
    locust__request_stats *st = &env->stats;
    double seconds = (double)(st->last_ns - st->start_ns) / 1e9;
    int64_t began_ns = st->start_ns + env->loop.epoch_ns;
    size_t n;
    locust__entry **rows = locust__figures_rows(st, &n);
    locust__buf_puts(out, "#[Histogram log format version 1.3]\n#[StartTime: ");
    locust__buf_printf(out, "%.3f (seconds since epoch), ", (double)began_ns / 1e9);
    locust__figures_time(out, began_ns);
    locust__buf_puts(out, "]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                          "\"Interval_Compressed_Histogram\"\n");
    locust__hlog_line(out, NULL, NULL, &st->total.hist, st->total.max_ns, seconds);
    if (st->total.intended)
        locust__hlog_line(
            out, "", "intended", &st->total.intended->hist, st->total.intended->max_ns, seconds);
    for (size_t i = 0; rows && i + 1 < n; i++)
        locust__hlog_line(
            out, rows[i]->method, rows[i]->name, &rows[i]->hist, rows[i]->max_ns, seconds);
    out->failed |= !rows;
    LOCUST_FREE(rows);
}
