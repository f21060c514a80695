/* ============================================================================================
 * >>process  one of several processes of a command
 *
 * Purpose     what a process that --processes has forked knows of that.
 * Invariants  it belongs to the process, so it is a global; only locust_main sets it.
 * Names       locust__process locust__process_
 * ============================================================================================ */

enum { LOCUST__PROCESS_ID = 96 };

static struct {
    bool forked; // it is a worker of its parent
    pid_t parent;
    int index;
    char id[LOCUST__PROCESS_ID]; // that its parent knows it by
} locust__process;

/* Has its parent ended? Then nobody wants what it counts. */
LOCUST__UNUSED static bool locust__process_is_orphan(void)
{
    return locust__process.forked && getppid() != locust__process.parent;
}
