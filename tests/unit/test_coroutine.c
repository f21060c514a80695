// Coroutines of a user, groups, semaphores: each sentence of >>coroutines on them. Then thousands of users
// who take turns at every access.
// timeout: 900
#include <stddef.h>
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "lives.h"

/* -- a coroutine is a part of its user, with an answer of its own -- */

enum { PARTS = 20 };
static const step held[] = {READ, AWAIT(1), REFLECT, LOOP};
static const step silent[] = {HOLD};
static server *site;
static int n_done;

LOCUST_LOCAL(int, plain);
LOCUST_VAR(int, depth, 3);

static bool starts_with(const locust_response *r, const char *path)
{
    char want[64];
    snprintf(want, sizeof want, "GET %s HTTP/1.1\r\n", path);
    return r->status == 200 && strncmp(r->body, want, strlen(want)) == 0;
}

static void ask(locust_user *u, void *arg)
{
    locust_response *r = locust_get(u, arg);
    CHECK(starts_with(r, arg));
    CHECK(strstr(r->body, "\r\nX-Mine: yes\r\n") && strstr(r->body, "k=v"));
    CHECK_INT(r->user->id, u->id);
    for (int i = 0; i < 5; i++) {
        locust_sleep(u, 0);
        CHECK(starts_with(r, arg)); // the answers of the others come meanwhile
    }
    n_done++;
}

static const locust_user *starter;
static int *starter_slot;

static void share(locust_user *u, void *arg)
{
    CHECK_STR(arg, "argument");
    CHECK(u != starter);
    CHECK_INT(u->id, starter->id);
    CHECK(u->data == starter->data && u->env == starter->env && u->host == starter->host);
    CHECK(u->user_class == starter->user_class);
    CHECK(plain() == starter_slot);
    CHECK_INT(*plain(), 5);
    CHECK_INT(*(int *)u->data, 77);
    CHECK_STR(locust_cookie(u, "/", "k"), "v");
    *plain() = 6;
    *(int *)u->data = 78;
    CHECK(locust_set_cookie(u, "/", "theirs=1"));
    CHECK(locust_set_header(u, "X-Theirs", "too"));
    locust_response *r = locust_get(u, "/again");
    CHECK(starts_with(r, "/again"));
    CHECK(r->reused);
}

static void shares(locust_user *u)
{
    static char paths[PARTS][24];
    locust_response *mine;
    starter = u;
    starter_slot = plain();
    *plain() = 5;
    *(int *)u->data = 77;
    CHECK(locust_set_header(u, "X-Mine", "yes"));
    CHECK(locust_set_cookie(u, "/", "k=v"));
    site->seen->go = 1;
    mine = locust_get(u, "/mine");
    site->seen->go = 0;
    for (int i = 0; i < PARTS; i++) {
        snprintf(paths[i], sizeof paths[i], "/part%d", i);
        CHECK(locust_spawn(u, ask, paths[i]) != NULL);
    }
    while (site->seen->requests < 1 + PARTS) // all of them in flight
        locust_sleep(u, 0.001);
    CHECK_INT(n_done, 0);
    site->seen->go = 1;
    locust_join_all(u);
    CHECK_INT(n_done, PARTS);
    CHECK(starts_with(mine, "/mine")); // no request of this u came since
    CHECK_INT(site->seen->accepted, PARTS);
    locust_join(u, locust_spawn(u, share, "argument"));
    CHECK_INT(*plain(), 6);
    CHECK_INT(*(int *)u->data, 78);
    CHECK_STR(locust_cookie(u, "/", "theirs"), "1");
    mine = locust_get(u, "/last");
    CHECK(starts_with(mine, "/last") && strstr(mine->body, "\r\nX-Theirs: too\r\n"));
    CHECK_INT(site->seen->accepted, PARTS);
    locust_stop_test(u);
}

static void shared_and_own(void)
{
    server s = server_start(1, held);
    site = &s;
    n_done = 0;
    live((life){.task = shares, .host = s.url});
    CHECK_INT(after.code, 0);
    CHECK_INT(n_done, PARTS);
    server_stop(&s);
}

static void pooled(locust_user *u)
{
    static char paths[PARTS][24];
    CHECK(locust_set_header(u, "X-Mine", "yes"));
    CHECK(locust_set_cookie(u, "/", "k=v"));
    for (int i = 0; i < PARTS; i++) {
        snprintf(paths[i], sizeof paths[i], "/part%d", i);
        CHECK(locust_spawn(u, ask, paths[i]) != NULL);
    }
    locust_join_all(u);
    CHECK_INT(n_done, PARTS);
    locust_stop_test(u);
}

