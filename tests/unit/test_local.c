// LOCUST_LOCAL: each user's own, zeroed, made and reclaimed in time; scopes. Through users, who are layer 6.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"
#include "lives.h"

enum { USERS = 1000 };

struct session {
    uint64_t owner;
    int counter;
    char name[100];
};

LOCUST_LOCAL(struct session, session);
LOCUST_LOCAL(char, tiny);
LOCUST_LOCAL(uint64_t, word);

static int n_init, n_fini, n_stop, n_early; // n_early: fini before on_stop had ended
static int touches, n_only_fini_due;

static void made_init(void *slot)
{
    *(int *)slot = 41;
    n_init++;
}

static void made_fini(void *slot)
{
    if (*(int *)slot < 1000)
        n_early++;
    n_fini++;
}

LOCUST_LOCAL_WITH(int, made, .init = made_init, .fini = made_fini);

static int n_unused_init, n_unused_fini;

static void unused_init(void *slot)
{
    (void)slot;
    n_unused_init++;
}

static void unused_fini(void *slot)
{
    (void)slot;
    n_unused_fini++;
}

LOCUST_LOCAL_WITH(int, rarely, .init = unused_init, .fini = unused_fini);

static int n_only_fini;

static void only_fini_fini(void *slot)
{
    CHECK_INT(*(int *)slot, 7);
    n_only_fini++;
}

LOCUST_LOCAL_WITH(int, only_fini, .fini = only_fini_fini);

static bool zeroed(const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const char *)bytes)[i])
            return false;
    return true;
}

static int reach_from_below(void)
{
    return ++session()->counter;
}

static void slots_start(locust_user *u)
{
    CHECK(zeroed(session(), sizeof *session()));
    CHECK(zeroed(tiny(), 1));
    CHECK(zeroed(word(), sizeof *word()));
    CHECK(zeroed(u->data, 64));
    CHECK_INT((uintptr_t)session() % _Alignof(max_align_t), 0);
    CHECK_INT((uintptr_t)u->data % _Alignof(max_align_t), 0);
    session()->owner = u->id;
    memset(session()->name, (int)(u->id % 100) + 1, sizeof session()->name);
    *tiny() = (char)(u->id % 100 + 1);
    *word() = u->id * 3;
    memset(u->data, (int)(u->id % 100) + 1, 64);
    if (u->id % 2)
        CHECK_INT(*made(), 41);
    if (u->id % 4 == 0)
        *rarely() = 1;
    *only_fini() = 7;
    n_only_fini_due++;
}

static void check_mine(locust_user *u)
{
    CHECK_INT(session()->owner, u->id);
    CHECK_INT(*tiny(), u->id % 100 + 1);
    CHECK_INT(*word(), u->id * 3);
    for (size_t i = 0; i < sizeof session()->name; i++)
        if (!CHECK_INT(session()->name[i], u->id % 100 + 1))
            return;
    for (size_t i = 0; i < 64; i++)
        if (!CHECK_INT(((char *)u->data)[i], u->id % 100 + 1))
            return;
}

static void slots_task(locust_user *u)
{
    int before;
    check_mine(u);
    before = session()->counter;
    CHECK_INT(reach_from_below(), before + 1);
    if (++touches >= 2 * USERS && n_only_fini_due == USERS)
        locust_stop_test(u);
    locust_sleep(u, 0.001);
    check_mine(u);
}

static void slots_stop(locust_user *u)
{
    check_mine(u);
    locust_sleep(u, 0.001); // on_stop may park
    check_mine(u);
    if (u->id % 2)
        *made() = 1000;
    n_stop++;
}

LOCUST_USER(Holder, .data_size = 64, .on_start = slots_start, .on_stop = slots_stop,
    .wait_time = LOCUST_CONSTANT(0.01), .tasks = LOCUST_TASKS(LOCUST_TASK(slots_task)));
static const locust_test holder_test = {.users = {&Holder}};

