/* ============================================================================================
 * >>control  inside a user
 *
 * Purpose     wait, stop, fail, defer, schedule.
 * ============================================================================================ */

/* Parks this user for that many seconds. Call from a user. */
LOCUST_API void locust_sleep(locust_user *u, double seconds);

/* Ends the test as if its run time were over: users are stopped, on_stop runs for each, reports
 * are written. Returns at once; the calling user goes on until it parks or its task ends. */
LOCUST_API void locust_stop_test(locust_user *u);

/* Leaves the running task set, whose on_stop runs; `reschedule`: its parent picks the next task
 * without a wait. Does not return. */
LOCUST_NORETURN_ LOCUST_API void locust_interrupt(locust_user *u, bool reschedule);

/* Ends this user: on_stop runs, nobody takes its place. Does not return. */
LOCUST_NORETURN_ LOCUST_API void locust_stop_user(locust_user *u);

/* Fails the task that runs, as an exception does in Locust: the message and its place are counted and
 * reported, on_user_error is told, and after the wait the next task goes on. In on_start it ends the
 * user. Does not return. The text groups: keep it free of ids. */
#define locust_fail(u, ...) locust_fail_at((u), __FILE__, __LINE__, __func__, __VA_ARGS__)
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 5, 6)))
#endif
LOCUST_API void
locust_fail_at(
    locust_user *u, const char *file, int line, const char *function, const char *format, ...);

/* Has fn(arg) called when the task, on_start or on_stop that runs is left, by its end or by an
 * unwinding; the latest goes first. fn may not park. False: no memory, and fn was called at once. */
LOCUST_API bool locust_defer(locust_user *u, void (*fn)(void *arg), void *arg);

/* Inserts a task of the set that runs, before what would be picked: behind those inserted earlier, or
 * as the `first`. False: no memory. Like TaskSet.schedule_task. */
LOCUST_API bool locust_schedule(locust_user *u, locust_task_fn task, bool first);

/* Gives this user tasks of its own in place of its class's. `tasks` is borrowed until the user ends.
 * Call from on_start or a task of the class itself. False: they are wrong, or memory ran out. */
LOCUST_API bool locust_set_tasks(locust_user *u, const locust_task *tasks);

/* Waits as between two tasks. */
LOCUST_API void locust_wait(locust_user *u);
