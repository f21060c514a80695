/* ============================================================================================
 * >>wait  what is wrong with a wait
 *
 * Purpose     a sentence before the first user for a .wait_time that is not made by its macros, or
 *             whose number is none.
 * Names       locust__wait_
 * ============================================================================================ */

/* Is this no number of seconds? LOCUST_CONSTANT_THROUGHPUT(0) gives an infinite one. */
static bool locust__wait_is_wrong(double seconds)
{
    return !(seconds >= 0 && seconds <= 1e9);
}

/* Says what is wrong with a wait; false: nothing is. LOCUST_BETWEEN may have its bounds in any
 * order, as in Locust. */
LOCUST__COLD static bool locust__wait_wrong(const locust_wait_time *wait, char *out, size_t size)
{
    const char *name = NULL;
    switch (wait->kind) {
    case LOCUST_WAIT_NONE:
        return false;
    case LOCUST_WAIT_CONSTANT:
        name = "LOCUST_CONSTANT";
        break;
    case LOCUST_WAIT_BETWEEN:
        name = "LOCUST_BETWEEN";
        break;
    case LOCUST_WAIT_PACING:
        name = "LOCUST_CONSTANT_PACING, or LOCUST_CONSTANT_THROUGHPUT,";
        break;
    case LOCUST_WAIT_POISSON:
        name = "LOCUST_POISSON";
        break;
    case LOCUST_WAIT_CUSTOM:
        if (!wait->fn)
            snprintf(out, size, ".wait_time = LOCUST_WAIT_FN(NULL) has no function");
        return !wait->fn;
    default:
        snprintf(out, size,
            ".wait_time is not made by one of its macros: for %d seconds write "
            ".wait_time = LOCUST_CONSTANT(%d)",
            wait->kind, wait->kind);
        return true;
    }
    if (!locust__wait_is_wrong(wait->a) && !locust__wait_is_wrong(wait->b))
        return false;
    snprintf(out, size, ".wait_time = %s takes seconds from 0, which are numbers, not %g", name,
        locust__wait_is_wrong(wait->a) ? wait->a : wait->b);
    return true;
}
