// judged_users.c - users whose figures are judged; classes are chosen by name.
//   Get      requests each path of VERDICT_PATHS ("/delay/1", or "POST /delay/1", separated by ',');
//            VERDICT_NAME names them, VERDICT_WAIT (s) goes between two tasks, at random up to
//            VERDICT_WAIT_TO; VERDICT_PACE (s) paces them. It has connected before it begins, by
//            /delay/0 under the name "connect", if VERDICT_CONNECT is set. It keeps no connection if
//            VERDICT_CLOSE is set
//   Known    records what is in the file VERDICT_KNOWN, waits VERDICT_HOLD (s) before the last of it
//            and VERDICT_AFTER (s) behind it, and ends the test. A record ends with a byte 30;
//            between method, name, ms and error stands a byte 31
//   Napper   its task nap blocks everybody for 100 ms by usleep
//   Spinner  its task spin blocks everybody by a busy loop that takes 100 ms of a core
//   Polite   waits for 100 ms as it should
//   Thrower  its task fails with VERDICT_FAIL after VERDICT_HOLD (s), and the test ends;
//            VERDICT_CLASS is its name, and that of its task
//   Busy     measures nothing, without a wait
//   Burst    the same for 6 s, then it rests
//   VERDICT_CODE  the test's own exit code
//   VERDICT_LOG   prints, as listeners see them:  sample METHOD NAME BEGAN_S ELAPSED_MS LATE_MS
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *setting(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static double number(const char *name)
{
    return setting(name) ? atof(setting(name)) : 0;
}

static void begin(locust_user *u)
{
    if (setting("VERDICT_CONNECT")) {
        locust_sleep(u, (double)(u->id * 7919 % 1000) / 1000);
        locust_get(u, "/delay/0", .name = "connect");
    }
}

static void get(locust_user *u)
{
    char *paths = strdup(setting("VERDICT_PATHS") ? setting("VERDICT_PATHS") : "/delay/1");
    char *path, *at = NULL;
    if (!paths) // a test leaves no memory
        return;
    locust_defer(u, free, paths);
    for (path = strtok_r(paths, ",", &at); path; path = strtok_r(NULL, ",", &at)) {
        char *url = strchr(path, ' ');
        if (url)
            *url++ = '\0';
        locust_send(u, &(locust_request){.method = url ? path : "GET",
                           .url = url ? url : path,
                           .name = setting("VERDICT_NAME")});
    }
}

static void record(locust_user *u, char *text)
{
    char *method = text, *name = strchr(method, 31), *ms, *error;
    if (!name)
        return;
    *name++ = '\0';
    ms = strchr(name, 31);
    if (!ms)
        return;
    *ms++ = '\0';
    error = strchr(ms, 31);
    if (!error)
        return;
    *error++ = '\0';
    locust_record(u, &(locust_sample){.method = method,
                         .name = name,
                         .elapsed_ms = atof(ms),
                         .length = 7,
                         .error = *error ? error : NULL});
}

static void known(locust_user *u)
{
    FILE *f = setting("VERDICT_KNOWN") ? fopen(setting("VERDICT_KNOWN"), "rb") : NULL;
    static char text[1 << 22];
    char *one, *next, *at = NULL;
    if (f) {
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
    }
    for (one = strtok_r(text, "\036", &at); one; one = next) {
        next = strtok_r(NULL, "\036", &at);
        if (!next)
            locust_sleep(u, number("VERDICT_HOLD"));
        record(u, one);
    }
    locust_sleep(u, number("VERDICT_AFTER"));
    locust_stop_test(u);
}

static void nap(locust_user *u)
{
    (void)u;
    usleep(100000);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void spin(locust_user *u)
{
    double until = cpu_seconds() + 0.1;
    (void)u;
    while (cpu_seconds() < until) {
    }
}

static void polite(locust_user *u)
{
    locust_sleep(u, 0.1);
}

static void fails(locust_user *u)
{
    locust_sleep(u, number("VERDICT_HOLD"));
    locust_stop_test(u);
    locust_fail(u, "%s", setting("VERDICT_FAIL") ? setting("VERDICT_FAIL") : "failed");
}

static void nothing(locust_user *u)
{
    LOCUST_MEASURE(u, "DO", "nothing", m)
    {
    }
}

static void burst(locust_user *u)
{
    if (locust_run_time(u->env) < 6)
        nothing(u);
    else
        locust_sleep(u, 0.1);
}

static void on_request(locust_env *env, const locust_sample *s)
{
    if (setting("VERDICT_LOG"))
        printf("sample %s %s %.6f %.3f %.3f\n", s->method, s->name,
            locust_run_time(env) - s->elapsed_ms / 1e3, s->elapsed_ms, s->late_ms);
}

static void on_quitting(locust_env *env)
{
    if (setting("VERDICT_CODE"))
        locust_set_exit_code(env, (int)number("VERDICT_CODE"));
}

int main(int argc, char **argv)
{
    static locust_user_class Get = {.name = "Get", .on_start = begin};
    static const locust_wait_time second = LOCUST_CONSTANT(0.3);
    static locust_user_class Known = {.name = "Known"}, Napper = {.name = "Napper"},
                             Spinner = {.name = "Spinner"}, Polite = {.name = "Polite"},
                             Busy = {.name = "Busy"}, Burst = {.name = "Burst"},
                             Thrower = {.name = "Thrower"};
    static locust_task tasks[] = {{.fn = fails, .name = "fails"}, {0}};
    static const locust_test test = {
        .users = {&Get, &Known, &Napper, &Spinner, &Polite, &Busy, &Burst, &Thrower},
        .on_request = on_request,
        .on_quitting = on_quitting};
    if (setting("VERDICT_LOG")) // whoever reads it does so while the test runs
        setvbuf(stdout, NULL, _IOLBF, 1 << 12);
    Get.tasks = LOCUST_TASKS(LOCUST_TASK(get));
    Get.no_keep_alive = setting("VERDICT_CLOSE") != NULL;
    Known.tasks = LOCUST_TASKS(LOCUST_TASK(known));
    Napper.tasks = LOCUST_TASKS(LOCUST_TASK(nap));
    Spinner.tasks = LOCUST_TASKS(LOCUST_TASK(spin));
    Busy.tasks = LOCUST_TASKS(LOCUST_TASK(nothing));
    Burst.tasks = LOCUST_TASKS(LOCUST_TASK(burst));
    Polite.tasks = LOCUST_TASKS(LOCUST_TASK(polite));
    if (setting("VERDICT_CLASS"))
        Thrower.name = tasks->name = setting("VERDICT_CLASS");
    Thrower.tasks = tasks;
    Napper.wait_time = Spinner.wait_time = Polite.wait_time = second;
    if (setting("VERDICT_PACE"))
        Get.wait_time = (locust_wait_time){LOCUST_WAIT_PACING, number("VERDICT_PACE"), 0, NULL};
    else if (setting("VERDICT_WAIT_TO"))
        Get.wait_time = (locust_wait_time){
            LOCUST_WAIT_BETWEEN, number("VERDICT_WAIT"), number("VERDICT_WAIT_TO"), NULL};
    else if (setting("VERDICT_WAIT"))
        Get.wait_time = (locust_wait_time){LOCUST_WAIT_CONSTANT, number("VERDICT_WAIT"), 0, NULL};
    return locust_main(argc, argv, &test);
}
