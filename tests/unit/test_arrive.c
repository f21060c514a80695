// Arrivals of the open model as users take them: the oldest first, late ones counted, impatient
// ones shed. Always scheduled = started + shed + unanswered + those that still wait.
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "loop.h"

static locust__arrival_queue q;
static locust__class cls;
static locust__services services;
static locust__users users;
static locust__user user;
static const locust_user_class as = {.name = "Arriver"};

static void fresh(double patience_s)
{
    memset(&q, 0, sizeof q);
    memset(&cls, 0, sizeof cls);
    memset(&services, 0, sizeof services);
    memset(&users, 0, sizeof users);
    memset(&user, 0, sizeof user);
    q.as.patience_s = patience_s;
    cls.arrivals = &q;
    services.loop = &loop;
    users.services = &services;
    user.all = &users;
    user.cls = &cls;
    user.root = &user;
    user.as.user_class = cls.as = &as;
    q.as.kind = LOCUST_ARRIVE_TASKS;
}

static void keep(int64_t due_ns)
{
    q.counts.scheduled++;
    locust__arrive_keep(&q, due_ns);
}

static void counts_add_up(void)
{
    CHECK_INT(q.counts.scheduled, q.counts.started + q.counts.shed + q.counts.unanswered + q.n);
}

static void ends(void)
{
    blocks_fail_in = -1;
    LOCUST_FREE(q.backlog);
    q.backlog = NULL;
    CHECK_INT(blocks_live, 0);
}

/* First come, first served, while the ring goes round and grows. */
static void the_oldest_first(void)
{
    int64_t next = 0, want = 0, due = -1;
    fresh(1e9);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 10 + round * 3; i++)
            keep(next++);
        for (int i = 0; i < 10 + round; i++) {
            if (!CHECK(locust__arrive_take(&q, next, &due)))
                return;
            CHECK_INT(due, want++);
            q.counts.started++;
        }
        counts_add_up();
    }
    while (locust__arrive_take(&q, next, &due))
        CHECK_INT(due, want++);
    CHECK_INT(want, next);
    CHECK_INT(q.n, 0);
    CHECK_INT(q.counts.shed, 0);
    ends();
}

/* Three arrivals, at 0, 1 and 2 s, looked at later. */
static const struct {
    const char *name;
    double patience_s;
    int64_t now_ns;
    int shed;
    int64_t next_ns; // when the next one will have waited too long
} sheds[] = {
    {"patient", 10, 2000000000, 0, INT64_C(10000000001)},
    {"just as long", 10, 10000000000, 0, INT64_C(10000000001)},
    {"a nanosecond longer", 10, 10000000001, 1, INT64_C(11000000001)},
    {"two of them", 10, 11500000000, 2, INT64_C(12000000001)},
    {"all", 10, 12000000001, 3, INT64_MAX},
    {"half a second", 0.5, 2000000000, 2, INT64_C(2500000001)},
    {"no patience, at that time", -1, 2000000000, 2, INT64_C(2000000001)},
    {"no patience, later", -1, 2000000001, 3, INT64_MAX},
    {"for ever", 1e300, INT64_MAX - 1, 0, INT64_MAX},
};

static void impatient_ones_are_shed(void)
{
    for (size_t i = 0; i < sizeof sheds / sizeof *sheds; i++) {
        int64_t next;
        fresh(sheds[i].patience_s);
        CHECK_ROW(sheds[i].name);
        for (int k = 0; k < 3; k++)
            keep(k * S);
        next = locust__arrive_shed(&q, sheds[i].now_ns);
        CHECK_INT(next, sheds[i].next_ns);
        CHECK_INT(q.counts.shed, sheds[i].shed);
        CHECK_INT(q.n, 3 - sheds[i].shed);
        counts_add_up();
        ends();
    }
    CHECK_ROW(NULL);
}

static void takes_what_was_not_shed(void)
{
    int64_t due = -1;
    fresh(1);
    for (int k = 0; k < 3; k++)
        keep(k * S);
    CHECK(locust__arrive_take(&q, 2 * S + 1, &due)); // at 0 and 1 s they came too early
    CHECK_INT(due, 2 * S);
    CHECK_INT(q.counts.shed, 2);
    CHECK(!locust__arrive_take(&q, 2 * S + 1, &due));
    ends();
}

/* Without memory the new one is shed, and those that wait stay. */
static void without_memory(void)
{
    int64_t due = -1, want = 0;
    fresh(1e9);
    blocks_fail_in = 0;
    keep(5);
    CHECK_INT(q.counts.shed, 1);
    counts_add_up();
    while (q.n < q.cap || !q.cap)
        keep((int64_t)q.n);
    blocks_fail_in = 0;
    keep(1000);
    CHECK_INT(q.counts.shed, 2);
    counts_add_up();
    for (size_t n = q.n; n > 0; n--) {
        CHECK(locust__arrive_take(&q, 0, &due));
        CHECK_INT(due, want++);
    }
    ends();
}

