// LOCUST_VAR, contexts, LOCUST_STACK: each sentence of >>locals on them. Through users, who are layer 6.
// timeout: 900
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"
#include "lives.h"

LOCUST_VAR(int, depth, 3);

static int way;

/* -- context variables -- */

struct quad {
    uint64_t a, b, c, d;
};
LOCUST_VAR(struct quad, quad, {1, 2, 3, 4});
LOCUST_VAR(const char *, mood, "fine");

struct strict {
    _Alignas(max_align_t) char c;
};
LOCUST_VAR(struct strict, strictest, {'s'});

static void sees_and_sets(locust_user *u, void *arg)
{
    (void)arg;
    CHECK_INT(depth(), 10); // of when it was started, not of now
    locust_sleep(u, 0);
    CHECK_INT(depth(), 10);
    depth_set(20);
    n_begun++;
    until(u, &n_begun, 2);
    CHECK_INT(depth(), 20); // the starter's 30 is not seen here
    CHECK_STR(mood(), "fine");
    n_ended++;
}

static void grandchild(locust_user *u, void *arg)
{
    (void)u;
    CHECK_INT(depth(), (intptr_t)arg);
    depth_set(99);
}

static void child(locust_user *u, void *arg)
{
    (void)arg;
    locust_token t = depth_set(71);
    locust_coroutine *c = locust_spawn(u, grandchild, (void *)71);
    depth_set(72);
    locust_join(u, c);
    CHECK_INT(depth(), 72);
    depth_reset(t);
    CHECK_INT(depth(), 70);
}

static void resets_inherited(locust_user *u, void *arg)
{
    (void)u;
    CHECK_INT(depth(), 11);
    depth_reset(*(locust_token *)arg); // a token of the starter
    CHECK_INT(depth(), 10);
}

static void var_task(locust_user *u)
{
    locust_token a, b, c;
    locust_coroutine *co;
    CHECK_INT(depth(), 3);
    CHECK_STR(mood(), "fine");
    CHECK(quad().a == 1 && quad().d == 4);
    a = depth_set(4);
    b = depth_set(5);
    c = depth_set(6);
    CHECK_INT(depth(), 6);
    depth_reset(c);
    CHECK_INT(depth(), 5);
    depth_reset(b);
    CHECK_INT(depth(), 4);
    depth_reset(a);
    CHECK_INT(depth(), 3);
    a = quad_set((struct quad){5, 6, 7, 8});
    CHECK(quad().a == 5 && quad().d == 8);
    locust_sleep(u, 0);
    CHECK(quad().b == 6 && quad().c == 7);
    quad_reset(a);
    CHECK(quad().a == 1 && quad().d == 4);
    strictest_set((struct strict){'t'});
    CHECK_INT(strictest().c, 't');
    CHECK_INT((uintptr_t)locust_var_get(&strictest_var) % _Alignof(max_align_t), 0);

    depth_set(10);
    n_begun = n_ended = 0;
    co = locust_spawn(u, sees_and_sets, NULL);
    b = depth_set(11);
    until(u, &n_begun, 1);
    CHECK_INT(depth(), 11);
    mood_set("odd");
    depth_set(30);
    n_begun = 2;
    locust_join(u, co);
    CHECK_INT(depth(), 30);
    CHECK_STR(mood(), "odd");
    depth_set(11);
    locust_join(u, locust_spawn(u, resets_inherited, &b));
    CHECK_INT(depth(), 11);
    depth_set(70);
    locust_join(u, locust_spawn(u, child, NULL));
    CHECK_INT(depth(), 70);
    say("done");
    locust_stop_test(u);
}

static void context_variables(void)
{
    *said = '\0';
    live((life){.task = var_task});
    CHECK_STR(said, "done ");
    CHECK_INT(n_ended, 1);
}

/* -- contexts -- */

static locust_user *runner;
static locust_context *context, *other;

