// Turns of the loop: who sleeps wakes in order and in time, whoever else is busy.
#include "blocks.h"
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "loop.h"

/* -- others are busy -- */

static volatile bool stop_yielding;

static void yields_on(void *arg)
{
    (void)arg;
    while (!stop_yielding)
        locust__co_yield(&loop);
}

static void sleeps_amid(void *arg)
{
    int64_t until = now() + 20 * MS;
    (void)arg;
    CHECK_INT(locust__co_sleep(&loop, until), LOCUST__WAKE_TIMEOUT);
    CHECK(now() >= until);
    stop_yielding = true;
}

static void timers_fire_although_others_are_busy(void)
{
    begin();
    stop_yielding = false;
    for (int i = 0; i < 10; i++)
        start(yields_on, NULL);
    start(sleeps_amid, NULL);
    end();
}

/* -- sleeping -- */

static const int naps_ms[] = {30, 5, 80, 5, 0, 55, 12, 300, 260, 7};
enum { NAPS = sizeof naps_ms / sizeof *naps_ms };
static int64_t nap_base;
static bool naps_late; // one lay down when others might be up already: that shows nothing

static void naps(void *arg)
{
    int i = *(const int *)arg;
    int64_t until = nap_base + naps_ms[i] * MS;
    naps_late = naps_late || now() >= nap_base;
    CHECK_INT(locust__co_sleep(&loop, until), LOCUST__WAKE_TIMEOUT);
    CHECK(now() >= until);
    CHECK(loop.now_ns >= until);
    note((char)('0' + i));
}

static void sleepers_wake_in_order(void)
{
    static int index[NAPS];
    int64_t lead = 5 * MS;
    naps_late = true;
    for (; naps_late && lead < 5 * S; lead *= 2) {
        begin();
        forget();
        naps_late = false;
        nap_base = now() + lead;
        for (int i = 0; i < NAPS; i++) {
            index[i] = i;
            start(naps, &index[i]);
        }
        end();
    }
    CHECK(!naps_late);
    CHECK_INT(traced, NAPS);
    for (size_t i = 1; i < traced; i++)
        CHECK(naps_ms[trace[i - 1] - '0'] <= naps_ms[trace[i] - '0']);
}

enum { LATE = 300 };
static int64_t late_until[LATE];
static int n_late;

static void sleeps_late(void *arg)
{
    int64_t until = nap_base + *(const int64_t *)arg;
    naps_late = naps_late || now() >= nap_base;
    locust__co_sleep(&loop, until);
    late_until[n_late++] = until;
}

/* Keeps the loop, and in between lets it look once or twice. */
static void hogs(void *arg)
{
    int64_t until = nap_base;
    (void)arg;
    for (int i = 0; n_late < LATE; i++) {
        locust__co_sleep(&loop, until);
        while (now() < until + (5 + i * 37 % 90) * MS)
            ;
        until = now() + i % 3 * MS / 3;
    }
}

static void late_sleepers_wake_in_order(void)
{
    static int64_t after[LATE];
    uint64_t seed = 1;
    int64_t lead = 20 * MS;
    naps_late = true;
    for (; naps_late && lead < 5 * S; lead *= 2) {
        begin();
        n_late = 0;
        naps_late = false;
        nap_base = now() + lead;
        for (int i = 0; i < LATE; i++) {
            after[i] = (int64_t)(locust__random_unit(&seed) * 700e6);
            start(sleeps_late, &after[i]);
        }
        start(hogs, NULL);
        end();
    }
    CHECK(!naps_late);
    CHECK_INT(n_late, LATE);
    for (int i = 1; i < n_late; i++) // those of a millisecond may change places
        CHECK(late_until[i - 1] / MS <= late_until[i] / MS);
}

enum { SLEEPERS = 50, SLEEPS = 20 };
static int64_t lateness[SLEEPERS * SLEEPS];
static int n_lateness, n_early;

