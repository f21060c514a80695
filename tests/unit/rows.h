/* rows.h - statistics that are told of requests by a clock made by hand. Include it behind the parts, with blocks.h
 * before them. */
#ifndef ROWS_H
#define ROWS_H
#include "../check.h"
#include "blocks.h"

static locust__request_stats st;
static const int64_t MS = 1000000, S = 1000000000, T0 = 1000000000000; // T0: a whole second

static inline void begin(void)
{
    locust__stats_init(&st);
    locust__stats_reset(&st, T0);
}

static inline void end(void)
{
    blocks_fail_in = -1;
    blocks_fail_on = false;
    locust__stats_free(&st);
    CHECK_INT(blocks_live, 0);
}

static inline void request(const char *method, const char *name, int64_t ns, const char *error)
{
    locust__stats_record(&st, method, name, ns, 10, error, T0 + S);
}

static inline locust__entry *row(const char *method, const char *name)
{
    locust__entry *r;
    for (size_t i = 0; (r = locust__stats_entry_at(&st, i)) != NULL; i++)
        if (strcmp(r->method, method) == 0 && strcmp(r->name, name) == 0)
            return r;
    return NULL;
}
#endif