static void expect_and_set(void *values) // {expected, new}
{
    const int *v = values;
    CHECK_INT(depth(), v[0]);
    depth_set(v[1]);
    CHECK_INT(depth(), v[1]);
    locust_sleep(runner, 0); // may park inside
    CHECK_INT(depth(), v[1]);
}

static void check_60(locust_user *u, void *arg)
{
    (void)u, (void)arg;
    CHECK_INT(depth(), 60);
    depth_set(61);
}

static void start_inside(void *u)
{
    locust_join(u, locust_spawn(u, check_60, NULL)); // inherits the context that is entered
    CHECK_INT(depth(), 60);
}

static void run_other(void *values)
{
    CHECK_INT(depth(), 60);
    locust_context_run(other, expect_and_set, values);
    CHECK_INT(depth(), 60);
}

static void runs_beside(locust_user *u, void *arg)
{
    locust_user *was = runner;
    runner = u;
    locust_context_run(arg, expect_and_set, (int[]){60, 62});
    runner = was;
}

static void context_task(locust_user *u)
{
    locust_context *virgin = locust_context_copy(); // nothing is set yet
    runner = u;
    locust_context_run(virgin, expect_and_set, (int[]){3, 8});
    CHECK_INT(depth(), 3);
    locust_context_run(virgin, expect_and_set, (int[]){8, 9});
    locust_context_free(virgin);
    locust_context_free(NULL);

    depth_set(40);
    context = locust_context_copy();
    depth_set(50); // set later: in one of both
    locust_context_run(context, expect_and_set, (int[]){40, 60});
    CHECK_INT(depth(), 50);
    other = locust_context_copy();
    locust_context_run(context, start_inside, u);
    CHECK_INT(depth(), 50);
    locust_context_run(context, run_other, (int[]){50, 80});
    CHECK_INT(depth(), 50);
    locust_context_run(other, expect_and_set, (int[]){80, 81});
    locust_context_free(other);
    locust_join(u, locust_spawn(u, runs_beside, context)); // by another coroutine: it is left
    CHECK_INT(depth(), 50);
    locust_context_run(context, expect_and_set, (int[]){62, 63});
    locust_context_free(context);
    say("done");
    locust_stop_test(u);
}

static void contexts(void)
{
    *said = '\0';
    live((life){.task = context_task});
    CHECK_STR(said, "done ");
}

/* A context goes from one user to another. */
static void passes_on(locust_user *u)
{
    if (u->id == 1) {
        depth_set(60);
        context = locust_context_copy();
        n_begun = 1;
        until(u, &n_begun, 2);
        locust_stop_test(u);
        locust_stop_user(u);
    }
    until(u, &n_begun, 1);
    CHECK_INT(depth(), 3);
    runner = u;
    locust_context_run(context, expect_and_set, (int[]){60, 62});
    CHECK_INT(depth(), 3);
    locust_context_free(context);
    n_begun = 2;
    locust_sleep(u, 1000);
}

static void context_of_another_user(void)
{
    n_begun = 0;
    live((life){.task = passes_on, .users = 2});
    CHECK_INT(n_begun, 2);
}

