/* ============================================================================================
 * >>run  a run with its periodic reports
 *
 * Purpose     one run of a test: opens what it reports to, starts the helpers beside the runner
 *             (tables, files, checks, signals), ends them, and writes the final reports.
 * Invariants  helpers run while the runner does; the final reports are written after the last of
 *             them has ended.
 * Names       locust__run_
 * Uses        >>co >>misuse >>switch >>fd >>loop >>sync >>process >>env >>usage >>runner
 *             >>fleet_serve >>fleet_master >>generator >>extra >>check >>find >>result >>table
 *             >>csv >>history >>locust_json >>files >>github >>tui_run >>export >>web
 *             >>web_tests
 * ============================================================================================ */

typedef struct locust__run_parts { // one run; lies on the stack of main, not of a coroutine
    locust_env *env;
    bool command; // not locust_run: handles signals, prints Locust's first and last log lines
    locust__csv csv;
    locust__files files;
    locust__history history; // for the report and the web interface
#if LOCUST__WITH_WEB
    locust__web *web; // NULL: there is none
#endif
    locust__result verdict;
#if LOCUST__WITH_REPORTS
    locust__tui tui;
#endif
#if LOCUST__WITH_EXPORT
    locust__exports exports;
#endif
    locust__wait_group helpers; // coroutines beside the runner
    int signals;                // descriptor that the numbers of signals are read from; -1: none
    locust__fd signal_fd;       // the same descriptor, in the poller
} locust__run_parts;

static void locust__run_print_now(void *arg)
{
    locust__table_print(((locust__run_parts *)arg)->env, NULL);
}

LOCUST__COLD static void locust__run_print_json(locust_env *env)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__locust_json_write(&out, env);
    locust__out_line(&env->outs[LOCUST__ENV_STDOUT], out.ptr, out.failed ? 0 : out.len);
    locust__buf_free(&out);
}

static void locust__run_print_final(void *arg)
{
    locust__run_parts *run = arg;
    locust__locale locale = locust__locale_enter();
    locust__table_print(run->env, &run->verdict);
    if (LOCUST__WITH_REPORTS && run->env->options.json)
        locust__run_print_json(run->env);
    if (LOCUST__WITH_REPORTS)
        locust__github_annotate(&run->verdict);
    locust__locale_leave(locale);
}

LOCUST__COLD static void locust__run_write_files(void *arg)
{
    locust__run_parts *run = arg;
    locust__locale locale = locust__locale_enter();
    locust__files_write(&run->files, &run->verdict, &run->history);
    locust__locale_leave(locale);
}

/* Ends the test once a check is broken for good. */
static void locust__run_abort_now(void *arg)
{
    locust__run_parts *run = arg;
    locust_env *env = run->env;
    const locust__check *c = locust__checks_broken(env, &run->verdict.checks);
    if (!c || env->stop_requested)
        return;
    locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
        "check %s does not hold: stopping", c->text);
    locust__env_request_stop(env);
}

/* Calls fn on the loop's stack, at once and then every period, until the coroutine is cancelled. */
static void locust__run_every(
    locust__run_parts *run, int64_t period_ns, void (*fn)(void *), void *arg) LOCUST__PARKS
{
    locust__loop *loop = &run->env->loop;
    int64_t next = locust__os_now_ns();
    do {
        locust__co_call(loop, fn, arg);
        next += period_ns;
        if (next < locust__os_now_ns()) // after a pause of the process: one call, not all it missed
            next = locust__os_now_ns();
    } while (locust__co_sleep(loop, next) != LOCUST__WAKE_CANCELLED);
}

/* Waits until the set-up of the test is over. False: the helper was cancelled before. */
static bool locust__run_await_start(locust_env *env) LOCUST__PARKS
{
    while (!env->start_ns)
        if (locust__co_sleep(&env->loop, locust__os_now_ns() + LOCUST__S / 100) ==
            LOCUST__WAKE_CANCELLED)
            return false;
    return true;
}

LOCUST__COLD static void locust__run_tables(void *arg)
{
    locust__run_parts *run = arg;
    if (run->env->options.master && !locust__run_await_start(run->env)) // until workers are there
        return;
    locust__run_every(run, 2 * LOCUST__S, locust__run_print_now, run);
}

LOCUST__COLD static void locust__run_beat_now(void *arg)
{
    locust_env *env = ((locust__run_parts *)arg)->env;
    for (int i = 0; i < LOCUST__ENV_OUTS; i++)
        locust__out_drain(&env->outs[i]);
}

