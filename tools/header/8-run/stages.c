/* ============================================================================================
 * >>stages  --stages
 *
 * Purpose     DURATION:USERS,... as a load shape.
 * Names       locust__stages_
 * Uses        >>env
 * ============================================================================================ */

/* The stage that runs now. Its users come evenly over its time. A stage without a duration jumps:
 * its users come at the first tick of the next one. */
static bool locust__stages_tick(locust_env *env, locust_tick *tick)
{
    double end = 0, now = (double)(locust__os_now_ns() - env->start_ns) / 1e9, seconds;
    int from = 0, to;
    bool jumps = false;
    for (int i = 0; i < env->n_stages; i++) {
        to = env->stages[i].users;
        seconds = env->stages[i].seconds;
        end += seconds;
        if (now < end) {
            bool first = jumps && now - (end - seconds) < 1;
            seconds -= jumps; // a second of it is gone
            tick->users = first && seconds > 0 ? from : to;
            tick->spawn_rate =
                first || !(seconds > 0) ? 1e9 : (to > from ? to - from : from - to) / seconds;
            return true;
        }
        jumps = !(seconds > 0);
        from = to;
    }
    return false;
}

/* Reads "1m:100,30s:0". False: it is none of that. */
static bool locust__stages_parse(locust_env *env, const char *text)
{
    char *copy = locust__text_copy(text, strlen(text)), *at = NULL;
    size_t cap = 0;
    bool good = copy != NULL;
    for (char *word = copy ? strtok_r(copy, ", ", &at) : NULL; word && good;
         word = strtok_r(NULL, ", ", &at)) {
        char *colon = strchr(word, ':');
        const char *end = colon ? colon + 1 : "";
        locust__stage stage = {0}, *stages;
        int64_t users = locust__number_whole(&end);
        if (colon)
            *colon = '\0';
        good = colon && locust__number_span(word, &stage.seconds) &&
               (!*end || strcmp(end, "/s") == 0) && users >= 0 && users <= INT_MAX;
        stage.rate = good && *end;
        good = good && (!env->n_stages || stage.rate == env->stages->rate);
        stages = good ? locust__memory_grow(env->stages, sizeof stage, (size_t)env->n_stages, &cap)
                      : NULL;
        if (!stages) {
            good = false;
            break;
        }
        stage.users = (int)users;
        env->stages = stages;
        env->stages[env->n_stages++] = stage;
    }
    LOCUST_FREE(copy);
    return good && env->n_stages;
}