/* What fails the task. */
static void nothing(void *arg)
{
    (void)arg;
}
static locust_context *until_stop;
static void end_at_stop(locust_user *u)
{
    if (u->id > 1)
        return;
    locust_context_free(until_stop);
    until_stop = NULL;
}
static void end_context(void *arg)
{
    locust_context_free(arg);
}
static locust_context *copy_until_the_end(locust_user *u)
{
    locust_context *copy = locust_context_copy();
    CHECK(copy && locust_defer(u, end_context, copy));
    return copy;
}
static void enter_again(void *arg)
{
    locust_context_run(arg, nothing, NULL);
}
static void free_entered(void *arg)
{
    locust_context_free(arg);
}
static void enter_and_sleep(void *u)
{
    n_begun = 1;
    locust_sleep(u, 1000);
}
static void enters_beside(locust_user *u, void *arg)
{
    locust_context_run(arg, enter_and_sleep, u);
}
static void twice_nested(locust_user *u)
{
    context = copy_until_the_end(u);
    locust_context_run(context, enter_again, context);
}
static void enter_below(void *arg)
{
    locust_context_run(other, enter_again, arg);
}
static void twice_deep(locust_user *u)
{
    context = copy_until_the_end(u);
    other = copy_until_the_end(u);
    locust_context_run(context, enter_below, context);
}
static void twice_by_coroutine(locust_user *u)
{
    if (u->id > 1) // one will do
        locust_sleep(u, 1000);
    context = until_stop =
        locust_context_copy(); // the coroutine is inside for longer than the task
    locust_spawn(u, enters_beside, context);
    until(u, &n_begun, 1);
    locust_context_run(context, nothing, NULL);
}
static void twice_by_users(locust_user *u)
{
    if (u->id == 1) {
        context = copy_until_the_end(u);
        enters_beside(u, context);
    }
    until(u, &n_begun, 1);
    locust_context_run(context, nothing, NULL);
}
static void free_inside(locust_user *u)
{
    context = copy_until_the_end(u);
    locust_context_run(context, free_entered, context);
}

static const struct {
    const char *name, *says;
    locust_task_fn task;
} refused[] = {
    {"nested", "entered already", twice_nested},
    {"below another one", "entered already", twice_deep},
    {"another coroutine", "entered already", twice_by_coroutine},
    {"another user", "entered already", twice_by_users},
    {"freed inside", "entered: leave it first", free_inside},
};

static void copy_outside(void *arg)
{
    (void)arg;
    locust_context_copy();
}
static void var_outside(void *arg)
{
    (void)arg;
    depth();
}

static void refuses(void)
{
    char *text;
    int status;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        CHECK_ROW(refused[i].name);
        n_begun = 0;
        live((life){
            .task = refused[i].task, .on_stop = end_at_stop, .users = 2, .until_error = true});
        CHECK_INT(after.code, 1);
        CHECK(
            strncmp(after.text, "locust_context_", 15) == 0 && strstr(after.text, refused[i].says));
        CHECK_STR(after.place, "task run_task of Live");
    }
    CHECK_ROW("outside a user");
    for (int i = 0; i < 2; i++) {
        status = check_fork(i ? copy_outside : var_outside, NULL, &text);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
        CHECK(strstr(text, "outside a user") != NULL);
        free(text);
    }
}

/* Left by a jump, from two contexts deep. */
static void jump(void *u)
{
    depth_set(6);
    if (way)
        locust_stop_user(u);
    locust_fail(u, "jumped");
}
static void enter_inner(void *u)
{
    depth_set(5);
    locust_context_run(other, jump, u);
}

static void jumps(locust_user *u)
{
    if (n_rounds++ == 0) {
        depth_set(4);
        context = locust_context_copy();
        other = locust_context_copy();
        locust_context_run(context, enter_inner, u);
    }
    locust_stop_user(u);
}

static void after_jump(locust_user *u)
{
    CHECK_INT(depth(), 4); // neither of those entered
    runner = u;
    locust_context_run(context, expect_and_set, (int[]){5, 7});
    locust_context_run(other, expect_and_set, (int[]){6, 7});
    locust_context_free(context);
    locust_context_free(other);
    CHECK_INT(depth(), 4);
    say("after");
    locust_stop_test(u);
}

static void context_left_by_jump(void)
{
    for (int i = 0; i < 2; i++) {
        CHECK_ROW(i ? "stop_user" : "fail");
        way = i;
        n_rounds = 0;
        *said = '\0';
        live((life){.task = jumps, .on_stop = after_jump});
        CHECK_STR(said, "after ");
        CHECK_INT(after.exceptions, !i);
    }
}