/* Ten times a second writes what terminals and pipes did not take before. And the loop learns from
 * what is due how long it stood still. */
LOCUST__COLD static void locust__run_beat(void *arg)
{
    locust__run_every(arg, LOCUST__S / 10, locust__run_beat_now, arg);
}

LOCUST__COLD static void locust__run_abort(void *arg)
{
    locust__run_parts *run = arg;
    double grace_s = run->env->options.warm_up_s + run->env->options.abort_on_fail_s;
    int64_t from;
    if (!locust__run_await_start(run->env))
        return;
    from = locust__time_after(run->env->start_ns, locust__time_ns(grace_s));
    if (locust__co_sleep(&run->env->loop, from) != LOCUST__WAKE_CANCELLED)
        locust__run_every(run, LOCUST__S, locust__run_abort_now, run);
}

LOCUST__COLD static void locust__run_log(void *arg)
{
    locust__run_every(arg, LOCUST__S, locust__files_flush, &((locust__run_parts *)arg)->files);
}

LOCUST__COLD static void locust__run_history(void *arg)
{
    locust__run_every(arg, LOCUST__S, locust__history_tick, &((locust__run_parts *)arg)->history);
}

LOCUST__COLD static void locust__run_find(void *arg)
{
    locust__run_parts *run = arg;
    if (locust__run_await_start(run->env))
        locust__find_main(&run->verdict.find);
}

LOCUST__COLD static void locust__run_csv(void *arg)
{
    locust__run_every(arg, LOCUST__S, locust__csv_write, &((locust__run_parts *)arg)->csv);
}

/* Measures the CPU of this process every 5 s and, every second time, tells listeners with its
 * memory, in Locust's rhythm. What may excuse a task that blocks the loop is read each second. */
LOCUST__COLD static void locust__run_usage(void *arg)
{
    locust_env *env = ((locust__run_parts *)arg)->env;
    locust__usage from = locust__usage_now(env);
    int64_t next = from.at_ns;
    bool warned = false;
    for (int i = 1; locust__co_sleep(&env->loop, next += LOCUST__S) != LOCUST__WAKE_CANCELLED;
         i++) {
        locust__usage to;
        int64_t wall_ns;
        double percent;
        locust__usage_note(env);
        if (i % 5)
            continue;
        to = locust__usage_now(env);
        if (env->since.at_ns > from.at_ns) // measuring began anew: what was before does not count
            from = env->since;
        wall_ns = to.at_ns - from.at_ns;
        percent =
            wall_ns > LOCUST__S ? 100 * (double)(to.cpu_ns - from.cpu_ns) / (double)wall_ns : 0;
        if (wall_ns > 4 * LOCUST__S && locust__usage_busy(&from, &to) > env->peak_busy)
            env->peak_busy = locust__usage_busy(&from, &to);
        from = to;
        next = to.at_ns;
        if (i % 10 == 0)
            LOCUST__ENV_FIRE(env, on_usage_monitor, .real = percent, .bytes = locust__os_memory());
        if (percent <= 90)
            continue;
        if (!warned)
            locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
                "This process takes %.0f %% of a core: it may be what limits the load", percent);
        warned = true;
        LOCUST__ENV_FIRE(env, on_cpu_warning, .real = percent);
    }
}

/* Ends the test in order on SIGINT and SIGTERM. */
LOCUST__COLD static void locust__run_signals(void *arg)
{
    locust__run_parts *run = arg;
    locust_env *env = run->env;
    locust__fd *f = &run->signal_fd;
    char number;
    if (locust__fd_open(&env->loop, f, run->signals) < 0)
        return;
    while (locust__fd_wait_read(&env->loop, f, LOCUST__NEVER) == LOCUST__WAKE_EVENT) {
        f->watch.readable = false;
        if (read(run->signals, &number, 1) != 1)
            continue;
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "Got %s signal",
            number == SIGINT ? "SIGINT" : "SIGTERM");
        env->quitting = true;
        locust__env_request_stop(env);
    }
    locust__os_poll_remove(&env->loop.poller, &f->watch); // the pipe is closed by its owner
}

/* Starts a helper. Without memory for it the run goes on without. */
static void locust__run_help(locust__run_parts *run, void (*fn)(void *))
{
    locust__co_start(&run->env->loop, "the kit itself", 0, fn, run, &run->helpers);
}

