/* ============================================================================================
 * >>arrive  arrivals of the open model, as users take them
 *
 * Purpose     the arrivals of a class that no user has taken yet, and the users that wait for one.
 * Invariants  scheduled == started + shed + unanswered + n. Either arrivals wait or users do, never
 *             both for longer than a turn of the loop. An arrival keeps the time at which it was
 *             due, so that what it waited is in its first response time.
 * Cost        8 bytes for an arrival that waits.
 * Names       locust__arrive_
 * Uses        >>co >>switch >>record >>client >>class >>user
 *
 *   backlog   | . | . | due | due | due | . | . |    first 2, n 3, cap 7: the oldest is at `first`;
 *                       first                        behind the last place comes place 0
 * ============================================================================================ */

/* Sheds arrivals that have waited longer than their patience. Returns when the next one will have.
 * */
static int64_t locust__arrive_shed(locust__arrival_queue *o, int64_t now_ns)
{
    int64_t patience_ns = o->as.patience_s < 0 ? 0 : locust__time_ns(o->as.patience_s), until_ns;
    while (o->n) {
        until_ns = locust__time_after(o->backlog[o->first], patience_ns);
        if (now_ns <= until_ns)
            return locust__time_after(until_ns, 1);
        o->first = (o->first + 1) % o->cap;
        o->n--;
        o->counts.shed++;
    }
    return LOCUST__NEVER;
}

/* Takes the oldest arrival that waits and has not lost its patience. False: there is none. */
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

/* Puts an arrival behind those that wait. The ring doubles when it is full; without memory for
 * that the arrival is shed. */
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

/* Gives an arrival to a user: the user's next task serves it. */
static void locust__arrive_accept(locust__user *user, int64_t due_ns, bool late)
{
    user->due_ns = due_ns;
    user->late = late;
    user->cls->arrivals->counts.started++;
    user->cls->arrivals->counts.late += late;
}

/* Counts an arrival that nobody serves any more because the test is ending: as shed if that is
 * because all iterations are done, else as unanswered. */
static void locust__arrive_drop(
    locust__arrival_queue *o, const locust__users *all, int64_t due_ns, int64_t now_ns)
{
    if (all->iterations_left == 0) {
        o->counts.shed++;
        return;
    }
    o->counts.unanswered++;
    locust__recorder_cut_arrival(&all->services->recorder, due_ns, now_ns);
}

/* Takes back an arrival that was accepted but whose task never started because the test is ending.
 * */
static void locust__arrive_forgo(locust__user *user)
{
    locust__arrival_queue *o = user->cls->arrivals;
    if (!o || !user->due_ns)
        return;
    o->counts.started--;
    o->counts.late -= user->late;
    locust__arrive_drop(o, user->all, user->due_ns, locust__os_now_ns());
    user->due_ns = 0;
}

/* Begins to serve the arrival: the user's next request tells how late it is. */
static void locust__arrive_serve(locust__user *user)
{
    locust__loop *loop = user->all->services->loop;
    locust__client *client = locust__user_client(user);
    if (client) // without memory there is no request either
        client->session->late_ms = (double)(locust__loop_clock(loop) - user->due_ns) / 1e6;
}

/* After an arrival's task: takes the next arrival if one is waiting. False: the user is to rest
 * until the pacer gives it one, or until there is a stack for it again if it has one (`due_ns`). */
static bool locust__arrive_next(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    int64_t due_ns;
    if (!locust__arrive_take(user->cls->arrivals, locust__loop_clock(loop), &due_ns))
        return false;
    locust__arrive_accept(user, due_ns, true);
    if (locust__co_is_wanted(user->co))
        return false;
    locust__co_yield(loop);
    if (!user->stopping)
        locust__arrive_serve(user);
    return true;
}
