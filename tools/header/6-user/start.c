/* ============================================================================================
 * >>start  starting and ending users
 *
 * Purpose     make a user and its coroutine; bring it to its end in order.
 * Invariants  a user's block comes and goes with its coroutine, behind which it lies. It holds, in
 *             this order,
 *
 *     | locust__user | slots, at co->local | .data of the class |
 *
 *             The user's coroutine takes a stack for its first turn and for each task: until then,
 *             and in between, this is all that there is of the user.
 * Names       locust__start_
 * Uses        >>co >>switch >>local >>context >>session >>task >>class >>user >>arrive >>life
 * ============================================================================================ */

/* Counts a user as gone. Done once: by a ramp that takes it down, or when it ends. */
static void locust__start_uncount(locust__user *user)
{
    user->all->alive -= !user->uncounted;
    user->cls->alive -= !user->uncounted;
    user->uncounted = true;
}

/* Takes an ended user out of the list, and tells those that may wait for it: the pacer, which can
 * start another user for an arrival that waits, and the runner, if it was the last one. */
static void locust__start_remove(locust__user *user)
{
    locust__users *all = user->all;
    locust__arrival_queue *queue = user->cls->arrivals;
    if (queue && queue->pacing && queue->n)
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

/* A user's on_stops, from the innermost set outwards. Each may send requests and park; a
 * cancellation from here on (the stop timeout) cuts the one that runs. */
static void locust__start_run_on_stops(locust__user *user) LOCUST__PARKS
{
    user->stopping = true;
    user->co->cancelled = false;
    locust__life_stop_coroutines(user); // they may use what on_stop gives back
    while (user->top != &user->base) {
        locust__life_guarded(user, locust__life_set_on_stop);
        locust__life_pop(user);
    }
    locust__life_guarded(user, locust__life_run_on_stop);
    locust__life_stop_coroutines(user); // those that on_stop has started
}

/* Counts a user that ends among those that were answered, or that never were. Users that arrive are
 * not looked at: theirs are the requests that count as unanswered. */
static void locust__start_count_fed(const locust__user *user)
{
    locust__users_fed *fed = &user->all->fed;
    const locust__session *session = locust__user_session(user);
    int64_t waited_ns;
    if (!session || !session->began_ns || user->cls->arrivals)
        return;
    fed->asked++;
    waited_ns = locust__os_now_ns() - session->began_ns;
    if (session->answered || waited_ns < LOCUST__S)
        return;
    fed->starved++;
    if (waited_ns > fed->longest_ns)
        fed->longest_ns = waited_ns;
}

/* Frees what a user has. Nothing of it parks. The function that frees a slot may still look at
 * other slots and at context variables. */
LOCUST__COLD static void locust__start_deinit(locust__user *user)
{
    locust__life_pop(user);
    locust__plan_free(user->own_plan);
    locust__user_client_free(user);
    locust__slots_deinit(user->co->local);
    locust__life_close_streams(user);
    user->co->local = NULL;
    locust__values_release(user->co->context);
    user->co->context = NULL;
}

/* The coroutine of a user, called for its first turn and whenever it has rested. Its end, in this
 * order:
 *   - at the end of the test, an arrival that was accepted and never served is given back;
 *   - at the end of the test, it waits for on_test_stopping, which comes before any on_stop;
 *   - coroutines that it has started are cut, on_stops run;
 *   - what it has is freed; it leaves the list, which may wake the pacer or the runner. */
static void locust__start_main(void *arg)
{
    locust__user *user = arg;
    if (locust__life_run(user))
        return;
    if (locust__life_are_over(user->all))
        locust__arrive_forgo(user);
    locust__start_count_fed(user);
    while (user->all->closing && !user->all->told)
        locust__co_yield(user->all->services->loop);
    locust__start_run_on_stops(user);
    locust__start_deinit(user);
    locust__start_remove(user);
}

enum { LOCUST__START_HEAD = (sizeof(locust__user) + 15) & ~(size_t)15 }; // from a user to its slots

/* Begins to fetch what a request of a user touches beside its stack: its block, its client with
 * its first connection, and its last answer. This is the loop's `prefetch_user`: the loop knows of
 * a user only co->local, the slots, and hands those over for the coroutine that runs next. A
 * coroutine that a user has started has the user's slots, so its user's block is fetched. */
static void locust__start_prefetch(const void *local)
{
    const locust__user *user = (const void *)((const char *)local - LOCUST__START_HEAD);
    locust__memory_prefetch(user, sizeof *user / LOCUST__CACHE_LINE + 1);
    if (user->client) {
        locust__memory_prefetch(user->client, sizeof(locust__user_web) / LOCUST__CACHE_LINE + 1);
        locust__memory_prefetch(user->client->block.ptr, 5);
    }
}

/* Makes a user and its coroutine, which runs when its turn comes. NULL: no memory. */
LOCUST__COLD static locust__user *locust__start_make(
    locust__users *all, locust__class *cls, void (*fn)(void *arg))
{
    size_t head = LOCUST__START_HEAD;
    size_t slots = (locust__slots_bytes() + 15) & ~(size_t)15;
    size_t bytes = head + slots + cls->as->data_size;
    locust__co *co = locust__co_make(
        all->services->loop, cls->as->name, cls->as->stack_size, fn, NULL, &all->group, bytes);
    locust__user *user;
    if (!co)
        return NULL;
    user = locust__co_block(co);
    co->arg = user;
    co->local = (char *)user + head;
    user->co = co;
    user->as.host = cls->host;
    user->as.data = cls->as->data_size ? (char *)user + head + slots : NULL;
    user->as.env = all->env;
    user->as.user_class = cls->as;
    user->all = all;
    user->root = user;
    user->cls = cls;
    user->top = &user->base;
    locust__frame_init(&user->base, cls->plan);
    return user;
}

/* Makes a user and starts it. NULL: no memory. */
static locust__user *locust__start_user(locust__users *all, locust__class *cls)
{
    locust__user *user = locust__start_make(all, cls, locust__start_main);
    if (!user)
        return NULL;
    user->as.id = ++all->next_id;
    user->random = locust__user_seed(all, user->as.id);
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

static void locust__start_call_step(locust__user *user) LOCUST__PARKS
{
    user->all->step.fn(&user->as);
}

/* The coroutine of a step of the test. Its user is in no list and has no tasks. */
static void locust__start_step_main(void *arg)
{
    locust__user *user = arg;
    locust__users *all = user->all;
    user->doing = all->step.name;
    user->waited_ns = locust__os_now_ns();
    locust__life_guarded(user, locust__start_call_step);
    user->co->cancelled = false;
    locust__life_stop_coroutines(user);
    locust__start_deinit(user);
    all->step.over = true;
    all->on_empty(all->env);
}

/* Starts a step of the test with a user of that class. False: no memory. */
static bool locust__start_step(
    locust__users *all, locust__class *cls, locust_task_fn fn, const char *name)
{
    locust__user *user;
    all->step = (locust__step){.fn = fn, .name = name};
    user = locust__start_make(all, cls, locust__start_step_main);
    if (!user)
        return false;
    user->random = locust__user_seed(all, 0);
    user->step = true;
    all->step.co = user->co;
    return true;
}