/* Is there a page that starts tests? */
static bool locust__run_serves(const locust__run_parts *run)
{
#if LOCUST__WITH_WEB
    return run->web != NULL;
#else
    (void)run;
    return false;
#endif
}

/* Does the test begin by itself? */
static bool locust__run_starts(const locust__run_parts *run)
{
    return !locust__run_serves(run) || run->env->options.autostart;
}

#if LOCUST__WITH_REPORTS
LOCUST__COLD static void locust__run_tui(void *arg)
{
    locust__run_every(arg, LOCUST__S / 5, locust__tui_turn, &((locust__run_parts *)arg)->tui);
}
#endif

/* Shows figures while the test runs: on a terminal that is taken over, or as tables. */
static void locust__run_show(locust__run_parts *run)
{
    const locust_options *o = &run->env->options;
    if (o->quiet || o->worker)
        return;
#if LOCUST__WITH_REPORTS
    if (o->tui && locust__tui_open(&run->tui, run->env, &run->verdict.checks)) {
        locust__run_help(run, locust__run_tui);
        return;
    }
#endif
    if (!locust__run_serves(run) && (o->print_stats || !o->only_summary))
        locust__run_help(run, locust__run_tables);
}

static void locust__run_begin(locust__run_parts *run)
{
    locust_env *env = run->env;
    if (run->command) {
        locust__log_print(
            &env->log, LOCUST__LOG_INFO, "locust.main", "Starting locust.h " LOCUST_VERSION);
        if (!locust__run_starts(run))
            ; // the page says how long it runs
        else if (env->options.run_time_s > 0 && !env->shape)
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "Run time limit set to %.0f seconds", env->options.run_time_s);
        else if (!env->shape && !env->stages.n && !env->options.worker)
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "No run time limit set, use CTRL+C to interrupt");
    }
#if LOCUST__WITH_WEB
    if (run->web)
        locust__web_announce(run->web);
#endif
    if (run->signals >= 0)
        locust__run_help(run, locust__run_signals);
    locust__run_show(run);
    if (LOCUST__WITH_REPORTS && env->options.csv)
        locust__run_help(run, locust__run_csv);
    if (LOCUST__WITH_REPORTS && env->options.request_log)
        locust__run_help(run, locust__run_log);
    if ((LOCUST__WITH_REPORTS && env->options.html) || locust__run_serves(run))
        locust__run_help(run, locust__run_history);
    if (env->options.abort_on_fail_s > 0)
        locust__run_help(run, locust__run_abort);
    if (env->options.find_max)
        locust__run_help(run, locust__run_find);
    locust__run_help(run, locust__run_usage);
    locust__run_help(run, locust__run_beat);
#if LOCUST__WITH_EXPORT
    locust__exports_start(&run->exports, &run->helpers);
#endif
}

/* The whole run of a worker. The reports are the master's; what this process was short of is a line
 * in its log. */
static void locust__run_worker(locust__run_parts *run) LOCUST__PARKS
{
    locust_env *env = run->env;
    locust_generator generator;
#if LOCUST__WITH_FLEET
    locust__serve_run(env);
#endif
    locust__wait_group_cancel(&env->loop, &run->helpers);
    locust__wait_group_join(&env->loop, &run->helpers, LOCUST__NEVER);
    generator = locust__generator_judge(env);
    if (!generator.ok)
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.main",
            "This worker was limited by %s", generator.limits);
    if (run->command)
        LOCUST__ENV_FIRE(env, on_quitting, .number = 0);
    env->exit_code_set = false;
    if (run->command)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
            "Shutting down (exit code %d)", env->exit_code);
}

/* CSV files of what only some tests have. */
static void locust__run_extra_csv(void *arg)
{
    locust__run_parts *run = arg;
    const locust__extra *extra;
    for (size_t at = 0; (extra = locust__extra_next(&at)) != NULL;)
        run->csv.failed |= !extra->csv(run->env);
}

/* Runs the test, or those that the page asks for. False: there was none. */
static bool locust__run_tests(locust__run_parts *run) LOCUST__PARKS
{
    locust_env *env = run->env;
    bool any = true;
    locust__co_yield(&env->loop); // the first table comes before the first user
#if LOCUST__WITH_WEB
    if (run->web) {
        locust__tests_run(run->web);
        any = run->web->seen.tests > 0;
    } else
#endif
#if LOCUST__WITH_FLEET
        if (env->options.master)
        locust__master_run(env);
    else
#endif
        locust__runner_run(env);
    return any;
}

