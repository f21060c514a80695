/* ============================================================================================
 * >>fleet_forks  --processes: workers of one command
 *
 * Purpose     forks workers around a master in the process that was started, and sees to it that
 *             none is left behind.
 * Invariants  nothing is open yet when it forks: no loop, no file, no user. A worker obeys its
 *             master alone: signals of the terminal, and of whoever stops the whole service, reach
 *             all processes, and end the test once. Every child is waited for.
 * Names       locust__forks locust__forks_
 * Uses        >>address >>process >>env >>fleet_seal >>fleet_crew >>fleet_hear
 * Limits      256 processes.
 * ============================================================================================ */

enum { LOCUST__FORKS_MAX = 256, LOCUST__FORKS_PATIENCE_S = 5 };

typedef struct locust__forks {
    int n;        // children; 0: none
    int fd, port; // where the master listens
    bool remote;  // they are workers of another machine's master
    int go[2];    // a pipe: children begin when there is a byte for them, and end with its end
    pid_t pids[LOCUST__FORKS_MAX]; // 0: it has ended
    char ids[LOCUST__FORKS_MAX][LOCUST__PROCESS_ID];
    char secret[2 * LOCUST__SEAL_TAG + 1]; // that these processes alone know
    char log_path[4096];                   // of a child's --request-log
} locust__forks;

/* How many processes -1 stands for. */
static int locust__forks_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > LOCUST__FORKS_MAX ? LOCUST__FORKS_MAX : (int)cores;
}