static void isolated_between_a_thousand_users(void)
{
    for (int round = 1; round <= 2; round++) { // the second run meets memory that was used before
        n_init = n_fini = n_stop = n_early = n_only_fini = n_unused_init = n_unused_fini = 0;
        touches = n_only_fini_due = 0;
        CHECK_INT(run(&holder_test,
                      (locust_options){.users = USERS, .spawn_rate = USERS, .run_time_s = 50}),
            0);
        CHECK(touches >= 2 * USERS);
        CHECK_INT(n_stop, USERS);
        CHECK_INT(n_init, USERS / 2);
        CHECK_INT(n_fini, USERS / 2);
        CHECK_INT(n_early, 0);
        CHECK_INT(n_only_fini, USERS);
        CHECK_INT(n_unused_init, USERS / 4);
        CHECK_INT(n_unused_fini, USERS / 4);
    }
}

/* -- made at the first use, wherever that is -- */

static int n_lazy_init, n_lazy_fini, lazy_seen;

static void lazy_init(void *slot)
{
    n_lazy_init++;
    *(int *)slot = 5;
}

static void lazy_fini(void *slot)
{
    lazy_seen = *(int *)slot;
    n_lazy_fini++;
}

LOCUST_LOCAL_WITH(int, lazy, .init = lazy_init, .fini = lazy_fini);

static void lazy_task(locust_user *u)
{
    CHECK_INT(n_lazy_init, 0);
    locust_stop_test(u);
}

static void lazy_stop(locust_user *u)
{
    (void)u;
    CHECK_INT(n_lazy_init, 0);
    CHECK_INT((*lazy())++, 5);
    CHECK_INT((*lazy())++, 6);
    CHECK_INT(n_lazy_init, 1);
    CHECK_INT(n_lazy_fini, 0);
}

LOCUST_USER(LazyUser, .on_stop = lazy_stop, .tasks = LOCUST_TASKS(LOCUST_TASK(lazy_task)));
static const locust_test lazy_test = {.users = {&LazyUser}};

static void made_at_first_use(void)
{
    n_lazy_init = n_lazy_fini = 0;
    CHECK_INT(run(&lazy_test, (locust_options){.users = 1, .run_time_s = 10}), 0);
    CHECK_INT(n_lazy_init, 1);
    CHECK_INT(n_lazy_fini, 1);
    CHECK_INT(lazy_seen, 7);
}

/* -- outside of a user -- */

static void read_before(void *arg)
{
    (void)arg;
    session()->counter = 1;
}

static void read_in_listener(locust_env *env)
{
    (void)env;
    session()->counter = 1;
}

static const locust_test listener_test = {.users = {&LazyUser}, .on_test_start = read_in_listener};

static void read_in_run(void *arg)
{
    (void)arg;
    run(&listener_test, (locust_options){.users = 1, .run_time_s = 10});
}

static void refused_outside_a_user(void)
{
    static void (*const places[])(void *arg) = {read_before, read_in_run};
    for (size_t i = 0; i < 2; i++) {
        char *text;
        int status = check_fork(places[i], NULL, &text);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 70);
        CHECK(strstr(text, "session") && strstr(text, "LOCUST_LOCAL"));
        CHECK(strstr(text, "outside a user") != NULL);
        free(text);
    }
}

/* A slot that comes when users exist already has no place in their areas. */
static void register_late(void *arg)
{
    static locust_slot late = {.name = "latecomer", .size = 8};
    (void)arg;
    run(&lazy_test, (locust_options){.users = 1, .run_time_s = 10});
    locust_slot_register(&late);
}

static void refused_when_late(void)
{
    char *text;
    int status = check_fork(register_late, NULL, &text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 70);
    CHECK(strstr(text, "latecomer") != NULL);
    free(text);
}

/* -- cut short: fini runs for those as well -- */

static void sleep_long(locust_user *u)
{
    (*made())++;
    if (n_init == 50)
        locust_stop_test(u);
    locust_sleep(u, 1000);
    CHECK(false);
}

LOCUST_USER(Sleeper, .tasks = LOCUST_TASKS(LOCUST_TASK(sleep_long)));
static const locust_test sleeper_test = {.users = {&Sleeper}};