/* The coroutine of the whole run: the loop ends after it. */
LOCUST__COLD static void locust__run_main(void *arg)
{
    locust__run_parts *run = arg;
    locust_env *env = run->env;
    bool any;
    locust__run_begin(run);
    if (env->options.worker) {
        locust__run_worker(run);
        return;
    }
    any = locust__run_tests(run);
    locust__wait_group_cancel(&env->loop, &run->helpers);
    locust__wait_group_join(&env->loop, &run->helpers, LOCUST__NEVER);
#if LOCUST__WITH_REPORTS
    locust__co_call(&env->loop, locust__tui_close, &run->tui);
#endif
#if LOCUST__WITH_EXPORT
    locust__exports_end(&run->exports);
#endif
    if (run->command)
        LOCUST__ENV_FIRE(env, on_quitting, .number = 0);
    if (!any) { // the page has asked for no test: there is nothing to report
        env->exit_code = 0;
        locust__log_print(
            &env->log, LOCUST__LOG_INFO, "locust.main", "Shutting down (exit code 0)");
        return;
    }
    locust__co_call(&env->loop, locust__result_judge, &run->verdict);
    run->verdict.own_code = env->exit_code_set;
    if (!env->exit_code_set)
        env->exit_code = run->verdict.code;
    env->exit_code_set = false;
    if (run->command && env->exit_code)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "exit code %d: %s",
            env->exit_code, run->verdict.own_code ? "the test has set it" : run->verdict.why);
    if (run->command)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
            "Shutting down (exit code %d)", env->exit_code);
    if (!env->options.quiet)
        locust__co_call(&env->loop, locust__run_print_final, run);
    if (LOCUST__WITH_REPORTS && env->options.csv)
        locust__co_call(&env->loop, locust__csv_write, &run->csv);
    if (LOCUST__WITH_REPORTS && env->options.csv)
        locust__co_call(&env->loop, locust__run_extra_csv, run);
    run->verdict.incomplete = run->csv.failed;
    if (LOCUST__WITH_REPORTS && env->options.html)
        locust__co_call(&env->loop, locust__history_tick, &run->history);
    if (LOCUST__WITH_REPORTS)
        locust__co_call(&env->loop, locust__run_write_files, run);
    if ((run->files.failed || run->csv.failed) && !env->exit_code) {
        env->exit_code = 1; // a report that was asked for is not whole
        if (run->command)
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "exit code 1: a report could not be written");
    }
}

/* The first option given that a test without reports or exports lacks; NULL: none. */
static const char *locust__run_lacks(const locust_options *o)
{
    const char *exported = o->otlp           ? "--otlp"
                           : o->otel         ? "--otel"
                           : o->influx       ? "--influx"
                           : o->statsd       ? "--statsd"
                           : o->metrics_file ? "--metrics-file"
                           : o->traceparent  ? "--traceparent"
                                             : NULL;
    if (exported && !LOCUST__WITH_EXPORT)
        return exported;
    return LOCUST__WITH_REPORTS ? NULL
           : o->csv             ? "--csv"
           : o->junit           ? "--junit"
           : o->summary         ? "--summary"
           : o->baseline        ? "--baseline"
           : o->hgrm            ? "--hgrm"
           : o->html            ? "--html"
           : o->request_log     ? "--request-log"
           : o->tui             ? "--tui"
           : o->json            ? "--json"
           : o->json_file       ? "--json-file"
                                : NULL;
}

/* From here to locust__run_close_outs no reader makes the test wait. */
static void locust__run_open_outs(locust_env *env)
{
    locust__out *outs = env->outs;
    memset(outs, 0, sizeof env->outs);
    locust__out_open(&outs[LOCUST__ENV_STDOUT], STDOUT_FILENO);
    locust__out_open(&outs[LOCUST__ENV_STDERR], STDERR_FILENO);
    env->log.out = &outs[LOCUST__ENV_STDERR];
    if (env->log.fd == STDERR_FILENO)
        return;
    env->log.out = &outs[LOCUST__ENV_LOGFILE];
    locust__out_open(env->log.out, env->log.fd);
}

static void locust__run_close_outs(locust_env *env)
{
    int patience_ms = LOCUST__OUT_PATIENCE_MS;
    for (int i = 0; env->log.out && i < LOCUST__ENV_OUTS; i++)
        locust__out_close(&env->outs[i], &patience_ms);
    env->log.out = NULL;
}

