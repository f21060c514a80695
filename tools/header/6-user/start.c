/* ============================================================================================
 * >>start  starting and ending users
 *
 * Purpose     the coroutine of a user, from its first to its last step, and those it has started.
 * Uses        >>co >>switch >>local >>context >>client >>task >>class >>user >>arrive >>life
 * ============================================================================================ */

static void locust__strand_run(locust__user *user) LOCUST__PARKS
{
    locust_coroutine *c = (locust_coroutine *)(void *)user;
    c->fn(&user->as, c->arg);
}

static void locust__strand_remove(locust_coroutine *c)
{
    locust_coroutine **at = &c->user.root->strands;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    LOCUST_FREE(c);
}

static void locust__strand_main(void *arg)
{
    locust_coroutine *c = arg;
    locust__user *user = &c->user, *root = user->root;
    locust__loop *loop = user->all->services->loop;
    locust__user_guarded(user, locust__strand_run);
    locust__client_deinit(&user->client);
    locust__user_close_streams(user);
    user->co->local = NULL; // the user's
    locust__context_release(user->co->context);
    user->co->context = NULL;
    c->ended = true;
    if (c->group)
        c->group->running--;
    if (c->detached && !c->joiners)
        locust__strand_remove(c);
    while (root->strand_waiters.first)
        locust__co_wake(loop, root->strand_waiters.first, LOCUST__WOKEN);
}

/* A user that ends, or is to end, counts no more. */
static void locust__users_uncount(locust__user *user)
{
    user->all->alive -= !user->uncounted;
    user->cls->alive -= !user->uncounted;
    user->uncounted = true;
}

static void locust__users_remove(locust__user *user)
{
    locust__users *all = user->all;
    locust__open *open = user->cls->open;
    if (open && open->pacing && open->n) // there is a place for one that waits
        locust__co_wake(all->services->loop, open->pacer, LOCUST__WOKEN);
    if (user->prev)
        user->prev->next = user->next;
    else
        all->first = user->next;
    if (user->next)
        user->next->prev = user->prev;
    else
        all->last = user->prev;
    locust__users_uncount(user);
    if (!all->alive && all->limited)
        all->on_empty(all->env);
}

static void locust__user_main(void *arg)
{
    locust__user *user = arg;
    if (!user) // there was no memory for it
        return;
    user->waited_ns = locust__os_now_ns();
    if (!locust__user_is_over(user))
        locust__user_live(user);
    if (locust__users_are_over(user->all))
        locust__user_forgo(user);
    while (user->all->closing && !user->all->told) // on_test_stopping comes before any on_stop
        locust__co_yield(user->all->services->loop);
    user->stopping = true;
    user->co->cancelled = false; // on_stop may park; a later cancellation cuts it short as well
    locust__strands_stop(user);
    while (user->top != &user->base) { // from the inside out
        locust__user_guarded(user, locust__user_set_on_stop);
        locust__user_pop(user);
    }
    locust__user_guarded(user, locust__user_run_on_stop);
    locust__strands_stop(user);
    locust__user_pop(user);
    locust__plan_free(user->own_plan);
    locust__client_deinit(&user->client);
    locust__session_deinit(&user->session);
    locust__slots_deinit(user->co->local);
    locust__user_close_streams(user);
    user->co->local = NULL;
    locust__context_release(user->co->context);
    user->co->context = NULL;
    locust__users_remove(user);
    if (!user->kept)
        LOCUST_FREE(user);
}

enum { LOCUST__USER_HEAD = (sizeof(locust__user) + 15) & ~(size_t)15 }; // its slots are behind it

/* What a request of a user touches beside the stack: its block, where its connection is, and the last
 * answer. */
static void locust__user_ahead(const void *local)
{
    const locust__user *user = (const void *)((const char *)local - LOCUST__USER_HEAD);
    locust__base_prefetch(user, sizeof *user / LOCUST__LINE + 1);
    locust__base_prefetch(user->client.block.ptr, 5);
}

/* Makes a user and starts it. NULL: no memory. */
static locust__user *locust__user_start(locust__users *all, locust__class *cls)
{
    size_t head = LOCUST__USER_HEAD;
    size_t slots = (locust__slots_bytes() + 15) & ~(size_t)15;
    size_t bytes = head + slots + cls->as->data_size;
    locust__co *co = locust__co_start(all->services->loop, cls->as->name, cls->as->stack_size,
        locust__user_main, NULL, &all->group);
    locust__user *user = co ? locust__co_keep(co, bytes) : NULL;
    bool kept = user != NULL;
    if (kept)
        memset(user, 0, bytes);
    else if (co)
        user = locust__base_zalloc(bytes);
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
