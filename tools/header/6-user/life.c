/* ============================================================================================
 * >>life  the life of a user
 *
 * Purpose     on_start, tasks with waits between them, on_stop; what leaves a task early.
 * Names       locust__life_
 * Uses        >>co >>stack >>switch >>sync >>context >>stream >>client >>task >>class >>user
 *             >>arrive
 * ============================================================================================ */

/* `turn`: of the loop, when the task began. */
static void locust__life_wait(locust__user *user, uint64_t turn) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    int64_t now = locust__user_wait_time(user)->kind ? locust__loop_clock(loop) : 0;
    int64_t wait = locust__user_wait_ns(user, now);
    user->waited_ns = locust__time_after(now, wait);
    user->waiting = true;
    if (wait) {
        locust__co_sleep(loop, user->waited_ns);
    } else if (loop->turn == turn) { // the task never parked: others have waited long enough
        locust__loop_clock(loop);
        locust__co_yield(loop);
    }
    user->waiting = false;
}

/* Runs what the task that ends has registered, the latest first. It may not park. */
static void locust__life_clean_up(locust__user *user)
{
    while (user->cleanups) {
        locust__user_cleanup *c = user->cleanups;
        user->cleanups = c->next;
        c->fn(c->arg);
        LOCUST_FREE(c);
    }
}

/* The handles of a task end with it. Who still waits for one, in a coroutine, goes on. */
static void locust__life_detach(locust__user *user)
{
    locust__loop *loop = user->all->services->loop;
    for (locust_coroutine **at = &user->coroutines; *at;) {
        locust_coroutine *c = *at;
        c->detached = true;
        c->group = NULL;
        if (c->ended && !c->joiners) {
            *at = c->next;
            LOCUST_FREE(c);
        } else {
            at = &c->next;
        }
    }
    while (user->groups) {
        locust_group *group = user->groups;
        user->groups = group->next;
        group->orphan = true;
        group->running = 0;
        if (!group->waiters)
            LOCUST_FREE(group);
    }
    while (user->coroutine_waiters.first)
        locust__co_wake(loop, user->coroutine_waiters.first, LOCUST__WAKE_EVENT);
}

/* Ends a function of the test: what it registered runs, its last request is counted. */
static void locust__life_settle(locust__user *user)
{
    if (user->co->scopes || user->co->entered)
        locust__context_unwind(user->co);
    if (user->cleanups)
        locust__life_clean_up(user);
    if (user->coroutines || user->groups)
        locust__life_detach(user);
    locust__client_settle(&user->client);
}

/* Does another coroutine of the user than this one run? */
static bool locust__life_has_coroutines(const locust__user *user)
{
    for (const locust_coroutine *c = user->root->coroutines; c; c = c->next)
        if (!c->ended && &c->user != user)
            return true;
    return false;
}

/* At the end of a user: what it has started ends too. */
static void locust__life_stop_coroutines(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    while (locust__life_has_coroutines(user)) {
        for (locust_coroutine *c = user->coroutines; c; c = c->next)
            if (!c->ended && !c->user.co->cancelled)
                locust__co_cancel(loop, c->user.co);
        if (locust__queue_wait(loop, &user->coroutine_waiters, LOCUST__NEVER) ==
            LOCUST__WAKE_CANCELLED)
            user->co->cancelled = false; // they end first
    }
    locust__life_detach(user);
}

/* Runs fn until it returns, or until a call in it leaves it. Not for what runs in another such fn. */
static enum locust__outcome locust__life_guarded(
    locust__user *user, void (*fn)(locust__user *user)) LOCUST__PARKS
{
    user->outcome = LOCUST__OUTCOME_RETURNED;
    if (setjmp(*locust__stack_unwind_point(user->co)) == 0)
        fn(user);
    if (user->outcome == LOCUST__OUTCOME_CUT && user->coroutines)
        locust__life_stop_coroutines(user); // what the task cleans up may be theirs, too
    locust__life_settle(user);
    return user->outcome;
}

/* Leaves the function of the test that runs; goes on behind locust__life_guarded. */
static _Noreturn void locust__life_leave(locust__user *user, enum locust__outcome outcome)
{
    user->outcome = outcome;
    longjmp(*locust__stack_unwind_point(user->co), 1);
}

static _Noreturn void locust__life_unwind(locust__user *user)
{
    locust__life_leave(user, LOCUST__OUTCOME_CUT);
}

/* Ends the innermost set; tasks that were inserted into it are forgotten. */
static void locust__life_pop(locust__user *user)
{
    locust__frame *f = user->top;
    for (locust__user_inserted **at = &user->inserted; *at;) {
        locust__user_inserted *in = *at;
        if (in->frame == f) {
            *at = in->next;
            LOCUST_FREE(in);
        } else {
            at = &in->next;
        }
    }
    user->top = f->below;
    if (f != &user->base)
        LOCUST_FREE(f);
}

static void locust__life_on_start(locust__user *user) LOCUST__PARKS
{
    if (user->cls->as->on_start)
        user->cls->as->on_start(&user->as);
}

static void locust__life_set_on_stop(locust__user *user) LOCUST__PARKS
{
    if (user->top->plan->as->on_stop)
        user->top->plan->as->on_stop(&user->as);
}

static void locust__life_run_on_stop(locust__user *user) LOCUST__PARKS
{
    if (user->started && user->cls->as->on_stop)
        user->cls->as->on_stop(&user->as);
}