/* Closes what locust__run_open opened, which may have stopped half-way. */
static void locust__run_close(locust__run_parts *run)
{
    locust__run_close_outs(run->env);
#if LOCUST__WITH_FLEET
    locust__master_close(run->env);
#endif
#if LOCUST__WITH_WEB
    locust__web_free(run->web);
#endif
    if (run->signals >= 0)
        locust__os_signals_close();
    if (run->csv.env)
        locust__csv_close(&run->csv);
    if (run->files.env)
        locust__files_close(&run->files);
    if (LOCUST__WITH_REPORTS || LOCUST__WITH_WEB)
        locust__history_free(&run->history);
#if LOCUST__WITH_EXPORT
    locust__exports_close(&run->exports);
#endif
    locust__result_free(&run->verdict);
}

/* Reads checks and baseline, opens files and signals. 0, or the exit code after one line on
 * standard error. */
static int locust__run_open(locust__run_parts *run, bool web)
{
    locust_env *env = run->env;
    const char *lacks = locust__run_lacks(&env->options), *wrong;
    locust__locale locale = locust__locale_enter();
    char text[512];
    locust__history_init(&run->history, env);
    wrong = locust__result_init(&run->verdict, env, text, sizeof text);
    locust__locale_leave(locale);
    if (wrong) {
        locust__say("%s", wrong);
        return LOCUST__EXIT_USAGE;
    }
    if (lacks) {
        locust__say("%s: this test was compiled with %s", lacks,
            LOCUST__WITH_REPORTS ? "LOCUST_NO_EXPORT" : "LOCUST_NO_REPORTS");
        return LOCUST__EXIT_USAGE;
    }
    if (LOCUST__WITH_REPORTS && !locust__files_open(&run->files, env))
        return LOCUST__EXIT_USAGE;
    if (LOCUST__WITH_REPORTS && env->options.csv && !locust__csv_open(&run->csv, env))
        return LOCUST__EXIT_USAGE;
    env->judge = locust__generator_judge;
#if LOCUST__WITH_FLEET
    if (env->options.master && !locust__master_open(env))
        return LOCUST__EXIT_USAGE;
#endif
#if LOCUST__WITH_EXPORT
    if (!locust__exports_open(&run->exports, env, &run->verdict.checks))
        return LOCUST__EXIT_USAGE;
#endif
#if LOCUST__WITH_WEB
    run->web = web ? locust__web_open(env, &run->verdict, &run->history) : NULL;
    if (web && !run->web)
        return LOCUST__EXIT_USAGE;
#else
    (void)web;
#endif
    if (!run->command || locust__process.forked) // then it obeys its parent
        return 0;
    run->signals = locust__os_signals_open();
    if (run->signals >= 0)
        return 0;
    locust__say("cannot listen to signals: %s", run->signals == -EMFILE
                                                    ? "too few file descriptors: raise ulimit -n"
                                                    : strerror(-run->signals));
    return LOCUST__EXIT_USAGE;
}

/* Opens all and runs the test. Returns an exit code if it cannot begin, else 0. */
static int locust__run_test_of(locust__run_parts *run, bool web)
{
    locust_env *env = run->env;
    int code = locust__run_open(run, web);
    if (code)
        return code;
    locust__run_open_outs(env);
    locust__runner_init(env);
    if (!env->exit_code_set)
        env->exit_code = LOCUST__EXIT_USAGE; // of a run that cannot begin
    if (locust__co_start(&env->loop, "the kit itself", 0, locust__run_main, run, NULL))
        locust__loop_run(&env->loop);
    else
        locust__say("out of memory");
    return 0;
}

/* Runs the test, or (web) those that its page asks for. Returns the exit code. */
static int locust__run_test(locust_env *env, bool command, bool web)
{
    int code = LOCUST__EXIT_USAGE;
    locust__run_parts *run = locust__memory_zalloc(sizeof *run); // too large for a small stack
    if (!run) {
        locust__say("out of memory");
        return code;
    }
    run->env = env;
    run->command = command;
    run->signals = -1;
    code = locust__run_test_of(run, web);
    locust__run_close(run);
    LOCUST_FREE(run);
    return code ? code : env->exit_code;
}

LOCUST_API int locust_run(locust_env *env)
{
    if (locust__loop_now)
        locust__misuse("locust_run() was called inside a running test: one test runs at a time");
    return locust__run_test(env, false, false);
}
