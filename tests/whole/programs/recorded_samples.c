/* Counts the samples of a file, samples.csv: each row once, by whichever user of whichever process takes it.
 * Pauses between them, so that all have a part. */
#include "locust.h"
#include <stdlib.h>

LOCUST_FEEDER(samples, "samples.csv", .order = LOCUST_FEED_UNIQUE);

static void take(locust_user *u)
{
    locust_feed_row row;
    char name[64], ms[32], bytes[32], error[64];
    while (locust_feed(u, &samples, &row)) {
        locust_field(&row, "name", name, sizeof name);
        locust_field(&row, "ms", ms, sizeof ms);
        locust_field(&row, "bytes", bytes, sizeof bytes);
        locust_field(&row, "error", error, sizeof error);
        locust_record(u, &(locust_sample){.method = "GET",
                             .name = name,
                             .elapsed_ms = atof(ms),
                             .length = (size_t)atol(bytes),
                             .error = *error ? error : NULL});
        if (row.number % 100 == 0)
            locust_sleep(u, 0.01);
    }
    locust_sleep(u, 3600);
}

LOCUST_USER(Taker, .tasks = LOCUST_TASKS(LOCUST_TASK(take)));
LOCUST_MAIN(.users = {&Taker})
