/* ============================================================================================
 * >>retry  pauses after requests that reached no server
 *
 * Purpose     keeps users without a wait_time from failing millions of times a second against a
 *             server that is not there: .retry_pause of their class.
 * Invariants  what is no answer of a server costs a user at least a pause before its next task;
 *             in a task that goes on regardless, 16 such requests take at least a pause. A request
 *             that reached a server ends that.
 * Names       locust__retry_
 * Uses        >>co >>switch >>user
 * ============================================================================================ */

enum { LOCUST__RETRY_IN_TASK = 16 }; // requests in a row that one task may lose without a pause

/* Did a request or a connect end before any server took part in it? A timeout is none of these: it
 * took its time. */
static bool locust__retry_is_lost(locust_error error)
{
    static const locust_error lost[] = {LOCUST_ERR_REFUSED, LOCUST_ERR_NAME, LOCUST_ERR_NAME_SERVER,
        LOCUST_ERR_HOST_UNREACHABLE, LOCUST_ERR_NET_UNREACHABLE, LOCUST_ERR_NO_SOCKET,
        LOCUST_ERR_PERMISSION, LOCUST_ERR_SOURCE, LOCUST_ERR_PROXY_NAME, LOCUST_ERR_PROXY_REFUSED,
        LOCUST_ERR_URL, LOCUST_ERR_SCHEME, LOCUST_ERR_HTTP_REQUEST, LOCUST_ERR_HTTP_BODIES,
        LOCUST_ERR_HTTP_BODY_LEN, LOCUST_ERR_HTTP_AUTHS, LOCUST_ERR_HTTP_CALLBACKS,
        LOCUST_ERR_HTTP_REQUEST_SIZE};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (error == lost[i])
            return true;
    return false;
}

/* Takes note of how a request, or a connect of the test's own, has ended. */
static void locust__retry_note(locust__user *user, locust_error error)
{
    locust__user *root = user->root;
    if (error && locust__retry_is_lost(error)) {
        if (!root->lost++)
            root->lost_ns = root->all->services->loop->clock_ns;
        user->all->lost = error;
    } else if (root->lost || root->pauses) {
        root->lost = root->pauses = 0;
    }
}

/* How long the user pauses now; 0: not at all. The pauses of one user grow, and those of several do
 * not march in step. */
static int64_t locust__retry_next_ns(locust__user *root)
{
    double most_s = root->cls->as->retry_pause;
    double share = locust__random_unit(&root->all->services->loop->random);
    int64_t ns = locust__time_ns(most_s > 0 ? most_s : 1);
    if (!root->lost || most_s < 0 || root->cls->arrivals)
        return 0;
    root->lost = 0;
    if (root->pauses < 4) // 0.1, 0.2, 0.4, 0.8 of it
        ns = ns / 10 << root->pauses++;
    return ns / 2 + (int64_t)(share * (double)ns / 2);
}

/* A wait between two tasks of that length, and as long as the user must pause at least. */
static int64_t locust__retry_wait_ns(locust__user *user, int64_t wait_ns)
{
    locust__users *all = user->all;
    int64_t pause_ns = locust__retry_next_ns(user->root);
    if (pause_ns <= wait_ns)
        return wait_ns;
    if (!all->told_retry)
        locust__log_print(all->services->log, LOCUST__LOG_WARNING, "locust.runners",
            "requests reach no server (%s): each user then pauses before its next task, up to "
            ".retry_pause of its class (1 s)",
            locust__error_text(all->lost));
    all->told_retry = true;
    return pause_ns;
}

/* Before a request: parks a user whose task has lost too many of them in less time than a pause
 * takes. A task that waits by itself is not held up. */
static void locust__retry_park(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    int64_t now_ns, spent_ns, pause_ns;
    if (user->root->lost < LOCUST__RETRY_IN_TASK)
        return;
    now_ns = locust__loop_clock(loop);
    spent_ns = now_ns - user->root->lost_ns;
    pause_ns = locust__retry_wait_ns(user, spent_ns) - spent_ns;
    if (pause_ns > 0)
        locust__co_sleep(loop, locust__time_after(now_ns, pause_ns));
}