static void reclaimed_when_cut_short(void)
{
    n_init = n_fini = 0;
    run(&sleeper_test, (locust_options){.users = 50, .spawn_rate = 50, .run_time_s = 50});
    CHECK_INT(n_init, 50);
    CHECK_INT(n_fini, 50);
}

LOCUST_LOCAL(int, plain);

/* -- scopes -- */

static int n_init, n_fini, fini_saw;

static void box_init(void *box)
{
    *(int *)box = 100 + n_init++;
}
static void box_fini(void *box)
{
    fini_saw = *(int *)box;
    n_fini++;
}
LOCUST_LOCAL_WITH(int, box, .init = box_init, .fini = box_fini);

static int below(void)
{
    return *plain();
}

/* In functions of their own: LOCUST_SCOPE of one slot inside another is a -Wshadow warning. */
static void inner_plain(void)
{
    LOCUST_SCOPE(plain)
    {
        CHECK_INT(*plain(), 0);
        *plain() = 7;
    }
}

static void inner_box_fails(locust_user *u)
{
    LOCUST_SCOPE(box)
    {
        CHECK_INT(*box(), 102);
        locust_fail(u, "in a scope");
    }
}

static void scope_task(locust_user *u)
{
    int times = 0;
    *plain() = 5;
    LOCUST_SCOPE(plain)
    {
        times++;
        CHECK_INT(*plain(), 0);
        *plain() = 6;
        CHECK_INT(below(), 6);
        locust_sleep(u, 0);
        inner_plain();
        CHECK_INT(*plain(), 6);
    }
    CHECK_INT(*plain(), 5);
    LOCUST_SCOPE(plain)
    {
        times++;
        *plain() = 8;
        if (times)
            continue;
        times = 100;
    }
    CHECK_INT(times, 2);
    CHECK_INT(*plain(), 5);

    LOCUST_SCOPE(box) // unused outside, unused inside
    {
    }
    CHECK(n_init == 0 && n_fini == 0);
    LOCUST_SCOPE(box)
    CHECK_INT(*box(), 100);
    CHECK(n_init == 1 && n_fini == 1 && fini_saw == 100);
    CHECK_INT(*box(), 101); // outside it was fresh still
    CHECK(n_init == 2 && n_fini == 1);
    LOCUST_SCOPE(box)
    {
        LOCUST_SCOPE(plain) // another one inside
        {
            CHECK_INT(*box(), 102);
            *plain() = 9;
        }
        CHECK_INT(*box(), 102);
        *box() = 202;
    }
    CHECK(n_init == 3 && n_fini == 2 && fini_saw == 202);
    CHECK_INT(*box(), 101);
    LOCUST_SCOPE(box) // the one outside stays
    {
    }
    CHECK(n_init == 3 && n_fini == 2);

    box_release();
    CHECK(n_init == 3 && n_fini == 3 && fini_saw == 101);
    box_release(); // nothing is there
    CHECK(n_init == 3 && n_fini == 3);
    CHECK_INT(*box(), 103);
    LOCUST_SCOPE(box)
    {
        CHECK_INT(*box(), 104);
        box_release();
        CHECK(n_fini == 4 && fini_saw == 104);
        CHECK_INT(*box(), 105);
    }
    CHECK(n_init == 6 && n_fini == 5 && fini_saw == 105);
    CHECK_INT(*box(), 103);
    plain_release();
    CHECK_INT(*plain(), 0);
    say("done");
    locust_stop_test(u);
}

static void scopes(void)
{
    *said = '\0';
    n_init = n_fini = 0;
    live((life){.task = scope_task});
    CHECK_STR(said, "done ");
    CHECK(n_init == 6 && n_fini == 6 && fini_saw == 103); // the last with the user
}

/* However the block is left, the value from before is back. */
static void leave_scope(int way)
{
    for (int i = 0; i < 2; i++) {
        LOCUST_SCOPE(box)
        {
            LOCUST_SCOPE(plain)
            {
                *box() = *plain() = 99;
                if (way == 0)
                    return;
                if (way == 1)
                    break;
                if (way == 2)
                    goto out;
                if (way == 3)
                    continue;
            }
            CHECK(*box() == 99 && *plain() == 5);
            if (way == 4)
                break;
        }
        CHECK(*box() == 7 && *plain() == 5);
    }
out:
    CHECK(*box() == 7 && *plain() == 5);
}

