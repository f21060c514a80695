/* ============================================================================================
 * >>main  the command and the library entry points
 *
 * Purpose     locust_main: reads the command line, then prints what it asks for or runs the test.
 * Names       locust__main_
 * Uses        >>process >>env >>setup >>fleet_forks >>options >>cli >>task_ratio >>run
 * ============================================================================================ */

/* The name of a program without its folders. */
static const char *locust__main_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Is the test to wait for what its page says? --find-max searches by itself. */
static bool locust__main_serves(const locust__settings *st, const locust_env *env)
{
    if (st->headless || st->options.worker || st->options.find_max)
        return false;
    if (!LOCUST__WITH_WEB)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
            "No web interface: this test was compiled with LOCUST_NO_WEB, and runs as with "
            "--headless");
    return LOCUST__WITH_WEB;
}

/* Forks the processes of --processes, if it was given. False: it cannot be done, and a sentence has
 * said why not. */
static bool locust__main_fork(locust__settings *st, struct locust__forks **forks)
{
    *forks = NULL;
    if (!st->processes)
        return true;
#if LOCUST__WITH_FLEET
    *forks = locust__memory_zalloc(sizeof **forks);
    if (*forks)
        return locust__forks_open(*forks, &st->options, st->processes);
    locust__say("out of memory");
#else
    locust__say("--processes: this test was compiled with LOCUST_NO_FLEET");
#endif
    return false;
}

/* Runs the test in this process. Returns the exit code. */
static int locust__main_test(
    locust__settings *st, const locust_test *test, struct locust__forks *forks, const char *program)
{
    int code = 0;
    locust_env *env = locust__env_new(test, &st->options, &code);
    if (!env)
        return code;
    env->forks = forks;
    env->program = program;
#if LOCUST__WITH_FLEET
    if (forks)
        locust__forks_go(forks, forks->n);
#endif
    if (!locust__process.forked)
        locust__cli_warn(st, &env->log);
    code = locust__run_test(env, true, locust__main_serves(st, env));
    LOCUST__ENV_FIRE(env, on_quit, .number = code);
    locust__env_free(env);
    return code;
}

/* The same, and in others if there are any. */
static int locust__main_run(locust__settings *st, const locust_test *test, const char *program)
{
    struct locust__forks *forks;
    int code = LOCUST__EXIT_USAGE;
    if (!locust__main_fork(st, &forks)) {
        LOCUST_FREE(forks);
        return code;
    }
#if LOCUST__WITH_FLEET
    if (forks && forks->n && forks->remote)
        code = locust__forks_wait(forks);
    else
        code = locust__main_test(st, test, forks && forks->n ? forks : NULL, program);
    if (forks)
        locust__forks_close(forks);
#else
    code = locust__main_test(st, test, NULL, program);
#endif
    LOCUST_FREE(forks);
    return code;
}

LOCUST_API LOCUST__APART LOCUST__COLD int locust_main(
    int argc, char **argv, const locust_test *test)
{
    locust__settings settings;
    locust_test picked;
    int code = 0;
    locust__os_standard_files();
    locust__settings_init(&settings, test);
    locust__cli_read(&settings, argc, argv);
    if (settings.help)
        locust__cli_help(&settings, argc > 0 ? argv[0] : "test");
    else if (settings.version)
        dprintf(STDOUT_FILENO, "locust.h " LOCUST_VERSION "\n");
    else if (!locust__ratio_pick(&settings, test, &picked))
        code = LOCUST__EXIT_USAGE;
    else if (settings.list)
        locust__ratio_list(&picked);
    else if (settings.show_task_ratio)
        locust__ratio_print(&picked, settings.options.users);
    else
        code = locust__main_run(&settings, &picked, argc > 0 ? locust__main_name(argv[0]) : NULL);
    locust__cli_free(&settings);
    return code;
}
