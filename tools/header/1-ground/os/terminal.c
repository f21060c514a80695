/* ============================================================================================
 * >>os_terminal  a terminal taken over, and given back whatever happens
 *
 * Purpose     keys without Enter, nothing echoed, the other screen; the size; all of it put back at
 *             a normal end, by exit(), at a fault, at a second Ctrl-C, Ctrl-\, Ctrl-Z and SIGHUP.
 * Invariants  what runs in a handler is async-signal-safe, and never waits: the descriptor that is
 *             written to does not block. A terminal has one owner, so its record is a global.
 * Names       locust__os_terminal locust__os_terminal_
 * Limits      SIGKILL leaves the terminal as it is: `reset` puts it right.
 * ============================================================================================ */

enum { LOCUST__OS_TERMINAL_SIGNALS = 3 };
static const int locust__os_terminal_numbers[LOCUST__OS_TERMINAL_SIGNALS] = {
    SIGTSTP, SIGQUIT, SIGHUP};

static struct {
    int in, out;
    struct termios before;
    struct sigaction old[LOCUST__OS_TERMINAL_SIGNALS];
    volatile sig_atomic_t taken;
    bool registered; // with atexit()
} locust__os_terminal;

/* The other screen, without a cursor; and back. */
static const char locust__os_terminal_enter[] = "\033[?1049h\033[?25l\033[0m\033[2J";
static const char locust__os_terminal_leave[] = "\033[0m\033[?25h\033[?1049l";

/* Sets modes; from the background, too, where SIGTTOU would stop the process. */
LOCUST__COLD static int locust__os_terminal_set(const struct termios *modes)
{
    sigset_t block, was;
    int rc;
    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    sigprocmask(SIG_BLOCK, &block, &was);
    rc = tcsetattr(locust__os_terminal.in, TCSANOW, modes);
    sigprocmask(SIG_SETMASK, &was, NULL);
    return rc;
}

/* Gives the terminal back. In handlers too. */
LOCUST__COLD static void locust__os_terminal_restore(void)
{
    int saved = errno;
    if (!locust__os_terminal.taken)
        return;
    locust__os_terminal.taken = 0;
    locust__os_terminal_set(&locust__os_terminal.before);
    if (write(locust__os_terminal.out, locust__os_terminal_leave,
            sizeof locust__os_terminal_leave - 1) < 0)
        errno = saved; // a terminal that takes nothing now: nothing can be done
    errno = saved;
}

/* Ctrl-Z and the like: gives the terminal back, then does what the signal does by default. */
LOCUST__COLD static void locust__os_terminal_handle(int signal_number)
{
    int saved = errno;
    locust__os_terminal_restore();
    signal(signal_number, SIG_DFL);
    raise(signal_number); // is delivered when this handler returns
    errno = saved;
}

/* Takes the terminal, or takes it again after Ctrl-Z. False: it cannot be had, as from the
 * background. */
LOCUST__COLD static bool locust__os_terminal_take(void)
{
    struct termios modes;
    struct sigaction act;
    if (tcgetpgrp(locust__os_terminal.in) != getpgrp() ||
        tcgetattr(locust__os_terminal.in, &modes) != 0)
        return false;
    locust__os_terminal.before = modes;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    modes.c_cc[VMIN] = 0; // a read returns at once
    modes.c_cc[VTIME] = 0;
    if (locust__os_terminal_set(&modes) != 0)
        return false;
    memset(&act, 0, sizeof act);
    act.sa_handler = locust__os_terminal_handle;
    act.sa_flags = SA_ONSTACK | SA_RESTART;
    for (int i = 0; i < LOCUST__OS_TERMINAL_SIGNALS; i++)
        sigaction(locust__os_terminal_numbers[i], &act, NULL);
    locust__os_terminal.taken = 1;
    return true;
}

/* Takes over the terminal that keys come from, `in`, and which `out`, nonblocking, writes to.
 * False: there is none, or this process is in its background. */
LOCUST__COLD static bool locust__os_terminal_open(int in, int out)
{
    if (!isatty(in) || !isatty(out))
        return false;
    locust__os_terminal.in = in;
    locust__os_terminal.out = out;
    for (int i = 0; i < LOCUST__OS_TERMINAL_SIGNALS; i++)
        sigaction(locust__os_terminal_numbers[i], NULL, &locust__os_terminal.old[i]);
    if (!locust__os_terminal.registered && atexit(locust__os_terminal_restore) != 0)
        return false;
    locust__os_terminal.registered = true;
    locust__say_first = locust__os_terminal_restore;
    return locust__os_terminal_take();
}

/* Forgets the terminal, after it was given back by the modes here and, in its order behind other
 * text, by locust__os_terminal_leave. */
LOCUST__COLD static void locust__os_terminal_close(void)
{
    if (locust__os_terminal.taken)
        locust__os_terminal_set(&locust__os_terminal.before);
    locust__os_terminal.taken = 0;
    locust__say_first = NULL;
    for (int i = 0; i < LOCUST__OS_TERMINAL_SIGNALS; i++)
        sigaction(locust__os_terminal_numbers[i], &locust__os_terminal.old[i], NULL);
}

/* Rows and columns; 24 by 80 if it does not say. */
LOCUST__COLD static void locust__os_terminal_size(int *rows, int *columns)
{
    struct winsize size;
    bool known = ioctl(locust__os_terminal.out, TIOCGWINSZ, &size) == 0;
    *rows = known && size.ws_row ? size.ws_row : 24;
    *columns = known && size.ws_col ? size.ws_col : 80;
}
