/* ============================================================================================
 * >>measure  operations that the test measures itself
 *
 * Purpose     LOCUST_MEASURE, locust_record: a row for what is not an HTTP request.
 * Invariants  the user's last request is counted first: rows appear in the order of what happened.
 * Uses        >>record >>session >>client >>user >>control
 * ============================================================================================ */

LOCUST_API locust_measure locust_measure_start(locust_user *u, const char *method, const char *name)
{
    locust__user *user = locust__control_user(u, "LOCUST_MEASURE");
    locust__client_settle(&user->client);
    return (locust_measure){
        .user = u, .method = method, .name = name, .open = true, .start_ns = locust__os_now_ns()};
}

LOCUST_API void locust_measure_stop(locust_measure *m)
{
    locust__user *user = locust__control_user(m->user, "LOCUST_MEASURE");
    int64_t now = locust__os_now_ns();
    double late_ms = locust__session_take_late(user->client.session);
    locust_sample sample = {.method = m->method,
        .name = m->name,
        .error = m->error,
        .length = m->length,
        .late_ms = late_ms,
        .user = m->user,
        .elapsed_ms = (double)(now - m->start_ns) / 1e6};
    m->open = false;
    locust__recorder_record(&user->all->services->recorder, &sample, now - m->start_ns, now);
}

LOCUST_API void locust_record(locust_user *u, const locust_sample *sample)
{
    locust__user *user = locust__control_user(u, "locust_record");
    double late_ms = locust__session_take_late(user->client.session);
    locust_sample s = {.method = sample->method,
        .name = sample->name,
        .error = sample->error,
        .length = sample->length,
        .elapsed_ms = sample->elapsed_ms,
        .context = sample->context,
        .late_ms = late_ms,
        .user = u};
    locust__client_settle(&user->client);
    locust__recorder_record(&user->all->services->recorder, &s,
        (int64_t)(sample->elapsed_ms * (double)LOCUST__MS), locust__os_now_ns());
}
