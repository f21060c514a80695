/* ============================================================================================
 * >>os_plain  any other POSIX system
 *
 * Purpose     random bytes, and how much memory is in use.
 * Names       locust__os_memory_ locust__os_random_
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    locust__os_random_device(out, n);
}

static size_t locust__os_memory(void)
{
    return locust__os_statm();
}
