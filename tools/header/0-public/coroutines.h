/* ============================================================================================
 * >>coroutines  coroutines of a user
 *
 * Purpose     lets one user do several things at once.
 * ============================================================================================ */

typedef void (*locust_coroutine_fn)(locust_user *u, void *arg);
typedef struct locust_coroutine locust_coroutine;
typedef struct locust_group locust_group;

/* Starts fn(u, arg) beside the caller, as a part of the same user: it shares data, slots, cookies,
 * header fields and connections, and inherits context variables. Its requests and waits take the
 * `u` that it is given. It is cut short when the user ends. Like gevent.spawn. Returns a handle,
 * good until it is joined or the task that started it ends; NULL if memory ran out. */
LOCUST_API locust_coroutine *locust_spawn(locust_user *u, locust_coroutine_fn fn, void *arg);
/* Waits until that coroutine has ended; the handle ends with it. NULL is fine. */
LOCUST_API void locust_join(locust_user *u, locust_coroutine *coroutine);
/* Waits until every other coroutine of this user has ended. */
LOCUST_API void locust_join_all(locust_user *u);

/* A group of coroutines of which at most `limit` run at once, as a browser loads the parts of a
 * page. It ends with locust_group_join, or with the task that made it. NULL if memory ran out. */
LOCUST_API locust_group *locust_group_new(locust_user *u, int limit);
/* Waits for a place, then starts fn(u, arg) in it. False: memory ran out. */
LOCUST_API bool locust_group_start(
    locust_user *u, locust_group *group, locust_coroutine_fn fn, void *arg);
/* Waits until all of the group have ended, and frees it. */
LOCUST_API void locust_group_join(locust_user *u, locust_group *group);

typedef struct locust_semaphore { // make it with LOCUST_SEMAPHORE; the rest is the library's
    int free;
    void *waiters[2];
} locust_semaphore;

/* At most n users of the process at once:  static locust_semaphore door = LOCUST_SEMAPHORE(10);
 * A user that is cut short keeps its unit; give it back with locust_defer. */
// clang-format off
#define LOCUST_SEMAPHORE(n) {(n), {NULL, NULL}}
// clang-format on
LOCUST_API void locust_semaphore_take(locust_user *u, locust_semaphore *semaphore);
LOCUST_API void locust_semaphore_give(locust_user *u, locust_semaphore *semaphore);

/* Waits until the current ramp is over; returns at once if there is none. */
LOCUST_API void locust_wait_spawned(locust_user *u);