static void shared_pool(void)
{
    server s = server_start(1, held);
    s.seen->go = 1;
    n_done = 0;
    live((life){.task = pooled, .host = s.url, .pool = 3});
    CHECK_INT(n_done, PARTS);
    CHECK_INT(s.seen->accepted, 3);
    server_stop(&s);
}

/* -- joins -- */

static void turns(locust_user *u, void *arg)
{
    n_begun++;
    for (intptr_t i = (intptr_t)arg; i > 0; i--)
        locust_sleep(u, 0);
    n_ended++;
}

static void join_from_inside(locust_user *u, void *arg)
{
    int before = n_ended;
    (void)arg;
    locust_spawn(u, turns, (void *)4);
    locust_spawn(u, turns, (void *)8);
    locust_join_all(u); // but for the caller
    CHECK(n_ended >= before + 2);
    say("inside");
}

static void joins(locust_user *u)
{
    locust_coroutine *c, *d;
    locust_join(u, NULL);
    locust_join_all(u); // of none
    c = locust_spawn(u, turns, (void *)3);
    CHECK_INT(n_begun, 0); // it does not run before the caller parks
    locust_join(u, c);
    CHECK_INT(n_ended, 1);
    c = locust_spawn(u, turns, NULL);
    until(u, &n_ended, 2);
    locust_join(u, c); // it has ended already
    c = locust_spawn(u, turns, (void *)20);
    d = locust_spawn(u, turns, (void *)1);
    locust_join(u, c); // the later one ends first
    CHECK_INT(n_ended, 4);
    locust_join(u, d);
    c = locust_spawn(u, turns, (void *)9);
    for (int i = 0; i < 10; i++)
        CHECK(locust_spawn(u, turns, (void *)(intptr_t)i) != NULL);
    locust_join_all(u);
    CHECK_INT(n_ended, 15);
    locust_join(u, c); // its handle is still good
    locust_join(u, locust_spawn(u, join_from_inside, NULL));
    locust_stop_test(u);
}

static void joined(void)
{
    *said = '\0';
    n_begun = n_ended = 0;
    live((life){.task = joins});
    CHECK_STR(said, "inside ");
    CHECK_INT(n_ended, 17);
}

static long live_at[4];

static void forgets(locust_user *u)
{
    live_at[n_rounds] = blocks_live;
    CHECK(((locust__user *)(void *)u)->coroutines == NULL);
    if (++n_rounds == 4)
        locust_stop_user(u);
    n_ended = 0;
    for (int i = 0; i < 50; i++)
        CHECK(locust_spawn(u, turns, (void *)(intptr_t)(i % 3)) != NULL);
    until(u, &n_ended, 50);
}

static void forgotten_handles(void)
{
    n_rounds = 0;
    live((life){.task = forgets, .on_stop = say_stop});
    CHECK_INT(n_rounds, 4);
    // Of 50 handles none is left; the kit's timers may have grown by a block meanwhile.
    CHECK(live_at[2] - live_at[1] < 5);
    CHECK(live_at[3] - live_at[1] < 5);
}

/* A coroutine starts others. */
static int n_nodes;

static void tree(locust_user *u, void *arg)
{
    intptr_t levels = (intptr_t)arg;
    locust_coroutine *below[3];
    n_nodes++;
    locust_sleep(u, 0);
    for (int i = 0; i < 3 && levels; i++)
        below[i] = locust_spawn(u, tree, (void *)(levels - 1));
    for (int i = 0; i < 3 && levels; i++)
        locust_join(u, below[i]);
    n_ended++;
}

static void loose_tree(locust_user *u, void *arg)
{
    intptr_t levels = (intptr_t)arg;
    n_nodes++;
    for (int i = 0; i < 3 && levels; i++)
        CHECK(locust_spawn(u, loose_tree, (void *)(levels - 1)) != NULL);
    locust_sleep(u, 0);
    n_ended++;
}

