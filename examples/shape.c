/* A load curve of the test's own, in place of --users, --spawn-rate and --run-time.
 *
 *   cc -O2 -I.. shape.c -o shape && ./shape --headless -H http://127.0.0.1:8080
 *
 * Shows: a shape function, a phase with other user classes, the end of the test by the shape.
 * A plain ramp needs no code: --stages 1m:100,5m:100,1m:0 */
#include "locust.h"

static void front(locust_user *u) { locust_get(u, "/"); }
static void report(locust_user *u) { locust_get(u, "/size/10000", .name = "/report"); }

LOCUST_USER(Visitor, .wait_time = LOCUST_CONSTANT(1), .tasks = LOCUST_TASKS(LOCUST_TASK(front)));
LOCUST_USER(Auditor, .wait_time = LOCUST_CONSTANT(1), .tasks = LOCUST_TASKS(LOCUST_TASK(report)));

static const locust_user_class *const visitors[] = { &Visitor, NULL };

static const struct phase {
    double until_s;
    int users;
    double spawn_rate;
    const locust_user_class *const *classes;
} phases[] = {
    {  60, 100, 10, visitors }, /* visitors alone */
    { 120, 200, 10, NULL },     /* of those that come now, the classes get their shares by weight */
    { 180,  50, 10, NULL },     /* down again, as fast */
};

static bool curve(locust_env *env, locust_tick *tick) /* called each second */
{
    double now = locust_run_time(env);
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (now < phases[i].until_s) {
            tick->users = phases[i].users;
            tick->spawn_rate = phases[i].spawn_rate;
            tick->classes = phases[i].classes;
            return true;
        }
    return false;
}

LOCUST_MAIN(.users = { &Visitor, &Auditor }, .shape = curve)
