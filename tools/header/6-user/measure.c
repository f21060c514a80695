/* ============================================================================================
 * >>measure  operations that the test measures itself
 *
 * Purpose     LOCUST_MEASURE, locust_record: a row for what is not an HTTP request.
 * Invariants  the user's last request is counted first: rows appear in the order of what happened.
 * Names       locust__measure_
 * Uses        >>co >>misuse >>record >>session >>client >>user >>control
 * ============================================================================================ */

static const double LOCUST__MEASURE_MAX_MS = 1e12; // 31 years; int64_t nanoseconds end at 292

LOCUST_API locust_measure locust_measure_start(locust_user *u, const char *method, const char *name)
{
    locust__user *user = locust__control_user(u, "LOCUST_MEASURE");
    int64_t now = locust__os_now_ns();
    locust__user_settle(user);
    locust__session_begin(locust__control_client(user, "LOCUST_MEASURE")->session, now);
    return (locust_measure){
        .user = u, .method = method, .name = name, .open = true, .start_ns = now};
}

/* A function that may not park is not cut, so its measures need not be seen. */
LOCUST_API locust_measure *locust_measure_watch(locust_measure *m)
{
    locust__user *user = locust__control_user(m->user, "LOCUST_MEASURE");
    if (!locust__callback_now) {
        m->outer = user->measures;
        user->measures = m;
    }
    return m;
}

/* The measure ends: its user sees it no more. */
static void locust__measure_leave(locust__user *user, locust_measure *m)
{
    locust_measure **at = &user->measures;
    while (*at && *at != m)
        at = &(*at)->outer;
    if (*at)
        *at = m->outer;
}

LOCUST_API void locust_measure_stop(locust_measure *m)
{
    locust__user *user;
    locust__client *client;
    const locust__loop *loop;
    int64_t now = locust__os_now_ns(), late_ns;
    double late_ms;
    if (!m->open)
        return;
    user = locust__control_user(m->user, "LOCUST_MEASURE");
    client = locust__control_client(user, "LOCUST_MEASURE");
    loop = user->all->services->loop;
    late_ns = locust__loop_waited_ns(loop);
    late_ms = locust__session_end(client->session);
    locust_sample sample = {.method = m->method,
        .name = m->name,
        .error = m->error,
        .length = m->length,
        .late_ms = late_ms,
        .user = m->user,
        .elapsed_ms = (double)(now - m->start_ns) / 1e6};
    m->open = false;
    locust__measure_leave(user, m);
    locust__client_count(client, &sample, now - m->start_ns, now);
    // It has parked, and was woken late; a step of the test is not counted.
    if (m->start_ns < loop->step_ns && late_ns > 0 && !client->session->failure)
        locust__recorder_late(&user->all->services->recorder, now - m->start_ns, late_ns, now);
}

/* Fails the task that records no time: one NaN would spoil the sum of its row and of the total. */
static void locust__measure_check(locust__user *user, double elapsed_ms) LOCUST__PARKS
{
    char text[128], place[128];
    if (elapsed_ms >= 0 && elapsed_ms <= LOCUST__MEASURE_MAX_MS)
        return;
    snprintf(
        text, sizeof text, "locust_record takes elapsed_ms from 0 to 1e12, not %g", elapsed_ms);
    locust__user_place(user, "", place, sizeof place);
    locust__control_fail(user, text, place);
}

LOCUST_API void locust_record(locust_user *u, const locust_sample *sample)
{
    locust__user *user = locust__control_user(u, "locust_record");
    locust__client *client;
    locust_sample s = {.method = sample->method,
        .name = sample->name,
        .error = sample->error,
        .length = sample->length,
        .elapsed_ms = sample->elapsed_ms,
        .context = sample->context,
        .user = u};
    locust__measure_check(user, s.elapsed_ms);
    locust__user_settle(user);
    client = locust__control_client(user, "locust_record");
    s.late_ms = locust__session_end(client->session);
    locust__client_count(
        client, &s, (int64_t)(sample->elapsed_ms * (double)LOCUST__MS), locust__os_now_ns());
}