static void task_leave_scopes(locust_user *u)
{
    *box() = 7;
    *plain() = 5;
    for (int way = 0; way <= 5; way++) {
        leave_scope(way);
        CHECK(*box() == 7 && *plain() == 5);
    }
    say("done");
    locust_stop_test(u);
}

static void scopes_left_early(void)
{
    *said = '\0';
    live((life){.task = task_leave_scopes});
    CHECK_STR(said, "done ");
    CHECK_INT(after.exceptions, 0);
}

static void scope_jump_inside(locust_user *u, void *arg)
{
    (void)arg;
    LOCUST_SCOPE(plain)
    {
        *plain() = 66;
        locust_sleep(u, 0);
        locust_fail(u, "in a coroutine");
    }
}

static void scope_jumps(locust_user *u)
{
    if (n_rounds++) {
        CHECK_INT(*plain(), 5);
        CHECK(n_init == 3 && n_fini == 2);
        locust_join(u, locust_spawn(u, scope_jump_inside, NULL));
        CHECK_INT(*plain(), 5);
        LOCUST_SCOPE(plain)
        {
            *plain() = 8;
            locust_stop_user(u);
        }
    }
    *plain() = 5;
    *box() += 0;
    LOCUST_SCOPE(plain)
    LOCUST_SCOPE(box)
    {
        *plain() = 6;
        CHECK_INT(*box(), 101);
        inner_box_fails(u);
    }
}

static void scope_stop(locust_user *u)
{
    CHECK_INT(*plain(), 5);
    say("stop");
    locust_stop_test(u);
}

static void scopes_left_by_jump(void)
{
    *said = '\0';
    n_rounds = n_init = n_fini = 0;
    live((life){.task = scope_jumps, .on_stop = scope_stop});
    CHECK_STR(said, "stop ");
    CHECK_INT(n_rounds, 2);
    CHECK(n_init == 3 && n_fini == 3);
    CHECK_INT(after.exceptions, 2);
}

/* Two coroutines of a user in scopes of one slot: one after the other, or against the rule. */
static void scope_beside(locust_user *u, void *arg)
{
    LOCUST_SCOPE(box)
    {
        CHECK(*box() > 100); // a fresh one
        *box() = 7;
        n_begun++;
        if (arg)
            until(u, &n_begun, 2);
        CHECK_INT(*box(), 7);
    }
    n_ended++;
}

static void scopes_in_turn(locust_user *u)
{
    *box() = 5;
    n_begun = n_ended = 0;
    locust_spawn(u, scope_beside, NULL);
    locust_spawn(u, scope_beside, NULL);
    locust_join_all(u);
    CHECK_INT(n_ended, 2);
    CHECK_INT(*box(), 5); // behind both, the one from before
    locust_stop_test(u);
}

static void scopes_beside(locust_user *u)
{
    n_begun = 0;
    locust_spawn(u, scope_beside, "waits for the other inside");
    locust_spawn(u, scope_beside, NULL);
    locust_join_all(u);
}

static void scopes_of_two_coroutines(void)
{
    n_init = n_fini = 0;
    live((life){.task = scopes_in_turn});
    CHECK(n_init == 3 && n_fini == 3);
    live((life){.task = scopes_beside, .until_error = true});
    CHECK_INT(after.exceptions, 1);
    CHECK(
        strstr(after.text, "LOCUST_SCOPE(box) was entered by two coroutines of one user") != NULL);
}

TESTS({"isolated between a thousand users", isolated_between_a_thousand_users},
    {"made at first use", made_at_first_use}, {"refused outside a user", refused_outside_a_user},
    {"refused when late", refused_when_late},
    {"reclaimed when cut short", reclaimed_when_cut_short}, {"scopes", scopes},
    {"scopes left early", scopes_left_early}, {"scopes left by jump", scopes_left_by_jump},
    {"scopes of two coroutines", scopes_of_two_coroutines}, )