/* The usual way not to leak one: locust_defer before it is entered. */
static void free_context(void *c)
{
    locust_context_free(c);
}
static void defers_free_of_coroutine(locust_user *u)
{
    locust_context *c = locust_context_copy();
    locust_defer(u, free_context, c);
    n_begun = 0;
    locust_spawn(u, enters_beside, c);
    until(u, &n_begun, 1);
    locust_stop_user(u);
}
static void defers_free(locust_user *u)
{
    locust_context *c;
    if (n_rounds++)
        locust_stop_user(u);
    c = locust_context_copy();
    locust_defer(u, free_context, c);
    way = 0;
    locust_context_run(c, jump, u);
}

static void run_deferred(void *by_coroutine)
{
    n_rounds = 0;
    live(
        (life){.task = by_coroutine ? defers_free_of_coroutine : defers_free, .on_stop = say_stop});
}

static void context_freed_by_defer(void)
{
    for (int i = 0; i < 2; i++) {
        char *text;
        int status = check_fork(run_deferred, i ? &way : NULL, &text);
        CHECK_ROW(i ? "entered by a coroutine, user stopped" : "left by locust_fail");
        if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
            printf("# %.300s\n", text);
        free(text);
    }
}

/* -- variables and stacks of 10,000 users who take turns at every access -- */

struct pair {
    uint64_t low, high;
};
LOCUST_VAR(uint64_t, number, 42);
LOCUST_VAR(struct pair, range, {1, 2});
LOCUST_STACK(uint64_t, trail);
LOCUST_STACK(const char *, words);

static int right, wrong, done, all; // all: users

static void turn(locust_user *u)
{
    locust_sleep(u, 0);
}

static void expect(bool truth)
{
    *(truth ? &right : &wrong) += 1;
}

static void isolated(locust_user *u)
{
    locust_token outer_token, inner_token;
    uint64_t id = u->id;
    expect(number() == 42 && range().high == 2 && trail_top() == 0 && trail_pop() == 0);
    expect(words_pop() == NULL);
    turn(u);
    outer_token = number_set(id);
    turn(u);
    expect(number() == id);
    inner_token = number_set(id * 3);
    range_set((struct pair){id, id + 1});
    for (uint64_t i = 0; i < 5; i++) {
        expect(trail_push(id + i));
        turn(u);
    }
    words_push("x");
    expect(number() == id * 3 && range().low == id && range().high == id + 1);
    number_reset(inner_token);
    turn(u);
    expect(number() == id);
    number_reset(outer_token);
    expect(number() == 42);
    for (uint64_t i = 5; i-- > 0; turn(u))
        expect(trail_top() == id + i && trail_pop() == id + i);
    expect(trail_pop() == 0);
    trail_push(1); // left for the end of the user
    if (++done == all)
        locust_stop_test(u);
    locust_stop_user(u);
}
LOCUST_USER(Isolated, .tasks = LOCUST_TASKS(LOCUST_TASK(isolated)));

static void variables(void)
{
    static const locust_test test = {.users = {&Isolated}};
    int users = all = getenv("TEST_SLOW") && atoi(getenv("TEST_SLOW")) > 3 ? 500 : 10000;
    locust_env *env = locust_env_new(&test, &(locust_options){.quiet = true,
                                                .host = "http://127.0.0.1:1",
                                                .users = users,
                                                .spawn_rate = users,
                                                .run_time_s = 20});
    right = wrong = done = 0;
    if (!CHECK(env != NULL))
        return;
    CHECK_INT(locust_run(env), 0);
    CHECK_INT(wrong, 0);
    CHECK_INT(right, users * 17);
    locust_env_free(env);
}

TESTS({"context variables", context_variables}, {"contexts", contexts},
    {"context of another user", context_of_another_user}, {"refuses", refuses},
    {"context left by jump", context_left_by_jump},
    {"context freed by defer", context_freed_by_defer}, {"variables and stacks", variables}, )
