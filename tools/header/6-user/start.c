/* ============================================================================================
 * >>start  starting and ending users
 *
 * Purpose     the coroutine of a user, from its first to its last step, and those it has started.
 * Names       locust__start_
 * Uses        >>co >>switch >>local >>context >>session >>client >>task >>class >>user
 *             >>arrive >>life
 * ============================================================================================ */

/* A user that ends, or is to end, counts no more. */
static void locust__start_uncount(locust__user *user)
{
    user->all->alive -= !user->uncounted;
    user->cls->alive -= !user->uncounted;
    user->uncounted = true;
}

static void locust__start_remove(locust__user *user)
{
    locust__users *all = user->all;
    locust__arrival_queue *queue = user->cls->arrivals;
    if (queue && queue->pacing && queue->n) // there is a place for one that waits
        locust__co_wake(all->services->loop, queue->pacer, LOCUST__WAKE_EVENT);
    if (user->prev)
        user->prev->next = user->next;
    else
        all->first = user->next;
    if (user->next)
        user->next->prev = user->prev;
    else
        all->last = user->prev;
    locust__start_uncount(user);
    if (!all->alive && all->limited)
        all->on_empty(all->env);
}

static void locust__start_main(void *arg)
{
    locust__user *user = arg;
    if (!user) // there was no memory for it
        return;
    user->waited_ns = locust__os_now_ns();
    if (!locust__life_is_over(user))
        locust__life_run(user);
    if (locust__life_are_over(user->all))
        locust__arrive_forgo(user);
    while (user->all->closing && !user->all->told) // on_test_stopping comes before any on_stop
        locust__co_yield(user->all->services->loop);
    user->stopping = true;
    user->co->cancelled = false; // on_stop may park; a later cancellation cuts it short as well
    locust__life_stop_coroutines(user);
    while (user->top != &user->base) { // from the inside out
        locust__life_guarded(user, locust__life_set_on_stop);
        locust__life_pop(user);
    }
    locust__life_guarded(user, locust__life_run_on_stop);
    locust__life_stop_coroutines(user);
    locust__life_pop(user);
    locust__plan_free(user->own_plan);
    locust__client_deinit(&user->client);
    locust__session_deinit(&user->session);
    locust__slots_deinit(user->co->local);
    locust__life_close_streams(user);
    user->co->local = NULL;
    locust__values_release(user->co->context);
    user->co->context = NULL;
    locust__start_remove(user);
    if (!user->kept)
        LOCUST_FREE(user);
}

enum { LOCUST__START_HEAD = (sizeof(locust__user) + 15) & ~(size_t)15 }; // its slots are behind it

/* What a request of a user touches beside the stack: its block, where its connection is, and the last
 * answer. */
static void locust__start_prefetch(const void *local)
{
    const locust__user *user = (const void *)((const char *)local - LOCUST__START_HEAD);
    locust__memory_prefetch(user, sizeof *user / LOCUST__CACHE_LINE + 1);
    locust__memory_prefetch(user->client.block.ptr, 5);
}

/* Makes a user and starts it. NULL: no memory. */
static locust__user *locust__start_user(locust__users *all, locust__class *cls)
{
    size_t head = LOCUST__START_HEAD;
    size_t slots = (locust__slots_bytes() + 15) & ~(size_t)15;
    size_t bytes = head + slots + cls->as->data_size;
    locust__co *co = locust__co_start(all->services->loop, cls->as->name, cls->as->stack_size,
        locust__start_main, NULL, &all->group);
    locust__user *user = co ? locust__co_reserve(co, bytes) : NULL;
    bool kept = user != NULL;
    if (kept)
        memset(user, 0, bytes);
    else if (co)
        user = locust__memory_zalloc(bytes);
    if (!user)
        return NULL;
    co->arg = user;
    user->co = co;
    user->kept = kept;
    user->co->local = (char *)user + head;
    user->as.id = ++all->next_id;
    user->as.host = cls->host;
    user->as.data = cls->as->data_size ? (char *)user + head + slots : NULL;
    user->as.env = all->env;
    user->as.user_class = cls->as;
    user->all = all;
    user->root = user;
    user->cls = cls;
    user->top = &user->base;
    locust__frame_init(&user->base, cls->plan);
    user->session.own.place = &user->session.conn;
    user->session.conns = cls->as->pool > 0 ? &cls->shared : &user->session.own;
    locust__client_init(&user->client, all->services, &user->as, &cls->route, &user->session);
    user->prev = all->last;
    if (all->last)
        all->last->next = user;
    else
        all->first = user;
    all->last = user;
    all->alive++;
    cls->alive++;
    return user;
}
