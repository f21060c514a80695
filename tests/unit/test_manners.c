// What a server does with its connections: counts of each origin, the count of requests after which most
// connections were closed, pauses within answers.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static void origins(void)
{
    locust__arena arena = {NULL};
    locust__origin a = {.port = 1}, b = {.port = 2};
    locust__manners *all = NULL, *of_a, *of_b;
    CHECK(!locust__manners_most(all, LOCUST__MANNER_408));
    of_a = locust__manners_of(&all, &arena, &a);
    of_b = locust__manners_of(&all, &arena, &b);
    CHECK(of_a && of_b && of_a != of_b);
    CHECK(locust__manners_of(&all, &arena, &a) == of_a);
    CHECK(locust__manners_of(&all, &arena, &b) == of_b);
    CHECK(!locust__manners_most(all, LOCUST__MANNER_408));
    of_a->n[LOCUST__MANNER_408] = 1;
    CHECK(locust__manners_most(all, LOCUST__MANNER_408) == of_a);
    of_b->n[LOCUST__MANNER_408] = 2;
    CHECK(locust__manners_most(all, LOCUST__MANNER_408) == of_b);
    CHECK(!locust__manners_most(all, LOCUST__MANNER_SHUT));
    blocks_fail_in = 0;
    CHECK(!locust__manners_of(&all, &arena, &(locust__origin){.port = 3}));
    CHECK(locust__manners_of(&all, &arena, &a) == of_a);
    locust__arena_free(&arena);
}

static void counts(void)
{
    static const struct {
        const char *name;
        int served[12]; // 0: the end
        int most, most_n, min, max;
    } rows[] = {
        {"one", {7}, 7, 1, 7, 7},
        {"all the same", {100, 100, 100}, 100, 3, 100, 100},
        {"another first", {1, 100, 100, 100, 100, 100, 100, 100}, 100, 7, 1, 100},
        {"another last", {100, 100, 100, 100, 3}, 100, 4, 3, 100},
        {"another in between", {100, 100, 250, 100, 100, 100}, 100, 5, 100, 250},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__manners m = {.next = NULL};
        int n = 0;
        CHECK_ROW(rows[i].name);
        for (; rows[i].served[n]; n++)
            locust__manners_closed(&m, rows[i].served[n], 0);
        CHECK_INT(m.n[LOCUST__MANNER_CLOSED], n);
        CHECK_INT(m.n[LOCUST__MANNER_IDLED], 0);
        CHECK_INT(m.served, rows[i].most);
        CHECK_INT(m.served_n, rows[i].most_n);
        CHECK_INT(m.served_min, rows[i].min);
        CHECK_INT(m.served_max, rows[i].max);
    }
}

static void idle(void)
{
    locust__manners m = {.next = NULL};
    locust__manners_closed(&m, 4, 99 * LOCUST__MS); // came with the answer, or on the way back
    CHECK_INT(m.n[LOCUST__MANNER_IDLED], 0);
    locust__manners_closed(&m, 4, -5 * LOCUST__MS); // found before the answer's time was known
    CHECK_INT(m.n[LOCUST__MANNER_CLOSED], 2);
    locust__manners_closed(&m, 9, 5 * LOCUST__S);
    locust__manners_closed(&m, 9, 5001 * LOCUST__MS);
    locust__manners_closed(&m, 1, 4999 * LOCUST__MS);
    CHECK_INT(m.n[LOCUST__MANNER_CLOSED], 2);
    CHECK_INT(m.n[LOCUST__MANNER_IDLED], 3);
    CHECK_INT(m.idle_min_ns, 4999 * LOCUST__MS);
    CHECK_INT(m.idle_max_ns, 5001 * LOCUST__MS);
}

static void pauses(void)
{
    static const struct {
        const char *name;
        int pause_ms, whole_ms, paused, uneven;
    } rows[] = {
        {"Linux's delayed ACK", 40, 40, 1, 0},
        {"the same, late", 44, 45, 1, 0},
        {"the rest in several pieces", 41, 50, 1, 0},
        {"a thinking server", 25, 25, 0, 1},
        {"a slow one", 120, 120, 0, 1},
        {"a stream", 40, 400, 0, 1},
        {"a large body", 2, 400, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__manners m = {.next = NULL};
        CHECK_ROW(rows[i].name);
        locust__manners_paused(&m, rows[i].pause_ms * LOCUST__MS, rows[i].whole_ms * LOCUST__MS);
        CHECK_INT(m.n[LOCUST__MANNER_PAUSED], rows[i].paused);
        CHECK_INT(m.n[LOCUST__MANNER_UNEVEN], rows[i].uneven);
        CHECK_INT(m.pauses_ns, rows[i].paused * rows[i].pause_ms * LOCUST__MS);
    }
}

static void others(void)
{
    locust__manners m = {.next = NULL};
    locust__manners_opened(&m, 3 * LOCUST__MS);
    locust__manners_opened(&m, 1002 * LOCUST__MS);
    CHECK_INT(m.n[LOCUST__MANNER_OPENED], 2);
    CHECK_INT(m.n[LOCUST__MANNER_SLOW], 1);
    locust__manners_shut(&m, 40);
    locust__manners_shut(&m, 33);
    locust__manners_shut(&m, 35);
    CHECK_INT(m.n[LOCUST__MANNER_SHUT], 3);
    CHECK_INT(m.shut_open, 33);
    locust__manners_silent(&m, 2 * LOCUST__S);
    locust__manners_silent(&m, LOCUST__S);
    CHECK_INT(m.n[LOCUST__MANNER_SILENT], 2);
    CHECK_INT(m.silent_ns, 2 * LOCUST__S);
}

TESTS({"an origin's own", origins}, {"closed behind an answer", counts}, {"closed when idle", idle},
    {"pauses", pauses}, {"connects, and connections without an answer", others}, )
