// --summary, as --baseline reads it back: whatever the names are, and whatever stands in the file.
// Input: a file; and, line by line, methods, names and failures of the rows of another one.
#include "../../locust.h"
#include "../check.h"

static locust_env env; // of which a summary's rows need the statistics alone

/* Counts a request for every line: "METHOD NAME", or without a blank a name. Its length is its time. */
static void record(char *text)
{
    char *end = NULL;
    locust__stats_init(&env.stats);
    for (char *line = strtok_r(text, "\n", &end); line; line = strtok_r(NULL, "\n", &end)) {
        char *blank = strchr(line, ' ');
        size_t n = strlen(line);
        if (blank)
            *blank = '\0';
        locust__stats_record(&env.stats, blank ? line : "", blank ? blank + 1 : line,
            (int64_t)(n * n * n) * 1000, n, n % 3 ? NULL : line, 1);
    }
}

static void write_rows(locust__buf *out)
{
    size_t n;
    locust__entry **rows = locust__figures_rows(&env.stats, &n);
    locust__buf_puts(out, "{\"rows\": [");
    for (size_t i = 0; i < n; i++) {
        locust__buf_puts(out, i + 1 == n ? "], \"total\": " : i ? ", " : "");
        locust__summary_row(out, &env, rows[i]);
    }
    locust__buf_puts(out, ", ");
    locust__summary_failures(out, &env.stats);
    locust__summary_exceptions(out, &env.stats);
    locust__buf_add(out, "", 1);
    free(rows);
}

/* What was written is JSON, is read back, and each row finds itself. */
static void check_written(char *text)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__baseline b = {.n = 0};
    locust__view json;
    uint64_t requests = 0;
    size_t n;
    record(text);
    write_rows(&out);
    json = (locust__view){out.ptr, out.len - 1};
    MUST(locust__json_is_valid(json));
    for (locust__view rest = json; rest.len;) {
        uint32_t code;
        const char *at = rest.ptr;
        MUST(locust__text_next(&rest, &code).ptr == at);
    }
    MUST(!locust__baseline_parse(&b, json));
    n = b.n;
    MUST(locust__baseline_match(&b, &env.stats) && b.n == n);
    for (size_t i = 0; i + 1 < n; i++) {
        MUST(b.rows[i].row && b.rows[i].requests == b.rows[i].row->requests);
        MUST(b.rows[i].hist.total == b.rows[i].requests);
        MUST(b.rows[i].failures == b.rows[i].row->failures);
        requests += b.rows[i].requests;
    }
    MUST(b.rows[n - 1].requests == requests && env.stats.total.requests == requests);
    locust__baseline_free(&b);
    locust__buf_free(&out);
    locust__stats_free(&env.stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    locust__baseline b = {.n = 0};
    char *text = malloc(n + 1);
    memcpy(text, data, n);
    text[n] = '\0';
    if (!locust__baseline_parse(&b, (locust__view){text, n}))
        MUST(b.n && locust__baseline_index(&b));
    locust__baseline_free(&b);
    check_written(text);
    free(text);
    return 0;
}
