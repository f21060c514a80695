/* ============================================================================================
 * >>coroutine  coroutines that a user starts
 *
 * Purpose     locust_start, groups, semaphores.
 * Uses        >>co >>switch >>sync >>context >>client >>user >>life >>start >>control
 * ============================================================================================ */

/* Parks until a coroutine of this user ends. */
static void locust__strands_wait(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    locust__queue_wait(loop, &user->root->strand_waiters, LOCUST__NEVER);
    if (user->co->cancelled)
        locust__user_unwind(user);
}

static locust_coroutine *locust__strand_start(
    locust__user *by, locust_group *group, locust_coroutine_fn fn, void *arg)
{
    locust__user *root = by->root;
    locust_coroutine *c = locust__base_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->user.co = locust__co_start(root->all->services->loop, root->cls->as->name,
        root->cls->as->stack_size, locust__strand_main, c, NULL);
    if (!c->user.co) {
        LOCUST_FREE(c);
        return NULL;
    }
    c->user.co->local = root->co->local;
    c->user.co->context = locust__context_share(by->co->context);
    c->user.as = root->as;
    c->user.all = root->all;
    c->user.cls = root->cls;
    c->user.root = root;
    c->user.waited_ns = locust__os_now_ns();
    locust__client_init(
        &c->user.client, root->all->services, &c->user.as, &root->cls->route, &root->session);
    c->fn = fn;
    c->arg = arg;
    c->group = group;
    if (group)
        group->running++;
    c->next = root->strands;
    root->strands = c;
    return c;
}

LOCUST_API locust_coroutine *locust_start(locust_user *u, locust_coroutine_fn fn, void *arg)
{
    return locust__strand_start(locust__user_of(u, "locust_start"), NULL, fn, arg);
}

LOCUST_API void locust_join(locust_user *u, locust_coroutine *coroutine)
{
    locust__user *user = locust__user_of(u, "locust_join");
    locust__loop *loop = user->all->services->loop;
    bool cut;
    if (!coroutine)
        return;
    coroutine->joiners++;
    while (!coroutine->ended && !user->co->cancelled)
        locust__queue_wait(loop, &user->root->strand_waiters, LOCUST__NEVER);
    cut = user->co->cancelled;
    // Cut, it is as if there had been no join: the end of the task frees the handle.
    if (--coroutine->joiners == 0 && coroutine->ended && (!cut || coroutine->detached))
        locust__strand_remove(coroutine);
    if (cut)
        locust__user_unwind(user);
}

LOCUST_API void locust_join_all(locust_user *u)
{
    locust__user *user = locust__user_of(u, "locust_join_all");
    while (locust__strands_run(user))
        locust__strands_wait(user);
}

LOCUST_API locust_group *locust_group_new(locust_user *u, int limit)
{
    locust__user *root = locust__user_of(u, "locust_group_new")->root;
    locust_group *group = locust__base_zalloc(sizeof *group);
    if (!group)
        return NULL;
    group->limit = limit > 0 ? limit : 1;
    group->next = root->groups;
    root->groups = group;
    return group;
}

/* Waits until fewer than `below` of a group run. False: its task is over, and it is freed. */
static bool locust__group_wait(locust__user *user, locust_group *group, int below) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    bool orphan;
    group->waiters++;
    while (group->running >= below && !group->orphan && !user->co->cancelled)
        locust__queue_wait(loop, &user->root->strand_waiters, LOCUST__NEVER);
    orphan = group->orphan;
    if (--group->waiters == 0 && orphan)
        LOCUST_FREE(group);
    if (user->co->cancelled)
        locust__user_unwind(user);
    return !orphan;
}

LOCUST_API bool locust_group_start(
    locust_user *u, locust_group *group, locust_coroutine_fn fn, void *arg)
{
    locust__user *user = locust__user_of(u, "locust_group_start");
    return group && locust__group_wait(user, group, group->limit) &&
           locust__strand_start(user, group, fn, arg) != NULL;
}

LOCUST_API void locust_group_join(locust_user *u, locust_group *group)
{
    locust__user *user = locust__user_of(u, "locust_group_join");
    locust_group **at = &user->root->groups;
    if (!group || !locust__group_wait(user, group, 1))
        return;
    for (locust_coroutine **c = &user->root->strands; *c;) { // nobody has their handles
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
    group->orphan = true; // another one may wait for its end, too
    if (!group->waiters)
        LOCUST_FREE(group);
}

_Static_assert(sizeof(locust_semaphore) == sizeof(locust__semaphore) &&
                   offsetof(locust_semaphore, waiters) == offsetof(locust__semaphore, waiters),
    "the public one is this one");

LOCUST_API void locust_semaphore_take(locust_user *u, locust_semaphore *semaphore)
{
    locust__user *user = locust__user_of(u, "locust_semaphore_take");
    locust__loop *loop = user->all->services->loop;
    locust__semaphore *s = (locust__semaphore *)(void *)semaphore;
    enum locust__wake why = locust__semaphore_take(loop, s, LOCUST__NEVER);
    if (user->co->cancelled && why == LOCUST__WOKEN)
        locust__semaphore_give(loop, s); // it came too late
    if (user->co->cancelled)
        locust__user_unwind(user);
}

LOCUST_API void locust_semaphore_give(locust_user *u, locust_semaphore *semaphore)
{
    locust__user *user = locust__user_of(u, "locust_semaphore_give");
    locust__semaphore_give(user->all->services->loop, (locust__semaphore *)(void *)semaphore);
}

LOCUST_API void locust_wait_spawned(locust_user *u)
{
    locust__user *user = locust__user_of(u, "locust_wait_spawned");
    while (!user->all->spawned) {
        locust__queue_wait(user->all->services->loop, &user->all->spawn_waiters, LOCUST__NEVER);
        if (user->co->cancelled)
            locust__user_unwind(user);
    }
}
