/* ============================================================================================
 * >>coroutine  coroutines that a user starts
 *
 * Purpose     locust_spawn, groups, semaphores.
 * Invariants  a handle lives until it is joined or the task that started it ends, its coroutine
 *             until it returns or is cut; whichever is later frees the block. A group lives until
 *             it is joined or its task ends, and then until its last waiter has gone. All that
 *             wait for any of them wait in the user's one queue and look again when woken: what
 *             they waited for may be gone by then, so a waiter holds a count (`joiners`,
 *             `waiters`) on it.
 * Cost        a coroutine is a block of some 500 bytes, and a stack.
 * Names       locust__coroutine_ locust__group_
 * Uses        >>co >>switch >>sync >>context >>user >>life >>control
 * ============================================================================================ */

/* Parks until any coroutine of this user ends. */
static void locust__coroutine_wait_all(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    locust__queue_wait(loop, &user->root->coroutine_waiters, LOCUST__NEVER);
    if (user->co->cancelled)
        locust__life_unwind(user);
}

static void locust__coroutine_run(locust__user *user) LOCUST__PARKS
{
    locust_coroutine *c = (locust_coroutine *)(void *)user;
    c->fn(&user->as, c->arg);
}

/* Frees a coroutine that has ended and that nobody joins any more. */
static void locust__coroutine_remove(locust_coroutine *c)
{
    locust_coroutine **at = &c->user.root->coroutines;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    LOCUST_FREE(c);
}

static void locust__coroutine_main(void *arg)
{
    locust_coroutine *c = arg;
    locust__user *user = &c->user, *root = user->root;
    locust__loop *loop = user->all->services->loop;
    locust__life_guarded(user, locust__coroutine_run);
    locust__user_client_free(user);
    locust__life_close_streams(user);
    user->co->local = NULL; // the slots are the user's
    locust__values_release(user->co->context);
    user->co->context = NULL;
    c->ended = true;
    if (c->group)
        c->group->running--;
    if (c->detached && !c->joiners)
        locust__coroutine_remove(c);
    while (root->coroutine_waiters.first)
        locust__co_wake(loop, root->coroutine_waiters.first, LOCUST__WAKE_EVENT);
}

/* Starts fn beside `by`, which may be a coroutine that was started itself: all belong to the same
 * user. The new one shares what the user has and inherits the context variables of `by`. NULL: no
 * memory. */
static locust_coroutine *locust__coroutine_start(
    locust__user *by, locust_group *group, locust_coroutine_fn fn, void *arg)
{
    locust__user *root = by->root;
    locust_coroutine *c = locust__memory_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->user.co = locust__co_start(root->all->services->loop, root->cls->as->name,
        root->cls->as->stack_size, locust__coroutine_main, c, NULL);
    if (!c->user.co) {
        LOCUST_FREE(c);
        return NULL;
    }
    c->user.co->local = root->co->local;
    c->user.co->context = locust__values_share(by->co->context);
    c->user.as = root->as;
    c->user.all = root->all;
    c->user.cls = root->cls;
    c->user.root = root;
    c->user.waited_ns = locust__os_now_ns();
    c->fn = fn;
    c->arg = arg;
    c->group = group;
    if (group)
        group->running++;
    c->next = root->coroutines;
    root->coroutines = c;
    return c;
}

LOCUST_API locust_coroutine *locust_spawn(locust_user *u, locust_coroutine_fn fn, void *arg)
{
    return locust__coroutine_start(locust__control_user(u, "locust_spawn"), NULL, fn, arg);
}

LOCUST_API void locust_join(locust_user *u, locust_coroutine *coroutine)
{
    locust__user *user = locust__control_waiting(u, "locust_join");
    locust__loop *loop = user->all->services->loop;
    bool cut;
    if (!coroutine)
        return;
    coroutine->joiners++;
    while (!coroutine->ended && !user->co->cancelled)
        locust__queue_wait(loop, &user->root->coroutine_waiters, LOCUST__NEVER);
    cut = user->co->cancelled;
    // A join that is cut leaves the handle to the end of the task, as if there had been none.
    if (--coroutine->joiners == 0 && coroutine->ended && (!cut || coroutine->detached))
        locust__coroutine_remove(coroutine);
    if (cut)
        locust__life_unwind(user);
}

