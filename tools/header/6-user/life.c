/* ============================================================================================
 * >>life  the life of a user
 *
 * Purpose     on_start, tasks with waits between them, on_stop; what leaves a task early.
 * Invariants  on_stop runs for every user and task set whose on_start began and did not fail, also
 *             when the user is cut short. A user that is cut short leaves its task at the call that
 *             it is parked in: that call does not return, and no clean-up that the task has written
 *             behind it runs, only locust_defer's. Functions of the test run inside
 *             locust__life_guarded, one at a time: a stack has one unwind point.
 *             A user that waits for its next task rests: locust__life_run returns, and goes on in
 *             its next call, where all waits lead to: the choice of the next task.
 * Cost        between two tasks without a wait: no switch if the task has parked, else one; with a
 *             wait: another stack, which the user before has left warm.
 * Names       locust__life_
 * Uses        >>co >>misuse >>stack >>switch >>sync >>context >>stream >>client >>task >>class
 *             >>user >>user_text >>retry >>arrive
 * Sources     Locust 2.47 (reference run): a user whose on_start fails ends without its on_stop,
 *             and so does a set; interrupt() ends a set, its parent waits before its next task
 *             unless `reschedule`.
 * ============================================================================================ */

/* How long to wait now, as the class or set says; user->waited_ns is when that is over. */
static int64_t locust__life_wait_ns(locust__user *user)
{
    locust__loop *loop = user->all->services->loop;
    int64_t now = locust__user_wait_time(user)->kind ? locust__loop_clock(loop) : 0;
    int64_t wait = locust__user_wait_ns(user, now);
    if (user->root->lost) {
        wait = locust__retry_wait_ns(user, wait);
        now = locust__loop_clock(loop);
    }
    user->waited_ns = locust__time_after(now, wait);
    return wait;
}

/* Passes a wait of no length. The user yields if its task has not parked, so that it does not keep
 * the loop to itself. `turn`: of the loop, when the task began. */
static void locust__life_yield(locust__user *user, uint64_t turn) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    if (loop->turn != turn)
        return;
    locust__loop_clock(loop);
    user->waiting = true;
    locust__co_yield(loop);
    user->waiting = false;
}

/* Runs what locust_defer has registered, the latest first. None of it may park. */
static void locust__life_clean_up(locust__user *user)
{
    while (user->cleanups) {
        locust__user_cleanup *first = user->cleanups, it = *first;
        locust__callback c;
        user->cleanups = it.next;
        LOCUST_FREE(first);
        locust__callback_begin(&c, user->all->services->loop, "a function of locust_defer");
        c.leaves = c.fails = true;
        if (setjmp(c.back) == 0)
            it.fn(it.arg);
        else
            locust__callback_left(&c);
        locust__callback_end(&c);
    }
}

/* Frees the handles of the task that ends: its coroutines and groups. A coroutine that still runs
 * frees its own when it ends; one that is being joined, and a group with waiters, is freed by the
 * last that waits. All waiters are woken to find that out. */
LOCUST__COLD static void locust__life_detach(locust__user *user)
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

/* Ends a function of the test: gives back what it has entered, registered and started, and counts
 * its last request, whose verdict is final now. */
static void locust__life_settle(locust__user *user)
{
    if (user->co->stack->scopes || user->co->stack->entered)
        locust__context_unwind(user->co, NULL, NULL);
    if (user->cleanups)
        locust__life_clean_up(user);
    if (user->texts)
        locust__user_text_free(user);
    if (user->coroutines || user->groups)
        locust__life_detach(user);
    locust__user_settle(user);
}

/* Does any coroutine that the user has started still run, this one left aside? */
static bool locust__life_has_coroutines(const locust__user *user)
{
    for (const locust_coroutine *c = user->root->coroutines; c; c = c->next)
        if (!c->ended && &c->user != user)
            return true;
    return false;
}

/* Cuts all coroutines that a user has started, again and again until the last one has ended: a
 * coroutine may park and start others while it is cut. A cancellation of the user itself waits. */
LOCUST__COLD static void locust__life_stop_coroutines(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    while (locust__life_has_coroutines(user)) {
        for (locust_coroutine *c = user->coroutines; c; c = c->next)
            if (!c->ended && !c->user.co->cancelled)
                locust__co_cancel(loop, c->user.co);
        if (locust__queue_wait(loop, &user->coroutine_waiters, LOCUST__NEVER) ==
            LOCUST__WAKE_CANCELLED)
            user->co->cancelled = false;
    }
    locust__life_detach(user);
}