/* An arrival whose task never began: unanswered at the end of the test, shed if there was nothing left
 * for it to do. */
static void accepted_and_forgone(void)
{
    locust__request_stats st;
    fresh(10);
    locust__stats_init(&st);
    services.recorder.stats = &st;
    users.iterations_left = -1;
    q.counts.scheduled = 2;
    locust__arrive_accept(&user, 7 * S, false);
    CHECK_INT(user.due_ns, 7 * S);
    CHECK_INT(q.counts.started, 1);
    CHECK_INT(q.counts.late, 0);
    user.due_ns = 0; // its task begins
    locust__arrive_accept(&user, 8 * S, true);
    CHECK_INT(q.counts.started, 2);
    CHECK_INT(q.counts.late, 1);
    locust__arrive_forgo(&user); // the test ends before its task begins
    CHECK_INT(q.counts.started, 1);
    CHECK_INT(q.counts.late, 0);
    CHECK_INT(q.counts.unanswered, 1);
    CHECK_INT(st.cut_arrivals, 1);
    counts_add_up();
    locust__arrive_forgo(&user); // there is none any more
    CHECK_INT(q.counts.unanswered, 1);
    users.iterations_left = 0;
    q.counts.scheduled++;
    locust__arrive_accept(&user, 9 * S, false);
    locust__arrive_forgo(&user);
    CHECK_INT(q.counts.shed, 1);
    CHECK_INT(st.cut_arrivals, 1);
    counts_add_up();
    cls.arrivals = NULL; // users of a class without arrivals
    user.due_ns = 1;
    locust__arrive_forgo(&user);
    CHECK_INT(q.counts.shed, 1);
    locust__stats_free(&st);
    ends();
}

/* -- users in a loop -- */

static int n_turns;

/* Runs as a user does, and rests where one would. */
static void serves_two(void *arg)
{
    int64_t due = now() - 40 * MS;
    (void)arg;
    if (n_turns++ == 0) {
        user.co = loop.current;
        keep(due);
        CHECK(locust__arrive_next(&user)); // one waits: at once, and late
        CHECK(user.due_ns == due && user.late);
        CHECK(user.client->session->late_ms >= 40);
        CHECK_INT(q.counts.started, 1);
        CHECK_INT(q.counts.late, 1);
        note('a');
        user.due_ns = 0;
        locust__life_pause(&user, loop.turn); // none waits: until one comes
        CHECK(user.waiting && locust__life_rest(&user));
        return;
    }
    locust__life_wake(&user);
    CHECK(!user.waiting && !user.late);
    if (n_turns == 2) {
        note('c');
        CHECK(user.client->session->late_ms >= 0);
        user.due_ns = 0;
        user.stopping = true;
        user.client->session->late_ms = -1;
        locust__life_pause(&user, loop.turn);
        CHECK(user.waiting && locust__life_rest(&user));
        return;
    }
    CHECK(user.client->session->late_ms < 0); // told to stop: it serves nobody
    locust__user_client_free(&user);
}

static void hands_over(void *arg)
{
    (void)arg;
    while (!q.free.first)
        locust__co_yield(&loop);
    note('b');
    CHECK(user.waiting);
    q.counts.scheduled++;
    locust__arrive_accept(&user, now(), false);
    locust__co_wake(&loop, q.free.first, LOCUST__WAKE_EVENT);
    while (!user.stopping || !q.free.first)
        locust__co_yield(&loop);
    locust__co_wake(&loop, q.free.first, LOCUST__WAKE_EVENT);
}

static void users_wait_for_arrivals(void)
{
    fresh(10);
    forget();
    begin();
    n_turns = 0;
    locust__co_make(&loop, "test", 0, serves_two, NULL, NULL, 0);
    start(hands_over, NULL);
    locust__loop_run(&loop);
    CHECK_INT(n_turns, 3);
    CHECK_STR(trace, "abc");
    CHECK_INT(q.counts.started, 2);
    CHECK_INT(q.counts.late, 1);
    counts_add_up();
    LOCUST_FREE(q.backlog);
    end();
}

TESTS({"the oldest first", the_oldest_first}, {"impatient ones are shed", impatient_ones_are_shed},
    {"takes what was not shed", takes_what_was_not_shed}, {"without memory", without_memory},
    {"accepted and forgone", accepted_and_forgone},
    {"users wait for arrivals", users_wait_for_arrivals}, )
