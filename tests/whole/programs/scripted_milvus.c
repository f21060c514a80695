// scripted_milvus.c - users that do what MILVUS_SCRIPT says at a Milvus server, one verb a line.
//   create C DIMENSION or FIELDS     insert C ROWS     upsert C ROWS     delete C FILTER
//   search C 1,0.5,... [OPTION=VALUE]     query C FILTER [OPTION=VALUE]     loop N   the verb behind it
// Options are limit, offset, fields, truth=1,2, not_empty; "+" in a filter is a blank; "-" is NULL; %u is the number
// of the user. Each prints a line: its verb, what was found, "-" or why it failed, and JSON. Runs once.
//   MILVUS_QUIET   no lines
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 10, NUMBERS = 64, TEXT = 2048 };

struct line {
    char text[TEXT], *words[WORDS];
    float vector[NUMBERS];
    int64_t truth[NUMBERS];
};

static const char *option(const struct line *l, const char *name)
{
    size_t n = strlen(name);
    for (int i = 3; i < WORDS && l->words[i]; i++)
        if (strncmp(l->words[i], name, n) == 0 && l->words[i][n] == '=')
            return l->words[i] + n + 1;
    return NULL;
}

static int number(const struct line *l, const char *name)
{
    return option(l, name) ? atoi(option(l, name)) : 0;
}

static void split(const locust_user *u, struct line *l, const char *from)
{
    char *at = NULL, *to = l->text;
    int n = 0;
    for (; *from && to < l->text + TEXT - 24; from++)
        if (from[0] == '%' && from[1] == 'u')
            to += sprintf(to, "%llu", (unsigned long long)u->id), from++;
        else
            *to++ = *from;
    *to = '\0';
    for (char *w = strtok_r(l->text, " ", &at); w && n < WORDS - 1; w = strtok_r(NULL, " ", &at))
        l->words[n++] = strcmp(w, "-") == 0 ? NULL : w;
    while (n < WORDS)
        l->words[n++] = NULL;
}

static locust_milvus_result *call(locust_user *u, struct line *l)
{
    const char *what = l->words[0];
    locust_milvus_find q = {.collection = l->words[1],
        .limit = number(l, "limit"),
        .offset = number(l, "offset"),
        .output_fields = option(l, "fields"),
        .consistency = option(l, "consistency"),
        .params = option(l, "params"),
        .not_empty = number(l, "not_empty") > 0};
    const char *at = option(l, "truth");
    for (; at && *at; at += strcspn(at, ","), at += *at == ',')
        l->truth[q.n_truth++] = atoll(at);
    q.truth = q.n_truth ? l->truth : NULL;
    if (!strcmp(what, "create") && l->words[2] && l->words[2][0] == '[')
        return locust_milvus_create(u, l->words[1], .fields = l->words[2], .metric = "L2");
    if (!strcmp(what, "create"))
        return locust_milvus_create(
            u, l->words[1], .dimension = l->words[2] ? atoi(l->words[2]) : 0, .metric = "L2");
    if (!strcmp(what, "insert"))
        return locust_milvus_insert(u, l->words[1], l->words[2]);
    if (!strcmp(what, "upsert"))
        return locust_milvus_upsert(u, l->words[1], l->words[2]);
    if (!strcmp(what, "search")) {
        for (at = l->words[2]; at && *at; at += strcspn(at, ","), at += *at == ',')
            l->vector[q.dimension++] = (float)atof(at);
        q.vector = q.dimension ? l->vector : NULL;
        return (locust_milvus_search)(u, &q);
    }
    for (char *c = l->words[2]; c && *c; c++)
        *c = *c == '+' ? ' ' : *c;
    if (!strcmp(what, "delete"))
        return locust_milvus_delete(u, l->words[1], l->words[2]);
    q.filter = l->words[2];
    return (locust_milvus_query)(u, &q);
}

static void speak(locust_user *u)
{
    const char *given = getenv("MILVUS_SCRIPT");
    char *script = malloc(strlen(given) + 1), *line, *at = NULL;
    struct line *l = calloc(1, sizeof *l);
    int times = 1;
    strcpy(script, given);
    locust_defer(u, free, script);
    locust_defer(u, free, l);
    for (line = strtok_r(script, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        int repeat = times;
        times = 1;
        for (int i = 0; i < repeat; i++) {
            locust_milvus_result *r;
            split(u, l, line);
            if (!strcmp(l->words[0], "loop")) {
                times = atoi(l->words[1]);
                continue;
            }
            r = call(u, l);
            if (getenv("MILVUS_QUIET"))
                continue;
            printf("%s n=%d", l->words[0], r->n);
            for (int k = 0; r->ids && k < r->n && k < 5; k++)
                printf(" %lld", (long long)r->ids[k]);
            for (int k = 0; r->distances && k < r->n && k < 5; k++)
                printf(" @%g", (double)r->distances[k]);
            if (r->recall >= 0)
                printf(" recall=%.2f", r->recall);
            printf(" | %s | %s\n", r->error ? r->error : "-", locust_milvus_json(r));
            fflush(stdout);
        }
    }
}

LOCUST_USER(Speaker, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(speak)));
LOCUST_MAIN(.users = {&Speaker})