/* Runs fn until it returns, or until a call in it leaves it by locust__life_leave. Says which. Not
 * to be called inside another fn. */
static enum locust__outcome locust__life_guarded(
    locust__user *user, void (*fn)(locust__user *user)) LOCUST__PARKS
{
    user->outcome = LOCUST__OUTCOME_RETURNED;
    if (setjmp(*locust__stack_unwind_point(user->co->stack)) == 0)
        fn(user);
    if (user->outcome == LOCUST__OUTCOME_CUT && user->coroutines)
        locust__life_stop_coroutines(user); // they may use what the task's locust_defer frees
    locust__life_settle(user);
    return user->outcome;
}

/* Leaves the function of the test that runs, from any depth: locust__life_guarded returns
 * `outcome`. If what leaves is called while a function that was left is being settled (a listener,
 * a function of locust_defer), the first reason stays. */
static _Noreturn void locust__life_leave(locust__user *user, enum locust__outcome outcome)
{
    locust__callback_now = NULL;
    if (user->outcome == LOCUST__OUTCOME_RETURNED)
        user->outcome = outcome;
    if (user->co->cancelled) // not by an act of its own
        for (const locust_measure *m = user->measures; m; m = m->outer)
            locust__client_cut(user->client, m->method, m->name, m->start_ns);
    user->measures = NULL;
    longjmp(*locust__stack_unwind_point(user->co->stack), 1);
}

/* Cuts the function of the test that runs: its user has been cancelled. */
static _Noreturn void locust__life_unwind(locust__user *user)
{
    locust__life_leave(user, LOCUST__OUTCOME_CUT);
}

/* Leaves the innermost set, and forgets tasks that locust_schedule has inserted into it. The
 * class's own tasks are left at the end of the user. */
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

/* Runs the on_start of the innermost set. It is `entering` until that has returned. */
static void locust__life_set_on_start(locust__user *user) LOCUST__PARKS
{
    user->top->entering = true;
    user->doing = locust__user_set_on_start;
    if (user->top->plan->as->on_start)
        user->top->plan->as->on_start(&user->as);
    user->top->entering = false;
}

static void locust__life_set_on_stop(locust__user *user) LOCUST__PARKS
{
    user->doing = locust__user_set_on_stop;
    if (user->top->plan->as->on_stop)
        user->top->plan->as->on_stop(&user->as);
}

static void locust__life_run_on_stop(locust__user *user) LOCUST__PARKS
{
    user->doing = locust__user_on_stop;
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

/* The next task or set: the first that was inserted into the set that runs, else what the plan
 * picks. `inserted` has room for the former. */
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
    return locust__frame_next(user->top, locust__user_random(user));
}

/* No user begins a further task. Waits end at once; tasks that run are cut if `now`, else they may
 * finish. */
LOCUST__COLD static void locust__life_stop_all(locust__users *all, bool now)
{
    for (locust__user *user = all->first; user; user = user->next) {
        user->stopping = true;
        if (now || user->waiting)
            locust__co_cancel(all->services->loop, user->co);
    }
}

/* Will no user of the test begin a task any more? */
static bool locust__life_are_over(const locust__users *all)
{
    return all->closing || all->told || all->iterations_left == 0;
}

/* Will this user take no further task? */
static bool locust__life_is_over(const locust__user *user)
{
    return user->stopping || user->all->closing;
}

/* Takes one of the task runs that the user, its class and the test may still have. False: there is
 * none, and the user ends. A user that arrived for its tasks (LOCUST_ARRIVE_USERS) has .iterations
 * of them, or one. */
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
            locust__life_stop_all(all, false); // users that wait for a next task wait in vain
        return true;
    }
    user->stopping = true;
    locust__arrive_forgo(user);
    return false;
}

/* Does each of the user's tasks serve an arrival? */
static bool locust__life_serves(const locust__user *user)
{
    return user->cls->arrivals && user->cls->arrivals->as.kind == LOCUST_ARRIVE_TASKS;
}

/* Passes the time between two tasks if that is none. Else the user is `waiting` from here on, and
 * its coroutine is to rest. */
static void locust__life_pause(locust__user *user, uint64_t turn) LOCUST__PARKS
{
    if (locust__life_serves(user))
        user->waiting = !locust__arrive_next(user);
    else if (locust__life_wait_ns(user) || locust__co_is_wanted(user->co))
        user->waiting = true;
    else
        locust__life_yield(user, turn);
}