LOCUST_API void locust_join_all(locust_user *u)
{
    locust__user *user = locust__control_waiting(u, "locust_join_all");
    while (locust__life_has_coroutines(user))
        locust__coroutine_wait_all(user);
}

LOCUST_API locust_group *locust_group_new(locust_user *u, int limit)
{
    locust__user *root = locust__control_user(u, "locust_group_new")->root;
    locust_group *group = locust__memory_zalloc(sizeof *group);
    if (!group)
        return NULL;
    group->limit = limit > 0 ? limit : 1;
    group->next = root->groups;
    root->groups = group;
    return group;
}

/* Waits until fewer than `below` of a group run. False: the group was joined elsewhere, or its
 * task is over, meanwhile; it may be freed. */
static bool locust__group_wait(locust__user *user, locust_group *group, int below) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    bool orphan;
    group->waiters++;
    while (group->running >= below && !group->orphan && !user->co->cancelled)
        locust__queue_wait(loop, &user->root->coroutine_waiters, LOCUST__NEVER);
    orphan = group->orphan;
    if (--group->waiters == 0 && orphan)
        LOCUST_FREE(group);
    if (user->co->cancelled)
        locust__life_unwind(user);
    return !orphan;
}

LOCUST_API bool locust_group_start(
    locust_user *u, locust_group *group, locust_coroutine_fn fn, void *arg)
{
    locust__user *user = locust__control_waiting(u, "locust_group_start");
    return group && locust__group_wait(user, group, group->limit) &&
           locust__coroutine_start(user, group, fn, arg) != NULL;
}

LOCUST_API void locust_group_join(locust_user *u, locust_group *group)
{
    locust__user *user = locust__control_waiting(u, "locust_group_join");
    locust_group **at = &user->root->groups;
    if (!group || !locust__group_wait(user, group, 1))
        return;
    for (locust_coroutine **c = &user->root->coroutines; *c;) { // the test has no handles of these
        locust_coroutine *one = *c;
        if (one->group == group) {
            *c = one->next;
            LOCUST_FREE(one);
        } else {
            c = &one->next;
        }
    }
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    group->orphan = true; // another coroutine may be waiting for the end of the group as well
    if (!group->waiters)
        LOCUST_FREE(group);
}

_Static_assert(sizeof(locust_semaphore) == sizeof(locust__sem) &&
                   offsetof(locust_semaphore, waiters) == offsetof(locust__sem, waiters),
    "a public semaphore is a private one under another name");

LOCUST_API void locust_semaphore_take(locust_user *u, locust_semaphore *semaphore)
{
    locust__user *user = locust__control_waiting(u, "locust_semaphore_take");
    locust__loop *loop = user->all->services->loop;
    locust__sem *s = (locust__sem *)(void *)semaphore;
    enum locust__wake why = locust__sem_take(loop, s, LOCUST__NEVER);
    if (user->co->cancelled && why == LOCUST__WAKE_EVENT)
        locust__sem_give(loop, s); // the unit came when the user was cut already
    if (user->co->cancelled)
        locust__life_unwind(user);
}

LOCUST_API void locust_semaphore_give(locust_user *u, locust_semaphore *semaphore)
{
    locust__user *user = locust__control_user(u, "locust_semaphore_give");
    locust__sem_give(user->all->services->loop, (locust__sem *)(void *)semaphore);
}

LOCUST_API void locust_wait_spawned(locust_user *u)
{
    locust__user *user = locust__control_waiting(u, "locust_wait_spawned");
    while (!user->all->spawned) {
        locust__queue_wait(user->all->services->loop, &user->all->spawn_waiters, LOCUST__NEVER);
        if (user->co->cancelled)
            locust__life_unwind(user);
    }
}