static void grows(locust_user *u)
{
    n_nodes = n_ended = 0;
    locust_join(u, locust_spawn(u, tree, (void *)4));
    CHECK_INT(n_nodes, 121);
    CHECK_INT(n_ended, 121);
    n_nodes = n_ended = 0;
    locust_spawn(u, loose_tree, (void *)4);
    locust_join_all(u); // what a coroutine has started is the user's too
    CHECK_INT(n_nodes, 121);
    CHECK_INT(n_ended, 121);
    locust_stop_test(u);
}

static void started_by_coroutines(void)
{
    live((life){.task = grows});
    CHECK_INT(n_ended, 121);
}

/* A call that still waits when the task ends that made its handle or group. */
static locust_group *outer_group;
static int n_outlived;
static bool outlives_join;

static void until_next_task(locust_user *u, void *arg)
{
    (void)arg;
    until(u, &n_rounds, 2);
    n_ended++;
}

static void joins_its_own(locust_user *u, void *arg)
{
    locust_coroutine *c = locust_spawn(u, until_next_task, arg);
    n_outlived++;
    locust_join(u, c);
    say("joined");
}

static void waits_for_place(locust_user *u, void *arg)
{
    (void)arg;
    n_outlived++;
    locust_group_start(u, outer_group, turns, NULL);
    say("placed");
}

static void outlives(locust_user *u)
{
    if (n_rounds++ == 0) {
        outer_group = locust_group_new(u, 1);
        CHECK(locust_group_start(u, outer_group, until_next_task, NULL));
        locust_spawn(u, outlives_join ? joins_its_own : waits_for_place, NULL);
        until(u, &n_outlived, 1);
        return; // both go on
    }
    until(u, &n_ended, 1 + outlives_join);
    for (int i = 0; i < 10; i++)
        locust_sleep(u, 0);
    locust_stop_user(u);
}

static void outlive(void *join)
{
    *said = '\0';
    n_rounds = n_outlived = 0;
    n_ended = 0;
    outlives_join = join != NULL;
    live((life){.task = outlives, .on_stop = say_stop});
    puts(said);
    CHECK(heard("stop") == 1);
}

static void calls_that_outlive_the_task(void)
{
    static const char *const rows[] = {"group_start", "join"};
    for (size_t i = 0; i < 2; i++) {
        char *text;
        int status = check_fork(outlive, i ? (void *)rows : NULL, &text);
        CHECK_ROW(rows[i]);
        if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
            printf("# %.600s\n", text);
        free(text);
    }
}

/* -- the end of a user is the end of its coroutines -- */

static void dies_in_read(locust_user *u, void *url)
{
    char byte;
    locust_stream *s = locust_connect(u, url);
    CHECK_STR(locust_stream_error(s), NULL);
    locust_defer(u, clean, "reader");
    n_begun++;
    locust_read(s, &byte, 1);
    say("never");
}

static void dies_in_request(locust_user *u, void *path)
{
    locust_defer(u, clean, "asker");
    n_begun++;
    locust_get(u, path);
    say("never");
}

static void dies_asleep(locust_user *u, void *arg)
{
    (void)arg;
    locust_defer(u, clean, "second");
    locust_defer(u, clean, "first");
    n_begun++;
    locust_sleep(u, 1000);
    say("never");
}

static void background(locust_user *u)
{
    CHECK(locust_spawn(u, dies_asleep, NULL) != NULL); // goes on behind on_start
}

enum { BY_RUN_TIME, BY_STOP_TEST, BY_STOP_USER, BY_TASK_END };
static int way;

static void ends_early(locust_user *u)
{
    static char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", site->port);
    if (n_begun == 3) // next task of BY_TASK_END
        locust_stop_user(u);
    locust_spawn(u, dies_in_read, url);
    locust_spawn(u, dies_in_request, "/never");
    until(u, &n_begun, 3);
    while (site->seen->accepted < 2)
        locust_sleep(u, 0.001);
    locust_defer(u, clean, "task");
    if (way == BY_STOP_TEST)
        locust_stop_test(u);
    if (way == BY_STOP_USER)
        locust_stop_user(u);
    if (way != BY_TASK_END)
        locust_sleep(u, 1000);
}

