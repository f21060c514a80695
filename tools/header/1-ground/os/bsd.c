/* ============================================================================================
 * >>os_bsd  FreeBSD, NetBSD, OpenBSD, DragonFly
 *
 * Purpose     random bytes, and how much memory is in use.
 * Names       locust__os_memory_ locust__os_random_
 * Sources     arc4random(3). Only NetBSD has /proc/self/statm, where it is mounted.
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    arc4random_buf(out, n);
}

static size_t locust__os_memory(void)
{
    return locust__os_statm();
}
