/* ============================================================================================
 * >>control  inside a user
 *
 * Purpose     what a task does to its own user: wait, stop, fail, defer, schedule.
 * ============================================================================================ */

/* Parks this user for that many seconds. Call from a user. */
LOCUST_API void locust_sleep(locust_user *u, double seconds);
#define locust_sleep(...) (LOCUST_AT_("locust_sleep"), locust_sleep(__VA_ARGS__))

/* Ends the test as if its run time were over: users are stopped, on_stop runs for each, reports
 * are written. Returns at once; the calling user goes on until it parks or its task ends. */
LOCUST_API void locust_stop_test(locust_user *u);

/* Leaves the running task set, whose on_stop runs; `reschedule`: its parent picks the next task
 * without a wait. Does not return. */
LOCUST_NORETURN_ LOCUST_API void locust_interrupt(locust_user *u, bool reschedule);
#define locust_interrupt(...) (LOCUST_AT_("locust_interrupt"), locust_interrupt(__VA_ARGS__))

/* Ends this user. on_stop runs; no other user takes its place. Does not return. */
LOCUST_NORETURN_ LOCUST_API void locust_stop_user(locust_user *u);

/* Fails the running task, as an exception does in Locust: the message and its place are counted and
 * reported, on_user_error is called, and after the wait the next task runs. In on_start it ends the
 * user without its on_stop, in a task set's on_start that set. Does not return. Reports group by
 * the text: keep ids out of it. */
#define locust_fail(u, ...) locust_fail_at((u), __FILE__, __LINE__, __func__, __VA_ARGS__)
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 5, 6)))
#endif
LOCUST_API void
locust_fail_at(
    locust_user *u, const char *file, int line, const char *function, const char *format, ...);

/* Calls fn(arg) when the running task, on_start or on_stop is left, by its end or by an unwinding.
 * The last one deferred runs first. fn may not park. Returns false without memory: fn was called at
 * once. */
LOCUST_API bool locust_defer(locust_user *u, void (*fn)(void *arg), void *arg);

/* Runs a task of the current set before any that would be picked: after the tasks scheduled so far,
 * or (`first`) before them. Returns false without memory. Like TaskSet.schedule_task. */
LOCUST_API bool locust_schedule(locust_user *u, locust_task_fn task, bool first);

/* Gives this user its own tasks in place of its class's. `tasks` is borrowed until the user ends.
 * Call from on_start or from a task of the class itself. Returns false if the tasks are wrong or
 * memory ran out. */
LOCUST_API bool locust_set_tasks(locust_user *u, const locust_task *tasks);
#define locust_set_tasks(...) (LOCUST_AT_("locust_set_tasks"), locust_set_tasks(__VA_ARGS__))

/* Waits as between two tasks. */
LOCUST_API void locust_wait(locust_user *u);