static void cut_with_the_user(void)
{
    static const char *const ways[] = {"run time", "stop_test", "stop_user", "end of task"};
    for (int i = 0; i < 4; i++) {
        server s = server_start(1, silent);
        site = &s;
        way = i;
        n_begun = 0;
        *said = '\0';
        CHECK_ROW(ways[i]);
        live((life){.task = ends_early,
            .on_start = background,
            .on_stop = say_stop,
            .host = s.url,
            .run_time_s = i == BY_RUN_TIME ? 0.3 * slow() : 0});
        CHECK(heard("reader ") == 1 && heard("asker ") == 1 && heard("first second ") == 1);
        CHECK_INT(heard("task "), 1);
        CHECK_INT(heard("never"), 0);
        CHECK(ends_with(" stop ")); // they had ended when on_stop began
        CHECK_INT(heard("stop"), 1);
        CHECK(server_wait(s.seen->closed == 2));
        server_stop(&s);
    }
}

/* Who was started and never ran. */
static void starts_and_goes(locust_user *u)
{
    for (int i = 0; i < 10; i++)
        CHECK(locust_spawn(u, dies_asleep, NULL) != NULL);
    locust_stop_user(u);
}

static void cut_before_it_ran(void)
{
    *said = '\0';
    live((life){.task = starts_and_goes, .on_stop = say_stop});
    CHECK_INT(heard("never"), 0);
    CHECK(ends_with("stop "));
}

/* Started in on_stop. */
static void stop_starts(locust_user *u)
{
    locust_coroutine *c = locust_spawn(u, turns, (void *)3);
    locust_spawn(u, dies_asleep, NULL);
    locust_join(u, c);
    say("joined");
    locust_stop_test(u);
}

static void leaves(locust_user *u)
{
    locust_stop_user(u);
}

static void started_in_on_stop(void)
{
    *said = '\0';
    n_begun = n_ended = 0;
    live((life){.task = leaves, .on_stop = stop_starts});
    CHECK_INT(n_ended, 1);
    CHECK_STR(said, "joined first second ");
}

static void stops_user(locust_user *u, void *arg)
{
    (void)arg;
    locust_defer(u, clean, "stopper");
    locust_stop_user(u);
}

static void is_stopped(locust_user *u)
{
    locust_coroutine *c;
    locust_defer(u, clean, "task");
    c = locust_spawn(u, stops_user, NULL);
    locust_spawn(u, dies_asleep, NULL);
    locust_join(u, c);
    say("never");
}

static void stop_user_inside(void)
{
    *said = '\0';
    n_begun = 0;
    live((life){.task = is_stopped, .on_stop = say_stop});
    CHECK_INT(heard("never"), 0);
    CHECK(heard("stopper ") == 1 && heard("task ") == 1);
    CHECK_INT(heard("first second "), n_begun);
    CHECK(ends_with(" stop "));
    CHECK_INT(after.code, 0);
}

static void stops_test(locust_user *u, void *arg)
{
    (void)arg;
    locust_stop_test(u);
    say("returned");
    locust_sleep(u, 0);
    locust_sleep(u, 1000);
    say("never");
}

static void sees_the_end(locust_user *u)
{
    locust_join(u, locust_spawn(u, stops_test, NULL));
    say("never");
}

static void stop_test_inside(void)
{
    *said = '\0';
    live((life){.task = sees_the_end, .on_stop = say_stop});
    CHECK_STR(said, "returned stop ");
    CHECK_INT(after.code, 0);
}

static void fails(locust_user *u, void *arg)
{
    locust_defer(u, clean, "cleaned");
    if (arg)
        locust_fail(u, "part %s", "broke");
    say("never");
}

static void goes_on(locust_user *u)
{
    locust_coroutine *c = locust_spawn(u, fails, "");
    locust_coroutine *d = locust_spawn(u, turns, (void *)5);
    locust_join(u, c);
    say("joined");
    locust_join(u, d);
    say("on");
    locust_stop_user(u);
}

static void fail_inside(void)
{
    *said = '\0';
    n_ended = 0;
    live((life){.task = goes_on, .on_stop = say_stop});
    CHECK_STR(said, "cleaned joined on stop ");
    CHECK_INT(n_ended, 1);
    CHECK_INT(after.code, 1);
    CHECK_INT(after.exceptions, 1);
    CHECK_INT(after.told, 1);
    CHECK_STR(after.text, "part broke");
    CHECK(strstr(after.place, "test_coroutine.c:") && strstr(after.place, " in fails"));
}

/* -- cut while it waits -- */

static locust_semaphore closed_door = LOCUST_SEMAPHORE(0);

