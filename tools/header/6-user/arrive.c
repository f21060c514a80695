/* ============================================================================================
 * >>arrive  arrivals of the open model, as users take them
 *
 * Purpose     a queue of arrivals for each class: who is free takes the next; who waits too long is shed.
 * Names       locust__arrive_
 * Uses        >>co >>switch >>sync >>class >>user
 * ============================================================================================ */

/* Sheds those that have waited too long. Returns when the next one will have. */
static int64_t locust__arrive_shed(locust__arrival_queue *o, int64_t now_ns)
{
    int64_t patience_ns = o->as.patience_s < 0 ? 0 : locust__time_ns(o->as.patience_s), until_ns;
    while (o->n) {
        until_ns = locust__time_after(o->backlog[o->first], patience_ns);
        if (now_ns <= until_ns)
            return until_ns + 1;
        o->first = (o->first + 1) % o->cap;
        o->n--;
        o->counts.shed++;
    }
    return LOCUST__NEVER;
}

/* Takes the oldest arrival that waits and was not shed. False: there is none. */
static bool locust__arrive_take(locust__arrival_queue *o, int64_t now_ns, int64_t *due_ns)
{
    locust__arrive_shed(o, now_ns);
    if (!o->n)
        return false;
    *due_ns = o->backlog[o->first];
    o->first = (o->first + 1) % o->cap;
    o->n--;
    return true;
}

/* An arrival has to wait; without memory it is shed. */
static void locust__arrive_keep(locust__arrival_queue *o, int64_t due_ns)
{
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 64;
        int64_t *ring = LOCUST_MALLOC(cap * sizeof *ring);
        if (!ring) {
            o->counts.shed++;
            return;
        }
        for (size_t i = 0; i < o->n; i++)
            ring[i] = o->backlog[(o->first + i) % o->cap];
        LOCUST_FREE(o->backlog);
        o->backlog = ring;
        o->first = 0;
        o->cap = cap;
    }
    o->backlog[(o->first + o->n++) % o->cap] = due_ns;
}

/* The next task of the user is an arrival's. */
static void locust__arrive_accept(locust__user *user, int64_t due_ns, bool late)
{
    user->due_ns = due_ns;
    user->late = late;
    user->cls->arrivals->counts.started++;
    user->cls->arrivals->counts.late += late;
}

/* An arrival whose task has not begun comes to nothing: no task begins any more. */
static void locust__arrive_forgo(locust__user *user)
{
    locust__arrival_queue *o = user->cls->arrivals;
    if (!o || !user->due_ns)
        return;
    user->due_ns = 0;
    o->counts.started--;
    o->counts.late -= user->late;
    o->counts.shed++;
}

/* Begins to serve the arrival: its first request is as late as that. */
static void locust__arrive_serve(locust__user *user)
{
    locust__loop *loop = user->all->services->loop;
    user->session.late_ms = (double)(locust__loop_clock(loop) - user->due_ns) / 1e6;
}

/* The task of an arrival is over: the next one, at once if one waits. */
static void locust__arrive_await(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    locust__arrival_queue *o = user->cls->arrivals;
    int64_t due_ns;
    if (locust__arrive_take(o, locust__loop_clock(loop), &due_ns)) {
        locust__arrive_accept(user, due_ns, true);
        locust__co_yield(loop);
    } else {
        user->waiting = true;
        locust__queue_wait(loop, &o->free, LOCUST__NEVER);
        user->waiting = false;
    }
    if (!user->stopping)
        locust__arrive_serve(user);
}
