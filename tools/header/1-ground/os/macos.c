/* ============================================================================================
 * >>os_macos  macOS
 *
 * Purpose     random bytes, and how much memory is in use.
 * Names       locust__os_memory_ locust__os_random_
 * Sources     arc4random(3); mach/task_info.h of the macOS SDK.
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    arc4random_buf(out, n);
}

static size_t locust__os_memory(void)
{
    struct mach_task_basic_info about;
    mach_msg_type_number_t n = MACH_TASK_BASIC_INFO_COUNT;
    kern_return_t rc =
        task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)(void *)&about, &n);
    return rc == KERN_SUCCESS ? about.resident_size : 0;
}