static void wait_join(locust_user *u)
{
    locust_join(u, locust_spawn(u, dies_asleep, NULL));
}
static void wait_join_all(locust_user *u)
{
    locust_spawn(u, dies_asleep, NULL);
    locust_join_all(u);
}
static void wait_group_join(locust_user *u)
{
    locust_group *g = locust_group_new(u, 2);
    locust_group_start(u, g, dies_asleep, NULL);
    locust_group_join(u, g);
}
static void wait_group_start(locust_user *u)
{
    locust_group *g = locust_group_new(u, 1);
    locust_group_start(u, g, dies_asleep, NULL);
    locust_group_start(u, g, dies_asleep, NULL);
}
static void wait_semaphore(locust_user *u)
{
    locust_spawn(u, dies_asleep, NULL);
    locust_semaphore_take(u, &closed_door);
}
static void in_coroutine(locust_user *u, void *arg)
{
    (void)arg;
    locust_defer(u, clean, "inner");
    wait_group_start(u);
    say("never");
}
static void wait_of_a_coroutine(locust_user *u)
{
    locust_join(u, locust_spawn(u, in_coroutine, NULL));
}

static const struct {
    const char *name;
    void (*wait)(locust_user *u);
} waits[] = {
    {"join", wait_join},
    {"join_all", wait_join_all},
    {"group_join", wait_group_join},
    {"group_start", wait_group_start},
    {"semaphore_take", wait_semaphore},
    {"coroutine", wait_of_a_coroutine},
};
static size_t wait_row;

static void is_cut(locust_user *u)
{
    locust_defer(u, clean, "task");
    waits[wait_row].wait(u);
    say("never");
}

static void cut_while_waiting(void)
{
    for (wait_row = 0; wait_row < sizeof waits / sizeof *waits; wait_row++) {
        CHECK_ROW(waits[wait_row].name);
        *said = '\0';
        live((life){.task = is_cut, .on_stop = say_stop, .run_time_s = 0.2 * patience()});
        CHECK_INT(heard("never"), 0);
        CHECK_INT(heard("task "), 1);
        CHECK_INT(heard("first second "), 1);
        CHECK(ends_with(" stop "));
        CHECK(closed_door.free == 0 && !closed_door.waiters[0]);
    }
}

/* -- the `u` that a coroutine is given -- */

static void uses_other(locust_user *u, void *other)
{
    (void)u;
    locust_sleep(other, 0);
}
static void lends(locust_user *u)
{
    locust_join(u, locust_spawn(u, uses_other, u));
}
static void own_user_only(void)
{
    live((life){.task = lends, .until_error = true});
    CHECK_INT(after.exceptions, 1);
    CHECK(strstr(after.text, "locust_sleep was called outside its user") != NULL);
    CHECK(strstr(after.place, " in uses_other, task run_task of Live") != NULL);
}

/* -- groups -- */

static int inside, most, n_next;

static void part(locust_user *u, void *arg)
{
    CHECK_INT((intptr_t)arg, n_next++); // in the order of the starts
    inside++;
    most = inside > most ? inside : most;
    for (intptr_t i = (intptr_t)arg % 7; i >= 0; i--)
        locust_sleep(u, 0);
    inside--;
    n_ended++;
}

static void thousand(locust_user *u)
{
    locust_group *g = locust_group_new(u, 6);
    inside = most = n_next = n_ended = 0;
    for (intptr_t i = 0; i < 1000; i++)
        CHECK(locust_group_start(u, g, part, (void *)i));
    CHECK(n_ended >= 994 && n_ended < 1000); // the last are on their way
    locust_group_join(u, g);
    CHECK_INT(n_ended, 1000);
    CHECK_INT(most, 6);
    CHECK_INT(inside, 0);
}

static void thousand_inside(locust_user *u, void *arg)
{
    (void)arg;
    thousand(u);
}

static void two_groups(locust_user *u)
{
    locust_group *a = locust_group_new(u, 2), *b = locust_group_new(u, 3);
    n_begun = n_ended = 0;
    locust_group_join(u, locust_group_new(u, 4)); // nobody in it
    for (int i = 0; i < 2; i++)
        CHECK(locust_group_start(u, a, turns, (void *)20));
    for (int i = 0; i < 3; i++)
        CHECK(locust_group_start(u, b, turns, (void *)2));
    CHECK_INT(n_begun, 0); // neither waited: each has its own places
    locust_group_join(u, b);
    CHECK_INT(n_ended, 3);
    CHECK(locust_group_start(u, a, turns, NULL));
    CHECK(n_ended >= 4);
    locust_group_join(u, a);
    CHECK_INT(n_ended, 6);
}

