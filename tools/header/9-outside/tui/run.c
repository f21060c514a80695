/* ============================================================================================
 * >>tui_run  --tui
 *
 * Purpose     takes the terminal over while the test runs: draws once a second and after each key,
 *             does what the keys say, gives it back with the log lines that came meanwhile.
 * Invariants  a terminal that takes nothing (stopped by Ctrl-S, a slow line) costs the test
 *             nothing: frames are left out until it does.
 * Cost        five reads of the keyboard and a frame each second.
 * Names       locust__tui locust__tui_
 * Uses        >>stats >>env >>ramp >>since >>check >>tui_screen >>tui_view
 * Sources     Locust 2.46 (reference run): keys, and the rate at which they change the users.
 * ============================================================================================ */

enum { LOCUST__TUI_KEPT = 65536 }; // bytes of log lines that are kept

typedef struct locust__tui {
    locust__tui_state state;
    locust__since since;
    locust__buf log;
    size_t log_lost; // lines that found no room
    int64_t next_ns; // when the next second begins
    bool open;
    void (*copy)(void *arg, const char *line, size_t n); // who was told of log lines before
    void *copy_arg;
} locust__tui;

/* Keeps a log line. */
static void locust__tui_keep(void *arg, const char *line, size_t n)
{
    locust__tui *t = arg;
    if (t->log.len + n > LOCUST__TUI_KEPT)
        t->log_lost++;
    else
        locust__buf_add(&t->log, line, n);
    t->state.log = (locust__view){t->log.ptr, t->log.len};
    if (t->copy)
        t->copy(t->copy_arg, line, n);
}

/* Does this terminal show UTF-8? */
static bool locust__tui_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "utf-8");
    }
    return false;
}

/* Takes the terminal over. False: there is none, and all goes on as without --tui. */
LOCUST__COLD static bool locust__tui_open(locust__tui *t, locust_env *env, locust__checks *checks)
{
    const char *no_color = getenv("NO_COLOR");
    locust__out *out = &env->outs[isatty(STDERR_FILENO) ? LOCUST__ENV_STDERR : LOCUST__ENV_STDOUT];
    memset(t, 0, sizeof *t);
    if (env->options.compact || !locust__os_terminal_open(STDIN_FILENO, out->fd)) {
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.main",
            env->options.compact ? "--tui has no effect with --compact"
                                 : "--tui has no effect: this is no terminal, or its background");
        return false;
    }
    t->state = (locust__tui_state){.env = env,
        .checks = checks,
        .screen = {.out = out, .plain = no_color && *no_color},
        .utf8 = locust__tui_is_utf8()};
    t->open = true;
    locust__out_line(out, locust__os_terminal_enter, sizeof locust__os_terminal_enter - 1);
    t->copy = env->log.copy;
    t->copy_arg = env->log.copy_arg;
    env->log.copy = locust__tui_keep;
    env->log.copy_arg = t;
    env->log.elsewhere = env->log.fd == STDERR_FILENO;
    return true;
}

/* Gives the terminal back, and writes the log lines to it. */
LOCUST__COLD static void locust__tui_close(void *arg)
{
    locust__tui *t = arg;
    locust_env *env = t->state.env;
    locust__out *out = t->state.screen.out;
    if (!t->open)
        return;
    t->open = false;
    env->log.copy = t->copy;
    env->log.copy_arg = t->copy_arg;
    if (locust__os_terminal.taken) // else Ctrl-Z has given it back already
        locust__out_line(out, locust__os_terminal_leave, sizeof locust__os_terminal_leave - 1);
    locust__os_terminal_close();
    if (env->log.elsewhere)
        locust__out_line(&env->outs[LOCUST__ENV_STDERR], t->log.ptr, t->log.len);
    env->log.elsewhere = false;
    if (t->log_lost)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
            "%zu log lines came while --tui had kept %d KB of them", t->log_lost,
            LOCUST__TUI_KEPT / 1024);
    locust__buf_free(&t->log);
    locust__since_free(&t->since);
    locust__screen_free(&t->state.screen);
}

/* As many users more, or fewer, as Locust's keys do it: 100 a second. */
static void locust__tui_users(locust_env *env, int more)
{
    locust_tick tick = {.users = env->ramp.aim.users + more, .spawn_rate = 100};
    const char *why = env->shape            ? "the load shape says how many there are"
                      : !env->ramp.batch_ns ? "the test has not begun"
                      : !env->ramp.aim.users && env->services.recorder.has_arrivals
                          ? "arrivals bring them"
                      : !env->users.spawned ? "others are being spawned"
                      : env->stop_requested ? "the test ends"
                                            : NULL;
    if (why) {
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.main",
            "The number of users stays as it is: %s", why);
        return;
    }
    locust__ramp_aim(env, tick);
    locust__env_wake(env);
}

/* Does what a key says: 'A' and 'B' are the last of the three bytes of "up" and "down". */
static void locust__tui_key(locust__tui *t, char key)
{
    locust_env *env = t->state.env;
    switch (key) {
    case 'w':
        locust__tui_users(env, 1);
        break;
    case 'W':
        locust__tui_users(env, 10);
        break;
    case 's':
        locust__tui_users(env, -1);
        break;
    case 'S':
        locust__tui_users(env, -10);
        break;
    case 'q':
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "The key q ends the test");
        locust__env_request_stop(env);
        break;
    case 'A': // up
    case 'k':
        t->state.first -= t->state.first > 0;
        break;
    case 'B': // down
    case 'j':
        t->state.first++;
        break;
    default:
        break;
    }
}

/* Reads what was typed. True: something was. */
static bool locust__tui_keys(locust__tui *t)
{
    char keys[64];
    ssize_t n = locust__os_terminal.taken ? read(STDIN_FILENO, keys, sizeof keys) : 0;
    for (ssize_t i = 0; i < n; i++) {
        if (keys[i] == '\033' && i + 2 < n && (keys[i + 1] == '[' || keys[i + 1] == 'O'))
            i += 2;
        else if (keys[i] == 'A' || keys[i] == 'B')
            continue; // letters that are no keys
        locust__tui_key(t, keys[i]);
    }
    return n > 0;
}

/* Notes what happened in the last second. */
static void locust__tui_second(locust__tui *t)
{
    const locust__request_stats *st = &t->state.env->stats;
    if (!t->state.env->start_ns)
        return;
    locust__since_look(&t->since, st, &st->total);
    locust__tui_history_add(&t->state.rates, (double)t->since.requests);
    locust__tui_history_add(
        &t->state.times, (double)locust__hist_percentile_ns(&t->since.hist, 0.99) / 1e6);
}

/* A fifth of a second. Runs on the loop's stack. */
LOCUST__COLD static void locust__tui_turn(void *arg)
{
    locust__tui *t = arg;
    locust__locale locale = locust__locale_enter();
    int64_t now_ns = locust__os_now_ns();
    bool anew = false, keys, due;
    if (!locust__os_terminal.taken && locust__os_terminal_take()) { // it was Ctrl-Z, and is over
        anew = true;
        locust__out_line(
            t->state.screen.out, locust__os_terminal_enter, sizeof locust__os_terminal_enter - 1);
    }
    keys = locust__tui_keys(t);
    due = now_ns >= t->next_ns;
    if (due) {
        t->next_ns = now_ns - now_ns % LOCUST__S + LOCUST__S;
        locust__tui_second(t);
    }
    if (locust__os_terminal.taken &&
        (due || keys || anew || locust__screen_is_other(&t->state.screen)))
        locust__tui_draw(&t->state, anew);
    locust__locale_leave(locale);
}