/* Listens on a port of this machine's own. False: a sentence has said why not. */
static bool locust__forks_listen(locust__forks *f)
{
    locust__addr address;
    int fd = locust__os_socket(AF_INET, SOCK_STREAM);
    locust__addr_parse(&address, "127.0.0.1", 0);
    if (fd < 0 || bind(fd, &address.as.any, address.len) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, &address.as.any, &address.len) != 0) {
        locust__say("--processes: cannot listen on 127.0.0.1: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    f->fd = fd;
    f->port = ntohs(address.as.in.sin_port);
    return true;
}

/* Fills `out` with random digits. */
static void locust__forks_random(char *out, size_t size)
{
    for (size_t i = 0; i + 2 < size; i += 2) {
        unsigned char byte;
        locust__os_random(&byte, 1);
        snprintf(out + i, 3, "%02x", byte);
    }
}

/* Gives each worker the id that its master is to know it by. */
static void locust__forks_name(locust__forks *f)
{
    struct utsname system;
    char host[33] = "localhost";
    if (uname(&system) == 0)
        snprintf(host, sizeof host, "%.32s", system.nodename);
    locust__text_plain(host, strlen(host));
    for (char *p = host; *p; p++)
        *p = *p == '_' ? '-' : *p;
    for (int i = 0; i < f->n; i++) {
        size_t at = (size_t)snprintf(f->ids[i], sizeof f->ids[i], "%s_%04x", host, (unsigned)i);
        locust__forks_random(f->ids[i] + at, 29);
    }
}

/* In the child: waits until the parent finds nothing wrong with test and options, or else says so
 * for all; then turns the options into those of a worker. */
static void locust__forks_become(locust__forks *f, int index, locust_options *o, pid_t parent)
{
    char byte;
    ssize_t n;
    close(f->go[1]);
    do
        n = read(f->go[0], &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(LOCUST__EXIT_USAGE);
    close(f->go[0]);
    if (o->request_log) { // each has a file of its own
        snprintf(f->log_path, sizeof f->log_path, "%s.%d", o->request_log, index + 1);
        o->request_log = f->log_path;
    }
    locust__process.forked = true;
    locust__process.parent = parent;
    locust__process.index = index;
    snprintf(locust__process.id, sizeof locust__process.id, "%s", f->ids[index]);
    o->worker = true;
    f->n = 0; // the others are its parent's
    if (f->remote)
        return;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    close(f->fd);
    f->fd = -1;
    o->master = false;
    o->master_host = "127.0.0.1";
    o->master_port = f->port;
    if (!o->loglevel || locust__log_level(o->loglevel) > locust__log_level("DEBUG"))
        o->loglevel = "ERROR"; // what matters is the master's to say
}

/* Lets the children begin; or (n 0) end. */
static void locust__forks_go(locust__forks *f, int n)
{
    while (n > 0 && write(f->go[1], "", 1) == 1)
        n--;
    close(f->go[0]);
    close(f->go[1]);
    f->go[0] = f->go[1] = -1;
}

/* Ends those that are there already. */
static void locust__forks_undo(locust__forks *f)
{
    for (int i = 0; i < f->n; i++)
        if (f->pids[i] > 0) {
            kill(f->pids[i], SIGKILL);
            waitpid(f->pids[i], NULL, 0);
        }
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->n = 0;
}

/* Forks so many workers (-1: one for each core). In them and in the parent the options become what
 * each is to be. False: a sentence has said why not. */
static bool locust__forks_open(locust__forks *f, locust_options *o, int processes)
{
    pid_t self = getpid();
    memset(f, 0, sizeof *f);
    f->fd = -1;
    f->remote = o->worker;
    if (!f->remote && !locust__forks_listen(f))
        return false;
    f->n = processes < 0 ? locust__forks_cores() : processes;
    if (f->n > LOCUST__FORKS_MAX) {
        locust__say("--processes takes up to %d, not %d", LOCUST__FORKS_MAX, f->n);
        f->n = 0;
        locust__forks_undo(f);
        return false;
    }
    if (pipe(f->go) != 0) {
        locust__say("--processes: cannot make a pipe: %s", strerror(errno));
        f->n = 0;
        locust__forks_undo(f);
        return false;
    }
    locust__forks_name(f);
    if (!f->remote) {
        locust__forks_random(f->secret, sizeof f->secret);
        o->secret = f->secret;
    }
    fflush(NULL); // or each child would write what is in the buffers, too
    for (int i = 0; i < f->n; i++) {
        f->pids[i] = fork();
        if (f->pids[i] == 0) {
            locust__forks_become(f, i, o, self);
            return true;
        }
        if (f->pids[i] < 0) {
            locust__say("--processes: cannot fork process %d: %s", i + 1, strerror(errno));
            locust__forks_undo(f);
            return false;
        }
    }
    if (f->remote) {
        locust__forks_go(f, f->n);
        return true;
    }
    o->master = true;
    o->expect_workers = f->n;
    o->expect_workers_max_wait_s = 0; // who does not come has ended, and is missed
    o->request_log = NULL;            // each worker writes its own
    return true;
}

/* How a child ended, in words. */
static void locust__forks_how(int status, char *out, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(out, size, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(out, size, "ended with exit code %d", WEXITSTATUS(status));
}

/* Looks whether children have ended, and tells the master of those that were not to. */
static void locust__forks_look(locust__forks *f, locust__crew *c)
{
    for (int i = 0; i < f->n; i++) {
        locust__member *m;
        char how[64];
        int status;
        pid_t pid = f->pids[i];
        if (!pid)
            continue;
        m = locust__crew_find(c, locust__view_of(f->ids[i]));
        if (m)
            m->process = i;
        if (waitpid(pid, &status, WNOHANG) != pid)
            continue;
        f->pids[i] = 0;
        if (m && m->state == LOCUST__MEMBER_GONE)
            continue;
        locust__forks_how(status, how, sizeof how);
        locust__log_print(&c->env->log, LOCUST__LOG_ERROR, "locust.runners",
            "process %d of %d (pid %ld) %s", i + 1, f->n, (long)pid, how);
        if (m) {
            m->state = LOCUST__MEMBER_GONE;
            locust__hear_lose(c, m, how);
        } else if (!c->testing && !c->env->users.setup_error) { // it did not get so far
            c->env->users.setup_error = "a process of --processes could not begin";
            locust__env_request_stop(c->env);
        }
    }
}

static volatile sig_atomic_t locust__forks_stopped; // by this signal, while it only waits

static void locust__forks_handle(int signal_number)
{
    locust__forks_stopped = signal_number;
}

/* Waits for all children of a parent that is no master itself; hands SIGTERM on. Returns the
 * highest of their exit codes. */
static int locust__forks_wait(locust__forks *f)
{
    struct sigaction act;
    int code = 0, left = f->n, status;
    memset(&act, 0, sizeof act);
    act.sa_handler = locust__forks_handle;
    sigaction(SIGTERM, &act, NULL);
    signal(SIGINT, SIG_IGN); // a terminal's reaches them all
    while (left) {
        pid_t pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno != EINTR)
            break;
        for (int i = 0; i < f->n; i++) {
            if (locust__forks_stopped && f->pids[i] > 0)
                kill(f->pids[i], SIGTERM);
            if (pid <= 0 || f->pids[i] != pid)
                continue;
            f->pids[i] = 0;
            left--;
            code = WIFEXITED(status) && WEXITSTATUS(status) > code ? WEXITSTATUS(status)
                   : WIFSIGNALED(status) && !code                  ? 1
                                                                   : code;
        }
        locust__forks_stopped = 0;
    }
    return code;
}

/* The test is over: waits for the children, and ends those that do not end by themselves. */
static void locust__forks_close(locust__forks *f)
{
    int64_t end_ns = locust__os_now_ns() + LOCUST__FORKS_PATIENCE_S * LOCUST__S;
    struct timespec pause = {0, 5000000};
    if (f->n && f->go[1] >= 0)
        locust__forks_go(f, 0);
    for (int i = 0; i < f->n; i++)
        while (f->pids[i] > 0) {
            if (waitpid(f->pids[i], NULL, WNOHANG)) {
                f->pids[i] = 0;
            } else if (locust__os_now_ns() > end_ns) {
                locust__say("process %d of %d does not end: it is killed", i + 1, f->n);
                kill(f->pids[i], SIGKILL);
                waitpid(f->pids[i], NULL, 0);
                f->pids[i] = 0;
            } else {
                nanosleep(&pause, NULL);
            }
        }
    f->n = 0;
}