static void ask_plain(locust_user *u, void *path)
{
    locust_response *r = locust_get(u, path);
    CHECK(starts_with(r, path));
    locust_sleep(u, 0);
    CHECK(starts_with(r, path));
    n_done++;
}

static void browser(locust_user *u)
{
    static char paths[30][24];
    locust_group *g = locust_group_new(u, 6);
    n_done = 0;
    for (int i = 0; i < 30; i++) {
        snprintf(paths[i], sizeof paths[i], "/i%d", i);
        CHECK(locust_group_start(u, g, ask_plain, paths[i]));
    }
    locust_group_join(u, g);
    CHECK_INT(n_done, 30);
    CHECK(site->seen->accepted <= 6);
}

static void groups_task(locust_user *u)
{
    thousand(u);
    locust_join(u, locust_spawn(u, thousand_inside, NULL));
    two_groups(u);
    browser(u);
    say("done");
    locust_stop_test(u);
}

static void groups(void)
{
    server s = server_start(1, held);
    s.seen->go = 1;
    site = &s;
    *said = '\0';
    live((life){.task = groups_task, .host = s.url});
    CHECK_STR(said, "done ");
    server_stop(&s);
}

static void forgets_group(locust_user *u)
{
    locust_group *g = locust_group_new(u, 2);
    CHECK(locust_group_start(u, g, dies_asleep, NULL));
    CHECK(locust_group_start(u, g, dies_asleep, NULL));
    CHECK(locust_group_new(u, 2) != NULL); // one without anybody
    until(u, &n_begun, 2 * ++n_rounds);
    if (n_rounds == 3)
        locust_stop_user(u);
}

static void forgotten_groups(void)
{
    *said = '\0';
    n_begun = n_rounds = 0;
    live((life){.task = forgets_group, .on_stop = say_stop});
    CHECK_INT(heard("first second "), 6);
    CHECK_INT(heard("never"), 0);
    CHECK(ends_with(" stop "));
}

/* -- semaphores -- */

static locust_semaphore door;
static int n_tickets, n_admitted;

static void passes(locust_user *u, void *arg)
{
    int ticket = n_tickets++;
    (void)arg;
    locust_semaphore_take(u, &door);
    CHECK_INT(ticket, n_admitted++); // first come, first served
    inside++;
    most = inside > most ? inside : most;
    for (int i = ticket % 5; i >= 0; i--)
        locust_sleep(u, 0);
    inside--;
    locust_semaphore_give(u, &door);
    n_ended++;
}

static void comes(locust_user *u)
{
    if (u->id % 10 == 0) // coroutines come as well
        for (int i = 0; i < 5; i++)
            locust_spawn(u, passes, NULL);
    for (int i = 0; i < 3; i++)
        passes(u, NULL);
    locust_join_all(u);
    if (n_ended == 200 * 3 + 20 * 5)
        locust_stop_test(u);
    locust_stop_user(u);
}

static void semaphore(void)
{
    door = (locust_semaphore)LOCUST_SEMAPHORE(7);
    n_tickets = n_admitted = inside = most = n_ended = 0;
    live((life){.task = comes, .users = 200});
    CHECK_INT(n_ended, 700);
    CHECK_INT(most, 7);
    CHECK_INT(door.free, 7);
    CHECK(!door.waiters[0]);
}

static locust_user *door_users[64];

static void give_back(void *u)
{
    locust_semaphore_give(u, &door);
}

static void holds(locust_user *u)
{
    locust_semaphore_take(u, &door);
    n_admitted++;
    if (way)
        locust_defer(u, give_back, u);
    door_users[u->id] = u;
    if (way == 2)
        locust_stop_user(u);
    locust_sleep(u, 1000);
}

static void counts_to_20(locust_user *u)
{
    if (n_admitted == 20)
        locust_stop_test(u);
}

/* 0: nothing comes back; 1: by locust_defer; 2: and the next ones get it */
static void semaphore_of_the_cut(void)
{
    static const int frees[] = {0, 3, 3}, admitted[] = {3, 3, 20};
    for (int i = 0; i < 3; i++) {
        way = i;
        n_admitted = 0;
        door = (locust_semaphore)LOCUST_SEMAPHORE(3);
        live((life){.task = holds,
            .users = 20,
            .on_stop = i == 2 ? counts_to_20 : NULL,
            .run_time_s = i == 2 ? 0 : 0.2 * slow()});
        CHECK_INT(n_admitted, admitted[i]);
        CHECK_INT(door.free, frees[i]);
        CHECK(!door.waiters[0]);
    }
}