/* Rests until the next task is due, after locust__life_pause. False: the user is cancelled, and
 * goes on. */
static bool locust__life_rest(locust__user *user)
{
    locust__loop *loop = user->all->services->loop;
    if (!locust__life_serves(user) || user->due_ns) // waited_ns of the latter has passed
        return locust__co_rest(loop, user->waited_ns);
    locust__queue_push(&user->cls->arrivals->free, user->co);
    return locust__co_rest(loop, LOCUST__NEVER);
}

/* Runs tasks, one after the other, inside one guard: setting it up for each task would cost more
 * than a short task does. Returns when the user is over or waits; is left when a task is. */
static void locust__life_run_tasks(locust__user *user) LOCUST__PARKS
{
    while (!user->waiting && !locust__life_is_over(user)) {
        uint64_t turn = user->all->services->loop->turn;
        locust__plan_task inserted;
        const locust__plan_task *step = locust__life_next(user, &inserted);
        if (step->set) {
            if (locust__life_push(user, step->set))
                locust__life_set_on_start(user);
            else if (locust__life_wait_ns(user)) // no memory: the user tries again later
                user->waiting = true;
            else
                locust__life_yield(user, turn);
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

/* The first turn of a user. False: it has none of its tasks. */
static bool locust__life_begin(locust__user *user) LOCUST__PARKS
{
    enum locust__outcome outcome;
    user->begun = true;
    user->waited_ns = locust__os_now_ns();
    if (locust__life_is_over(user))
        return false;
    user->started = true;
    user->doing = locust__user_on_start;
    if (user->due_ns)
        locust__arrive_serve(user);
    outcome = locust__life_guarded(user, locust__life_on_start);
    if (outcome == LOCUST__OUTCOME_FAILED)
        user->started = false;
    return outcome == LOCUST__OUTCOME_RETURNED;
}

/* The next turn of a user that has rested. */
static void locust__life_wake(locust__user *user)
{
    user->waiting = false;
    if (locust__life_serves(user) && !user->stopping)
        locust__arrive_serve(user);
}

/* Runs tasks until one is left, and does what follows from how. False: the user is over. A failed
 * task is followed by a wait and the next task, an interrupted set by its on_stop and its
 * parent. */
static bool locust__life_go_on(locust__user *user) LOCUST__PARKS
{
    uint64_t turn = user->all->services->loop->turn;
    enum locust__outcome outcome = locust__life_guarded(user, locust__life_run_tasks);
    if (outcome == LOCUST__OUTCOME_CUT || locust__life_is_over(user))
        return false;
    if (outcome == LOCUST__OUTCOME_RETURNED)
        return true;
    if (outcome == LOCUST__OUTCOME_INTERRUPTED || outcome == LOCUST__OUTCOME_INTERRUPTED_NOW) {
        enum locust__outcome stopped = locust__life_guarded(user, locust__life_set_on_stop);
        locust__life_pop(user);
        if (stopped == LOCUST__OUTCOME_CUT)
            return false;
    } else if (outcome == LOCUST__OUTCOME_FAILED && user->top->entering) {
        locust__life_pop(user);
    }
    if (locust__life_is_over(user))
        return false;
    if (outcome != LOCUST__OUTCOME_INTERRUPTED_NOW || locust__life_serves(user))
        locust__life_pause(user, turn); // a user that serves always needs another arrival
    else if (user->all->services->loop->turn == turn)
        locust__co_yield(user->all->services->loop);
    return true;
}

/* Runs on_start and then tasks until the user rests or is over. True: it rests, and is to be called
 * again when it is woken. */
static bool locust__life_run(locust__user *user) LOCUST__PARKS
{
    if (!user->begun && !locust__life_begin(user))
        return false;
    for (;;) {
        if (user->waiting)
            locust__life_wake(user);
        if (locust__life_is_over(user) || !locust__life_go_on(user))
            return false;
        if (user->waiting && locust__life_rest(user))
            return true;
    }
}

/* Closes the clients of protocols, and the streams that the test has opened and not closed, as a
 * task that was cut cannot. */
static void locust__life_close_streams(locust__user *user)
{
    while (user->clients) {
        locust__user_protocol *client = user->clients;
        user->clients = client->next;
        client->close(client);
    }
    for (locust__user_stream *s = user->streams, *next; s; s = next) {
        next = s->next;
        locust__stream_close(&s->stream);
        LOCUST_FREE(s);
    }
}
