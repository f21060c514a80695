/* ============================================================================================
 * >>main  the command and the library entry points
 *
 * Purpose     locust_main: reads the command line, then prints what it asks for or runs the test.
 * Uses        >>env >>setup >>options >>cli >>task_ratio >>run
 * ============================================================================================ */

LOCUST_API LOCUST__APART LOCUST__COLD int locust_main(
    int argc, char **argv, const locust_test *test)
{
    locust__settings settings;
    locust_test picked;
    locust_env *env;
    int code = 0;
    locust__os_standard_files();
    locust__settings_init(&settings, test);
    locust__cli_read(&settings, argc, argv);
    if (settings.help) {
        locust__cli_help(&settings, argc > 0 ? argv[0] : "test");
    } else if (settings.version) {
        dprintf(STDOUT_FILENO, "locust.h " LOCUST_VERSION "\n");
    } else if (!locust__ratio_pick(&settings, test, &picked)) {
        code = LOCUST__EXIT_USAGE;
    } else if (settings.list) {
        locust__ratio_list(&picked);
    } else if (settings.show_task_ratio) {
        locust__ratio_print(&picked, settings.options.users);
    } else if ((env = locust__env_new(&picked, &settings.options, &code)) != NULL) {
        locust__cli_warn(&settings, &env->log);
        if (!settings.headless && !settings.options.worker)
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "No web interface in this version of locust.h: running as with --headless");
        code = locust__run_test(env, true);
        LOCUST__ENV_FIRE(env, on_quit, .number = code);
        locust__env_free(env);
    }
    locust__cli_free(&settings);
    return code;
}
