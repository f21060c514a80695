/* ============================================================================================
 * >>os_stack  address space for stacks, and what guards it
 *
 * Purpose     maps address space that costs memory only where it is touched, and makes pages of
 *             it fault.
 * Names       locust__os_forget locust__os_guard_ locust__os_map_ locust__os_no_
 *             locust__os_stack_ locust__os_stacks_
 * ============================================================================================ */

#ifdef MAP_NORESERVE
enum { LOCUST__OS_MAP_NORESERVE = MAP_NORESERVE };
#else
enum { LOCUST__OS_MAP_NORESERVE = 0 };
#endif
#ifdef MAP_STACK // OpenBSD ends a process whose stack pointer is in any other mapping
enum { LOCUST__OS_MAP_STACK = MAP_STACK };
#else
enum { LOCUST__OS_MAP_STACK = 0 };
#endif
#ifdef MADV_NOHUGEPAGE // a huge page would make one touched page cost as much as 512
enum { LOCUST__OS_NO_HUGE_PAGES = MADV_NOHUGEPAGE };
#else
enum { LOCUST__OS_NO_HUGE_PAGES = 0 };
#endif

#ifdef MADV_DONTNEED
enum { LOCUST__OS_FORGET = MADV_DONTNEED };
#else
enum { LOCUST__OS_FORGET = -1 };
#endif

static char *locust__os_stacks_map(size_t n)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | LOCUST__OS_MAP_NORESERVE | LOCUST__OS_MAP_STACK;
    void *p = LOCUST__SYS(mmap)(NULL, n, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (LOCUST__OS_NO_HUGE_PAGES != 0)
        madvise(p, n, LOCUST__OS_NO_HUGE_PAGES);
    return p;
}

static void locust__os_stacks_unmap(char *p, size_t n)
{
    munmap(p, n);
}

/* Gives the memory of whole pages back to the system. What is read there afterwards is zero, or
 * what it was. */
static void locust__os_stack_forget(char *p, size_t n)
{
    if (LOCUST__OS_FORGET >= 0)
        madvise(p, n, LOCUST__OS_FORGET);
}

static bool locust__os_guard_protect(char *p, size_t n)
{
    return mprotect(p, n, PROT_NONE) == 0;
}

/* Does a marked page really fault? Under qemu-user the call succeeds and does nothing. To find out
 * without a signal, write() sends a byte of the page into a pipe: it fails with EFAULT. */
static bool locust__os_guard_works(void)
{
    size_t page = locust__os_page_size();
    char *p = locust__os_stacks_map(page);
    int pipe_fds[2];
    bool works = false;
    if (!p)
        return false;
    if (locust__os_guard_mark(p, page) && pipe(pipe_fds) == 0) {
        works = write(pipe_fds[1], p, 1) < 0 && errno == EFAULT;
        close(pipe_fds[0]);
        close(pipe_fds[1]);
    }
    locust__os_stacks_unmap(p, page);
    return works;
}