/* Enters a set: its on_start belongs to it. False: no memory. */
static bool locust__life_push(locust__user *user, const locust__plan *plan)
{
    locust__frame *f = locust__memory_zalloc(sizeof *f);
    if (!f)
        return false;
    locust__frame_init(f, plan);
    f->below = user->top;
    user->top = f;
    return true;
}

/* The task that was inserted into the set that runs, if any; then what the plan picks. */
static const locust__plan_task *locust__life_next(locust__user *user, locust__plan_task *inserted)
{
    for (locust__user_inserted **at = &user->inserted; *at; at = &(*at)->next) {
        locust__user_inserted *in = *at;
        if (in->frame != user->top)
            continue;
        *inserted = (locust__plan_task){.fn = in->fn};
        *at = in->next;
        LOCUST_FREE(in);
        return inserted;
    }
    return locust__frame_next(user->top, &user->all->services->loop->random);
}

/* No further task for anybody. `now`: also cuts the tasks that run; else only ends the waits. */
static void locust__life_stop_all(locust__users *all, bool now)
{
    for (locust__user *user = all->first; user; user = user->next) {
        user->stopping = true;
        if (now || user->waiting)
            locust__co_cancel(all->services->loop, user->co);
    }
}

/* Does nobody begin a task any more? */
static bool locust__life_are_over(const locust__users *all)
{
    return all->closing || all->told || all->iterations_left == 0;
}

/* Shall the user take no further task? */
static bool locust__life_is_over(const locust__user *user)
{
    return user->stopping || user->all->closing;
}

/* Takes one of the task runs that there may be; if there is none, the user takes no further task. */
static bool locust__life_claim(locust__user *user)
{
    locust__users *all = user->all;
    const locust__arrival_queue *queue = user->cls->arrivals;
    bool visitor = queue && queue->as.kind == LOCUST_ARRIVE_USERS;
    int own = user->cls->as->iterations;
    bool spent = own > 0 ? user->iterations >= own : visitor && user->iterations;
    if (!spent && all->iterations_left != 0) {
        user->iterations++;
        user->due_ns = 0;
        if (all->iterations_left > 0 && --all->iterations_left == 0)
            locust__life_stop_all(all, false); // who waits for a next task waits in vain
        return true;
    }
    user->stopping = true;
    locust__arrive_forgo(user);
    return false;
}

/* Is each of its tasks an arrival? */
static bool locust__life_serves(const locust__user *user)
{
    return user->cls->arrivals && user->cls->arrivals->as.kind == LOCUST_ARRIVE_TASKS;
}

/* Between two tasks. */
static void locust__life_pause(locust__user *user, uint64_t turn) LOCUST__PARKS
{
    if (locust__life_serves(user))
        locust__arrive_await(user);
    else
        locust__life_wait(user, turn);
}

/* Runs tasks until one is left otherwise than by its end. */
static void locust__life_run_tasks(locust__user *user) LOCUST__PARKS
{
    while (!locust__life_is_over(user)) {
        uint64_t turn = user->all->services->loop->turn;
        locust__plan_task inserted;
        const locust__plan_task *step = locust__life_next(user, &inserted);
        if (step->set) {
            if (!locust__life_push(user, step->set))
                locust__life_wait(user, turn);
            else if (user->top->plan->as->on_start)
                user->top->plan->as->on_start(&user->as);
            continue;
        }
        if (!locust__life_claim(user))
            return;
        user->doing = step->name ? step->name : "that was scheduled";
        step->fn(&user->as);
        locust__life_settle(user);
        if (!locust__life_is_over(user))
            locust__life_pause(user, turn);
    }
}

/* The tasks of a user, and the sets among them, until it is stopped. */
static void locust__life_run(locust__user *user) LOCUST__PARKS
{
    enum locust__outcome outcome;
    user->started = true;
    user->doing = "on_start";
    if (user->due_ns)
        locust__arrive_serve(user);
    outcome = locust__life_guarded(user, locust__life_on_start);
    if (outcome != LOCUST__OUTCOME_RETURNED) // Locust: a user whose on_start fails goes no further
        return;
    while (!locust__life_is_over(user)) {
        uint64_t turn = user->all->services->loop->turn;
        outcome = locust__life_guarded(user, locust__life_run_tasks);
        if (outcome == LOCUST__OUTCOME_CUT || locust__life_is_over(user))
            return;
        if (outcome == LOCUST__OUTCOME_INTERRUPTED || outcome == LOCUST__OUTCOME_INTERRUPTED_NOW) {
            enum locust__outcome stopped = locust__life_guarded(user, locust__life_set_on_stop);
            locust__life_pop(user);
            if (stopped == LOCUST__OUTCOME_CUT)
                return;
        }
        if (locust__life_is_over(user))
            return;
        if (outcome != LOCUST__OUTCOME_INTERRUPTED_NOW || locust__life_serves(user))
            locust__life_pause(user, turn); // the next task is another arrival's
        else if (user->all->services->loop->turn == turn)
            locust__co_yield(user->all->services->loop);
    }
}

/* Streams that a task which was cut could not close. */
static void locust__life_close_streams(locust__user *user)
{
    for (locust__user_stream *s = user->streams, *next; s; s = next) {
        next = s->next;
        locust__stream_close(&s->stream);
        LOCUST_FREE(s);
    }
}
