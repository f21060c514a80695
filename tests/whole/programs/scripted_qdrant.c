// scripted_qdrant.c - users that do what QDRANT_SCRIPT says at a Qdrant server, one verb a line.
//   create C DIMENSION [distance=D]      upsert C POINTS       delete C IDS [filter=F]
//   search C 1,0.5,... [OPTION=VALUE]    recommend C POSITIVE [negative=IDS]    scroll C    loop N   the verb behind it
// Options are fields of the calls; truth=1,2,3; JSON has no blanks; "-" is NULL; %u is the number of the user.
// Each prints a line: its verb, what was found, "-" or why it failed. Runs once.   QDRANT_QUIET   no lines
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 16, NUMBERS = 64 };

struct line {
    char *words[WORDS], texts[WORDS][256];
    float vector[NUMBERS];
    int64_t truth[NUMBERS];
};

static const char *option(const struct line *l, const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < WORDS && l->words[i]; i++)
        if (strncmp(l->words[i], name, n) == 0 && l->words[i][n] == '=')
            return l->words[i] + n + 1;
    return NULL;
}

static double number(const struct line *l, const char *name)
{
    return option(l, name) ? atof(option(l, name)) : 0;
}

static const char *word(const struct line *l, int i)
{
    return l->words[i] && strcmp(l->words[i], "-") != 0 && !strchr(l->words[i], '=') ? l->words[i]
                                                                                     : NULL;
}

static void split(const locust_user *u, struct line *l, char *text)
{
    char *at = NULL;
    int n = 0;
    for (char *w = strtok_r(text, " ", &at); w && n < WORDS - 1; w = strtok_r(NULL, " ", &at)) {
        char *mark, *text_of = l->texts[n];
        l->words[n++] = strstr(w, "%u") ? text_of : w;
        for (; (mark = strstr(w, "%u")) != NULL; w = mark + 2)
            text_of += sprintf(text_of, "%.*s%llu", (int)(mark - w), w, (unsigned long long)u->id);
        strcpy(text_of, strlen(w) < 100 ? w : "");
    }
    while (n < WORDS)
        l->words[n++] = NULL;
}

static locust_qdrant_result *find(locust_user *u, struct line *l)
{
    locust_qdrant_query q = {.collection = word(l, 1),
        .limit = (int)number(l, "limit"),
        .filter = option(l, "filter"),
        .params = option(l, "params"),
        .offset = option(l, "offset"),
        .no_payload = number(l, "no_payload") > 0,
        .with_vector = number(l, "with_vector") > 0,
        .not_empty = number(l, "not_empty") > 0,
        .negative = option(l, "negative"),
        .more = option(l, "more"),
        .name = option(l, "name"),
        .timeout_s = number(l, "timeout")};
    const char *at = option(l, "truth");
    for (; at && *at; at += strcspn(at, ","), at += *at == ',')
        l->truth[q.n_truth++] = atoll(at);
    q.truth = q.n_truth ? l->truth : NULL;
    if (!strcmp(l->words[0], "scroll"))
        return (locust_qdrant_scroll)(u, &q);
    if (!strcmp(l->words[0], "recommend")) {
        q.positive = word(l, 2);
        return (locust_qdrant_recommend)(u, &q);
    }
    for (at = word(l, 2); at && *at; at += strcspn(at, ","), at += *at == ',')
        l->vector[q.dimension++] = (float)atof(at);
    q.vector = q.dimension ? l->vector : NULL;
    return (locust_qdrant_search)(u, &q);
}

static locust_qdrant_result *call(locust_user *u, struct line *l)
{
    const char *what = l->words[0];
    if (!strcmp(what, "create"))
        return locust_qdrant_create(u, word(l, 1), .dimension = atoi(l->words[2]),
            .distance = option(l, "distance"), .more = option(l, "more"));
    if (!strcmp(what, "upsert"))
        return locust_qdrant_upsert(u, word(l, 1), word(l, 2), .no_wait = number(l, "no_wait") > 0,
            .name = option(l, "name"));
    if (!strcmp(what, "delete"))
        return locust_qdrant_delete(u, word(l, 1), word(l, 2), .filter = option(l, "filter"));
    return find(u, l);
}

static void speak(locust_user *u)
{
    const char *given = getenv("QDRANT_SCRIPT");
    char *script = malloc(strlen(given) + 1), *line, *at = NULL, *one = malloc(strlen(given) + 1);
    struct line *l = malloc(sizeof *l);
    int times = 1;
    strcpy(script, given);
    locust_defer(u, free, script);
    locust_defer(u, free, one);
    locust_defer(u, free, l);
    for (line = strtok_r(script, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        int repeat = times;
        times = 1;
        for (int i = 0; i < repeat; i++) {
            const locust_qdrant_result *r;
            strcpy(one, line);
            split(u, l, one);
            if (!strcmp(l->words[0], "loop")) {
                times = atoi(l->words[1]);
                continue;
            }
            r = call(u, l);
            if (getenv("QDRANT_QUIET"))
                continue;
            printf("%s %d n=%d", l->words[0], r->status, r->n);
            for (int k = 0; k < r->n && k < 5; k++)
                printf(" %lld", (long long)locust_qdrant_id(r, k));
            if (r->recall >= 0)
                printf(" recall=%.2f", r->recall);
            printf(" | %s\n", r->error ? r->error : "-");
            fflush(stdout);
        }
    }
}

LOCUST_USER(Speaker, .iterations = 1, .headers = LOCUST_HEADERS({"api-key", "secret"}),
    .tasks = LOCUST_TASKS(LOCUST_TASK(speak)));
LOCUST_MAIN(.users = {&Speaker})
