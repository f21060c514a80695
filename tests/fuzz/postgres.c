// Messages of PostgreSQL's servers. Input: 'S' or 'X', the protocol of a query, or 'I', none; then messages one behind
// the other.
#include "../../locust.h"
#include "../check.h"

/* All that a test may look at is there. */
static void look(const locust__pg_answer *a)
{
    const locust_pg_result *r = &a->as;
    const char *const texts[] = {
        r->sqlstate, r->message, r->detail, r->hint, r->command, r->notice};
    size_t all = r->error ? strlen(r->error) : 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        all += strlen(texts[i]);
    MUST(r->affected >= 0 && r->n_rows >= 0 && r->n_columns >= 0);
    for (int row = 0; row < r->n_rows && row < 20; row++)
        for (int i = 0; i < r->n_columns; i++) {
            const char *value = locust_pg_value(r, row, i);
            all += value ? strlen(value) : 0;
        }
    for (int i = 0; i < r->n_columns && i < 100; i++) {
        const char *name = locust_pg_column(r, i);
        MUST(name);
        all += strlen(name);
    }
    MUST(all < 1 << 20);
    MUST(a->text.len + a->cells.len <= a->max_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    locust__pg_answer a;
    size_t left = n ? n - 1 : 0;
    char *bytes = left ? memcpy(malloc(left), data + 1, left) : NULL, *at = bytes;
    const char *why = NULL;
    memset(&a, 0, sizeof a);
    locust__pg_answer_begin(&a,
        n && *data == 'I'   ? LOCUST__PG_PHASE_IDLE
        : n && *data == 'X' ? LOCUST__PG_PHASE_EXTENDED
                            : LOCUST__PG_PHASE_SIMPLE,
        1000);
    while (left && !why) {
        locust__view body = {NULL, 0};
        int64_t took = locust__pg_frame(at, left, &body);
        for (size_t k = 0; k < left && k < 16; k++) { // cut, it is no other message
            locust__view unused;
            int64_t less = locust__pg_frame(at, k, &unused);
            MUST(!less || less == took);
        }
        if (took <= 0 || took > (int64_t)left)
            break;
        MUST(body.len == (size_t)took - 5 && body.ptr == at + 5);
        if (*at == 'E' || *at == 'N') {
            locust__pg_report e;
            char sentence[LOCUST__PG_SENTENCE];
            if (locust__pg_report_read(body, &e)) {
                locust__pg_report_sentence(&e, sentence);
                MUST(strlen(sentence) < sizeof sentence && *sentence);
                for (const char *p = sentence; *p; p++)
                    MUST((unsigned char)*p >= ' ');
            }
        }
        why = locust__pg_answer_take(&a, *at, body);
        at += took;
        left -= (size_t)took;
    }
    locust__pg_answer_end(&a, why);
    look(&a);
    locust__pg_answer_free(&a);
    free(bytes);
    return 0;
}
