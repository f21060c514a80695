/* ============================================================================================
 * >>since  what was counted since the last look
 *
 * Purpose     the figures of an interval, for each row that is looked at again and again.
 * Cost        a copy of the histogram for each row.
 * Names       locust__since locust__since_
 * Uses        >>entry >>stats
 * ============================================================================================ */

typedef struct locust__since_row { // a row as it was at the last look
    locust__hist hist;
    uint64_t requests, failures, bytes;
} locust__since_row;

typedef struct locust__since {
    locust__since_row **rows; // of the total, of "(other)", then by the rows' index
    size_t n, cap;
    // Of the row that was looked at last, since the look before.
    locust__hist hist;
    uint64_t requests, failures, bytes;
} locust__since;

static void locust__since_free(locust__since *s)
{
    for (size_t i = 0; i < s->n; i++) {
        locust__hist_free(&s->rows[i]->hist);
        LOCUST_FREE(s->rows[i]);
    }
    LOCUST_FREE(s->rows);
    locust__hist_free(&s->hist);
    memset(s, 0, sizeof *s);
}

/* The place of a row, made at the first look with those before it. NULL: no memory. */
static locust__since_row *locust__since_place(
    locust__since *s, const locust__request_stats *st, const locust__entry *row)
{
    size_t i = row == &st->total ? 0 : row == &st->other ? 1 : row->index + 2;
    while (s->n <= i) {
        locust__since_row **rows = locust__memory_grow(s->rows, sizeof *rows, s->n, &s->cap);
        if (!rows)
            return NULL;
        s->rows = rows;
        rows[s->n] = locust__memory_zalloc(sizeof **rows);
        if (!rows[s->n])
            return NULL;
        s->n++;
    }
    return s->rows[i];
}

/* Finds what a row counted since the last look at it. After a reset of the statistics that is all
 * there is. False: no memory, and all of it is 0. */
static bool locust__since_look(
    locust__since *s, const locust__request_stats *st, const locust__entry *row)
{
    locust__since_row *was = locust__since_place(s, st, row);
    bool good = was != NULL;
    locust__hist_reset(&s->hist);
    s->requests = s->failures = s->bytes = 0;
    if (!was)
        return false;
    if (row->requests < was->requests) {
        locust__hist_reset(&was->hist);
        was->requests = was->failures = was->bytes = 0;
    }
    s->requests = row->requests - was->requests;
    s->failures = row->failures - was->failures;
    s->bytes = row->bytes - was->bytes;
    was->requests = row->requests;
    was->failures = row->failures;
    was->bytes = row->bytes;
    good = locust__hist_add(&s->hist, &row->hist);
    locust__hist_since(&s->hist, &was->hist);
    locust__hist_reset(&was->hist);
    return locust__hist_add(&was->hist, &row->hist) && good;
}