/* The unit comes to a user in the same turn in which it is cut: the next one must get it. */
static void gives_and_stops(locust_user *u, void *arg)
{
    (void)arg;
    locust_semaphore_take(u, &door);
    n_tickets = 1;
    until(u, &n_tickets, 3);
    locust_semaphore_give(u, &door); // to the task of this user
    locust_stop_user(u);             // which is cut before it runs
}

static void gets_too_late(locust_user *u)
{
    if (u->id == 1) {
        locust_spawn(u, gives_and_stops, NULL);
        until(u, &n_tickets, 1);
        n_tickets = 2;
        locust_semaphore_take(u, &door);
        locust_defer(u, give_back, u);
        say("first");
        locust_stop_user(u);
    }
    until(u, &n_tickets, 2);
    n_tickets = 3;
    locust_semaphore_take(u, &door);
    say("second");
    locust_stop_test(u);
}

static void unit_for_the_cut(void)
{
    *said = '\0';
    n_tickets = 0;
    door = (locust_semaphore)LOCUST_SEMAPHORE(1);
    live((life){.task = gets_too_late, .users = 2, .run_time_s = 1 * patience()});
    CHECK(heard("second") == 1);
}

static locust_context *context, *other;

/* -- without memory -- */

LOCUST_STACK(uint64_t, trail);

static void starved(locust_user *u)
{
    int ran = 0;
    locust_group *g = locust_group_new(u, 2);
    depth_set(4);
    locust_context *c = locust_context_copy();
    *plain() = 5;
    blocks_fail_in = 0;
    blocks_fail_on = true;
    CHECK(locust_spawn(u, turns, NULL) == NULL);
    locust_join(u, NULL);
    CHECK(locust_group_new(u, 2) == NULL);
    CHECK(!locust_group_start(u, g, turns, NULL));
    CHECK(locust_context_copy() == NULL);
    CHECK(!locust_defer(u, clean, "now"));
    CHECK_STR(said, "now ");
    LOCUST_SCOPE(plain)
    ran++;
    CHECK(!trail_push(1));
    blocks_fail_in = -1;
    blocks_fail_on = false;
    CHECK_INT(ran, 0);
    CHECK_INT(*plain(), 5);
    CHECK_INT(depth(), 4);
    CHECK_INT(trail_top(), 0);
    locust_context_free(c);
    n_ended = 0;
    CHECK(locust_group_start(u, g, turns, NULL));
    CHECK(locust_group_start(u, g, turns, NULL)); // no place was lost
    locust_group_join(u, g);
    CHECK_INT(n_ended, 2);
    say("done");
    locust_stop_test(u);
}

static void without_memory(void)
{
    *said = '\0';
    live((life){.task = starved});
    CHECK_STR(said, "now done ");
}

/* -- thousands -- */

static uint64_t n_right, n_wrong;
static int n_users;

struct own {
    uint64_t id, twice;
};
LOCUST_LOCAL(struct own, own);

static void turn(locust_user *u)
{
    if (u->id % 3)
        locust_sleep(u, 0);
    else
        locust_wait(u);
}

static void expect(bool truth)
{
    *(truth ? &n_right : &n_wrong) += 1;
}

static void isolated_part(locust_user *u, void *arg)
{
    (void)arg;
    expect(depth() == (int)u->id);
    depth_set(-1);
    turn(u);
    expect(depth() == -1 && own()->id == u->id && *(uint64_t *)u->data == u->id * 5);
}

