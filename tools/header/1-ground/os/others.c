/* ============================================================================================
 * >>os_others  what other programs on this machine take, by Linux
 *
 * Purpose     CPU and memory of a process and of all that it has started, or of a cgroup.
 * Cost        a process: one file for each process of the machine; a cgroup: two files.
 * Names       locust__os_family_ locust__os_cgroup locust__os_process
 * Sources     proc(5), the description of cgroup v2 in Linux's documentation.
 * Limits      CPU of a process comes in hundredths of a second. A process that was started by the
 *             family and taken over by process 1 is not in it.
 * ============================================================================================ */

typedef struct locust__os_process {
    int pid, parent;
    int64_t ticks, pages;
    bool in; // of the family
} locust__os_process;

/* Reads /proc/PID/stat: "7 (name of it) S parent ...", of which fields 14 to 17 are its CPU and
 * that of the children whose end it has seen, and 24 its pages in memory. */
static bool locust__os_family_read(const char *pid, locust__os_process *process)
{
    char path[64];
    locust__buf text;
    const char *p;
    bool good = false;
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    text = locust__os_read_file(path, 1024);
    p = text.len ? strrchr(text.ptr, ')') : NULL;
    for (int field = 2; p && field <= 24; field++) {
        const char *number = p + (*p == '-');
        int64_t n = locust__number_whole(&number);
        if (field == 4)
            process->parent = (int)n;
        if (field >= 14 && field <= 17)
            process->ticks += n > 0 ? n : 0;
        if (field == 24)
            process->pages = n;
        good = field == 24;
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    locust__buf_free(&text);
    return good;
}

/* All processes of the machine; NULL: they cannot be listed. */
static locust__os_process *locust__os_family_all(size_t *n)
{
    locust__os_process *all = NULL;
    size_t cap = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    *n = 0;
    while (dir && (entry = readdir(dir)) != NULL) {
        const char *digits = entry->d_name;
        int64_t pid = locust__number_whole(&digits);
        locust__os_process *grown;
        if (pid <= 0 || pid > INT_MAX || *digits)
            continue;
        grown = locust__memory_grow(all, sizeof *all, *n, &cap);
        if (!grown)
            break;
        all = grown;
        all[*n] = (locust__os_process){.pid = (int)pid};
        *n += locust__os_family_read(entry->d_name, &all[*n]);
    }
    if (dir)
        closedir(dir);
    return all;
}

LOCUST__COLD static bool locust__os_family(int pid, int64_t *cpu_ns, size_t *bytes)
{
    size_t n;
    locust__os_process *all = locust__os_family_all(&n);
    int64_t ticks = 0, pages = 0;
    bool found = false, more = true;
    for (size_t i = 0; i < n; i++)
        found |= all[i].in = all[i].pid == pid;
    while (more) {
        more = false;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n && !all[i].in; k++)
                if (all[k].in && all[k].pid == all[i].parent)
                    more = all[i].in = true;
    }
    for (size_t i = 0; i < n; i++) {
        ticks += all[i].in ? all[i].ticks : 0;
        pages += all[i].in ? all[i].pages : 0;
    }
    LOCUST_FREE(all);
    *cpu_ns = ticks * (LOCUST__S / sysconf(_SC_CLK_TCK));
    *bytes = (size_t)pages * locust__os_page_size();
    return found;
}

/* A file of a cgroup; its path is absolute, or below where cgroups are mounted. */
static locust__buf locust__os_cgroup_read(const char *cgroup, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s/%s", *cgroup == '/' ? "" : "/sys/fs/cgroup/", cgroup, name);
    return locust__os_read_file(path, 4096);
}

LOCUST__COLD static bool locust__os_cgroup(const char *cgroup, int64_t *cpu_ns, size_t *bytes)
{
    static const char key[] = "usage_usec ";
    locust__buf text = locust__os_cgroup_read(cgroup, "cpu.stat");
    const char *p = text.len ? strstr(text.ptr, key) : NULL;
    int64_t us = -1, memory;
    if (p) {
        p += sizeof key - 1;
        us = locust__number_whole(&p);
    }
    locust__buf_free(&text);
    text = locust__os_cgroup_read(cgroup, "memory.current");
    p = text.len ? text.ptr : "0";
    memory = locust__number_whole(&p);
    locust__buf_free(&text);
    *cpu_ns = us * 1000;
    *bytes = memory > 0 ? (size_t)memory : 0;
    return us >= 0;
}