static void sleeps_often(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    for (int i = 0; i < SLEEPS; i++) {
        int64_t until = now() + (int64_t)(locust__random_unit(&seed) * 20e6);
        locust__co_sleep(&loop, until);
        lateness[n_lateness++] = now() - until;
        n_early += now() < until;
    }
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* A busy machine may spoil a round; the kit has spoilt it if it spoils them all. */
static void sleepers_wake_in_time(void)
{
    int64_t best = INT64_MAX, limit = slow() ? 20 * MS : MS;
    n_early = 0;
    for (int round = 0; round < 20 && best >= limit; round++) {
        begin();
        n_lateness = 0;
        for (uintptr_t i = 0; i < SLEEPERS; i++)
            start(sleeps_often, (void *)(i + 1));
        end();
        CHECK_INT(n_lateness, SLEEPERS * SLEEPS);
        qsort(lateness, (size_t)n_lateness, sizeof *lateness, ascending);
        if (lateness[n_lateness / 2] < best)
            best = lateness[n_lateness / 2];
    }
    CHECK_INT(n_early, 0);
    check_that(CHECK_AT("median lateness"), best < limit, " is %lld us", (long long)(best / US));
}

static void sleeps_to_the_past(void *arg)
{
    (void)arg;
    CHECK_INT(locust__co_sleep(&loop, 0), LOCUST__WAKE_TIMEOUT);
    CHECK_INT(locust__co_sleep(&loop, now() - S), LOCUST__WAKE_TIMEOUT);
    CHECK_INT(locust__co_sleep(&loop, now()), LOCUST__WAKE_TIMEOUT);
    note('.');
}

static void sleeping_to_the_past_is_a_turn(void)
{
    begin();
    forget();
    for (int i = 0; i < 10; i++)
        start(sleeps_to_the_past, NULL);
    end();
    CHECK_STR(trace, "..........");
}

/* -- who had the loop, and for how long -- */

static struct {
    const locust__co *co;
    int64_t took_ns;
} told[8];
static int n_told;

static void tell(void *arg, const locust__co *co, int64_t took_ns)
{
    CHECK(arg == &n_told);
    if (n_told < 8) {
        told[n_told].co = co;
        told[n_told++].took_ns = took_ns;
    }
}

static void begin_telling(void)
{
    begin();
    n_told = 0;
    loop.blocked = tell;
    loop.told_arg = &n_told;
}

static locust__co *culprit;

/* Takes 40 ms and does not read the loop's clock, as who connects or computes. */
static void takes_long(void *arg)
{
    int64_t until = now() + 40 * MS;
    (void)arg;
    culprit = loop.current;
    while (now() < until)
        ;
    locust__co_sleep(&loop, now() + MS);
}

static void reads_the_clock(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        locust__loop_clock(&loop);
        locust__co_yield(&loop);
    }
}

static void who_took_long_is_told(void)
{
    bool found = false;
    begin_telling();
    start(reads_the_clock, NULL);
    start(takes_long, NULL);
    for (int i = 0; i < 5; i++)
        start(reads_the_clock, NULL);
    end();
    for (int i = 0; i < n_told; i++) // others may be as long, by what the machine does
        found = found || (told[i].co == culprit && told[i].took_ns >= 40 * MS);
    CHECK(found);
}

/* Many short ones are nobody's fault, however long they take together. */
static void takes_little(void *arg)
{
    int64_t until = now() + MS / 2;
    (void)arg;
    while (now() < until)
        ;
}

static void many_short_ones_are_nobodys_fault(void)
{
    int64_t least = INT64_MAX;
    for (int round = 0; round < 20 && least; round++) {
        begin_telling();
        for (int i = 0; i < 100; i++)
            start(takes_little, NULL);
        end();
        least = n_told < least ? n_told : least; // a machine that others use may halt one
    }
    CHECK_INT(least, 0);
}

/* Whether the process waits, by the third field of its line in /proc. */
static bool waits(pid_t pid)
{
    char path[64], line[256] = "", *state = NULL;
    FILE *file;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (file && fgets(line, sizeof line, file))
        state = strrchr(line, ')');
    if (file)
        fclose(file);
    return state && strncmp(state, ") S", 3) == 0;
}

static void sleeps_through_a_stop(void *arg)
{
    pid_t parent = getpid(), child = fork();
    (void)arg;
    if (child == 0) {
        const struct timespec stop = {0, 300 * 1000000}, moment = {0, 1000000};
        while (!waits(parent)) // stopped in here, this coroutine would be who took the time
            nanosleep(&moment, NULL);
        kill(parent, SIGSTOP);
        nanosleep(&stop, NULL);
        kill(parent, SIGCONT);
        _exit(0);
    }
    for (int i = 0; i < 50; i++)
        locust__co_sleep(&loop, now() + 10 * MS);
    CHECK_INT(waitpid(child, NULL, 0), child);
}