static void isolated(locust_user *u)
{
    uint64_t id = u->id;
    locust_token t;
    locust_coroutine *c;
    expect(*(uint64_t *)u->data == 0 && own()->id == 0 && depth() == 3 && trail_top() == 0);
    turn(u);
    *(uint64_t *)u->data = id * 5;
    turn(u);
    own()->id = id;
    turn(u);
    t = depth_set((int)id);
    turn(u);
    expect(*(uint64_t *)u->data == id * 5);
    turn(u);
    expect(own()->id == id);
    turn(u);
    expect(depth() == (int)id);
    c = locust_spawn(u, isolated_part, NULL);
    for (uint64_t i = 0; i < 3; i++) {
        expect(trail_push(id + i));
        turn(u);
    }
    LOCUST_SCOPE(own)
    {
        expect(own()->id == 0);
        own()->id = id; // as isolated_part expects
        own()->twice = 2 * id;
        turn(u);
        expect(own()->twice == 2 * id);
    }
    locust_join(u, c);
    expect(own()->id == id && own()->twice == 0);
    for (uint64_t i = 3; i-- > 0; turn(u))
        expect(trail_pop() == id + i);
    expect(trail_pop() == 0);
    expect(depth() == (int)id);
    depth_reset(t);
    expect(depth() == 3);
    trail_push(1); // left for the end of the user
    if (++n_done == n_users)
        locust_stop_test(u);
    locust_stop_user(u);
}

static void isolation(void)
{
    n_users = slow() > 1 ? 2000 : 10000;
    n_right = n_wrong = 0;
    n_done = 0;
    live((life){.task = isolated, .users = n_users});
    CHECK_INT(n_done, n_users);
    CHECK_INT(n_wrong, 0);
    CHECK_INT(n_right, n_users * 18);
}

/* All users in a request that is never answered: the watcher sees each request arrive. */
static int listener, *conns;

static void beside_request(locust_user *u, void *arg)
{
    locust_defer(u, clean, arg);
    locust_get(u, "/");
    n_wrong++;
}

static void watch(locust_user *u)
{
    char byte;
    for (int n = 0; n < n_begun || n_begun < n_users;) {
        conns[n] = accept(listener, NULL, NULL);
        if (conns[n] < 0)
            locust_sleep(u, 0.001);
        else
            n++;
    }
    for (int i = 0; i < n_begun; i++)
        while (recv(conns[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
            locust_sleep(u, 0.001);
    n_done = n_begun;
    locust_stop_test(u);
    locust_sleep(u, 1000);
}

static void unanswered(locust_user *u)
{
    if (u->id == 1)
        watch(u);
    trail_push(u->id);
    depth_set(1);
    own()->id = u->id;
    locust_defer(u, clean, "");
    n_begun++;
    LOCUST_SCOPE(own)
    {
        if (u->id % 2) {
            locust_spawn(u, beside_request, "");
            locust_join_all(u);
        }
        locust_get(u, "/");
    }
    n_wrong++;
}

static void cancelled_in_requests(void)
{
    server_how how = {.family = AF_INET};
    char url[64];
    int port;
    n_users = slow() > 1 ? 300 : 2000;
    listener = server_bind(&how, &port, url, sizeof url);
    conns = calloc((size_t)n_users + 1, sizeof *conns);
    if (!CHECK(listener >= 0 && listen(listener, 4096) == 0 && conns))
        return;
    fcntl(listener, F_SETFL, O_NONBLOCK);
    n_begun = n_done = 0;
    n_wrong = 0;
    live((life){.task = unanswered, .users = n_users + 1, .host = url});
    CHECK_INT(n_done, n_users);
    CHECK_INT(n_wrong, 0);
    CHECK_INT(after.unanswered, n_users); // each one's own, or that of its coroutine
    CHECK_INT(after.requests, 0);
    CHECK_INT(after.asked, n_users);
    for (int i = 0; i < n_done; i++)
        close(conns[i]);
    close(listener);
    free(conns);
}

TESTS({"shared and own", shared_and_own}, {"shared pool", shared_pool}, {"joined", joined},
    {"forgotten handles", forgotten_handles}, {"started by coroutines", started_by_coroutines},
    {"calls that outlive the task", calls_that_outlive_the_task},
    {"cut with the user", cut_with_the_user}, {"cut before it ran", cut_before_it_ran},
    {"started in on_stop", started_in_on_stop}, {"stop_user inside", stop_user_inside},
    {"stop_test inside", stop_test_inside}, {"fail inside", fail_inside},
    {"cut while waiting", cut_while_waiting}, {"own user only", own_user_only}, {"groups", groups},
    {"forgotten groups", forgotten_groups}, {"semaphore", semaphore},
    {"semaphore of the cut", semaphore_of_the_cut}, {"unit for the cut", unit_for_the_cut},
    {"without memory", without_memory}, {"isolation", isolation},
    {"cancelled in requests", cancelled_in_requests}, )
