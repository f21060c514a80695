/* ============================================================================================
 * >>stages  --stages
 *
 * Purpose     DURATION:USERS,... as a load shape, or as rates of arrivals.
 * Names       locust__stage locust__stages locust__stages_
 *
 *   1m:100,5m:1000    a straight line from 0 to 100 users in a minute, from there to 1000 in five
 *   0:100,1m:100      a stage without a duration is a jump: 100 users at once, for a minute
 * ============================================================================================ */

typedef struct locust__stage {
    double seconds;
    int users; // at its end, or arrivals a second
    bool rate; // it is arrivals a second; the same in all stages
} locust__stage;

typedef struct locust__stages {
    locust__stage *items; // NULL: no stages
    int n;
} locust__stages;

static double locust__stages_seconds(const locust__stages *stages)
{
    double seconds = 0;
    for (int i = 0; i < stages->n; i++)
        seconds += stages->items[i].seconds;
    return seconds;
}

/* Asks for the users of the stage in which the test is `now` seconds after its start, at the rate
 * that brings them evenly over the stage's time. Called once a second: a jump takes the first tick
 * of the stage behind it, which has a second less for its own users. False: the last stage is
 * over. */
static bool locust__stages_tick(const locust__stages *stages, double now, locust_tick *tick)
{
    double end = 0;
    int from = 0;
    bool jumps = false; // the stage before has no duration, and `from` is where it jumps to
    for (int i = 0; i < stages->n; i++) {
        double seconds = stages->items[i].seconds;
        int to = stages->items[i].users;
        end += seconds;
        if (now < end) {
            bool first = jumps && now - (end - seconds) < 1;
            seconds -= jumps;
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

/* Reads a stage such as 1m:100 or 1m:100/s; cuts the word at its colon. */
static bool locust__stages_parse_one(char *word, locust__stage *stage)
{
    char *colon = strchr(word, ':');
    const char *end = colon ? colon + 1 : "";
    int64_t users = locust__number_whole(&end);
    if (!colon || users < 0 || users > INT_MAX)
        return false;
    *colon = '\0';
    stage->users = (int)users;
    stage->rate = *end != '\0';
    return locust__number_span(word, &stage->seconds) && (!*end || strcmp(end, "/s") == 0);
}

/* Reads "1m:100,30s:0". False: the text is something else, or memory ran out; what was read stays
 * in `stages` either way, to be freed by its owner. */
static bool locust__stages_parse(locust__stages *stages, const char *text)
{
    char *copy = locust__text_copy(text, strlen(text)), *at = NULL;
    size_t cap = 0;
    bool good = copy != NULL;
    for (char *word = copy ? strtok_r(copy, ", ", &at) : NULL; word && good;
         word = strtok_r(NULL, ", ", &at)) {
        locust__stage stage, *items = NULL;
        good = locust__stages_parse_one(word, &stage) &&
               (!stages->n || stage.rate == stages->items->rate);
        if (good)
            items = locust__memory_grow(stages->items, sizeof stage, (size_t)stages->n, &cap);
        good = items != NULL;
        if (good) {
            stages->items = items;
            stages->items[stages->n++] = stage;
        }
    }
    LOCUST_FREE(copy);
    return good && stages->n;
}

/* Says in `out` which part of a list of stages cannot be read, and what there is in its place.
 * False: all of it can. */
static bool locust__stages_why(const char *text, char *out, size_t size)
{
    const char *first = NULL;
    bool rates = false;
    size_t n, first_n = 0;
    for (const char *p = text + strspn(text, ", "); *p; p += n + strspn(p + n, ", ")) {
        char word[64];
        const char *colon, *end;
        locust__stage stage;
        int64_t users;
        int at = (int)(p - text) + 1;
        n = strcspn(p, ", ");
        snprintf(word, sizeof word, "%.*s", n < 63 ? (int)n : 63, p);
        colon = strchr(word, ':');
        end = colon ? colon + 1 : "";
        users = locust__number_whole(&end);
        if (!colon) {
            snprintf(out, size,
                "\"%s\" (character %d) is no DURATION:USERS such as 1m:100, or 1m:50/s", word, at);
            return true;
        }
        if (users < 0 || users > INT_MAX || (*end && strcmp(end, "/s") != 0)) {
            snprintf(out, size,
                "\"%s\" (character %d) is no whole number of users, nor of arrivals a second as "
                "50/s",
                colon + 1, at + (int)(colon + 1 - word));
            return true;
        }
        if (!locust__stages_parse_one(word, &stage)) { // cuts the word at its colon
            snprintf(out, size,
                "\"%s\" (character %d) is no duration such as 20, 20s, 3m, 2h, 1h20m", word, at);
            return true;
        }
        if (first && stage.rate != rates) {
            snprintf(out, size,
                "\"%.*s\" (character %d) asks for %s, and \"%.*s\" for %s: one of the two in all",
                (int)n, p, at, stage.rate ? "arrivals" : "users", (int)first_n, first,
                rates ? "arrivals" : "users");
            return true;
        }
        first = p;
        first_n = n;
        rates = stage.rate;
    }
    snprintf(out, size, "it takes DURATION:USERS,... such as 1m:100,5m:1000,1m:0, or 1m:50/s");
    return !first;
}