static void a_stop_is_told(void)
{
    int64_t longest = 0;
    begin_telling();
    start(sleeps_through_a_stop, NULL);
    end();
    for (int i = 0; i < n_told; i++)
        if (!told[i].co && told[i].took_ns > longest)
            longest = told[i].took_ns;
    CHECK(longest >= 250 * MS && longest < 5 * S);
}

/* -- a million real sleepers -- */

static int n_slept;
static int64_t slept_until;

static void sleeps_among_many(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, slept_until + (int64_t)(n_slept % 1000) * MS);
    CHECK(now() >= slept_until);
    n_slept++;
}

static int64_t available_kb(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[256];
    long long kb = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld", &kb) == 1)
            break;
    if (file)
        fclose(file);
    return kb;
}

static void a_million_sleepers(void)
{
    enum { MILLION = 1000000 };
    int64_t started = now();
    int n = 0;
#if defined(__clang__) || !defined(__GLIBC__) || !defined(__x86_64__)
    SKIP("in the gcc variant only");
#endif
    if (slow() || LOCUST__WITH_POLL)
        SKIP("in the gcc variant only");
    if (available_kb() < 9 * 1024 * 1024)
        SKIP("needs 9 GB of memory");
    begin();
    n_slept = 0;
    slept_until = now() + 4 * S;
    while (n < MILLION &&
           locust__co_start(&loop, "test", 16384, sleeps_among_many, NULL, NULL) != NULL)
        n++;
    CHECK_INT(n, MILLION);
    end();
    CHECK_INT(n_slept, MILLION);
    printf("%d sleepers took %.1f s\n", n, (double)(now() - started) / 1e9);
}

/* -- without memory -- */

static void opening_needs_memory(void)
{
    int rc = -1, tries = 0;
    for (; tries < 20 && rc < 0; tries++) {
        blocks_fail_in = tries;
        rc = locust__loop_open(&loop);
        if (rc < 0)
            CHECK_INT(rc, -ENOMEM);
        blocks_fail_in = -1;
        if (rc < 0)
            CHECK_INT(blocks_live, 0);
    }
    if (CHECK_INT(rc, 0))
        locust__loop_close(&loop);
    CHECK(tries > 1);
    CHECK_INT(blocks_live, 0);
}

static int n_timed_out;

static void sleeps_without_memory(void *arg)
{
    int64_t until = nap_base + *(const int *)arg * MS;
    CHECK_INT(locust__co_sleep(&loop, until), LOCUST__WAKE_TIMEOUT);
    CHECK(now() >= until); // not early, even so
    n_timed_out++;
}

/* Every allocation of the wheel fails: sleepers still sleep as long as they said. */
static void sleeping_needs_none(void)
{
    static const int spans_ms[] = {0, 1, 3, 20, 400};
    for (int from = 0; from < 4; from++) {
        begin();
        n_timed_out = 0;
        nap_base = now();
        for (int i = 0; i < 200; i++)
            start(sleeps_without_memory, (void *)(uintptr_t)&spans_ms[i % 5]);
        blocks_fail_in = from;
        blocks_fail_on = true;
        locust__loop_run(&loop);
        blocks_fail_on = false;
        end();
        CHECK_INT(n_timed_out, 200);
    }
}

/* And one after the other, with memory again behind it. */
static void sleeping_survives_each_failure(void)
{
    static const int spans_ms[] = {0, 1, 3, 20, 300};
    for (int at = 0; at < 12; at++) {
        begin();
        n_timed_out = 0;
        nap_base = now();
        for (int i = 0; i < 400; i++)
            start(sleeps_without_memory, (void *)(uintptr_t)&spans_ms[i % 5]);
        blocks_fail_in = at;
        end();
        blocks_fail_in = -1;
        CHECK_INT(n_timed_out, 400);
    }
}

TESTS({"timers fire although others are busy", timers_fire_although_others_are_busy},
    {"sleepers wake in order", sleepers_wake_in_order},
    {"late sleepers wake in order", late_sleepers_wake_in_order},
    {"sleepers wake in time", sleepers_wake_in_time},
    {"sleeping to the past is a turn", sleeping_to_the_past_is_a_turn},
    {"who took long is told", who_took_long_is_told},
    {"many short ones are nobody's fault", many_short_ones_are_nobodys_fault},
    {"a stop is told", a_stop_is_told}, {"a million sleepers", a_million_sleepers},
    {"opening needs memory", opening_needs_memory}, {"sleeping needs none", sleeping_needs_none},
    {"sleeping survives each failure", sleeping_survives_each_failure}, )
