// scripted_mongo.c - users of one MongoDB client each, that do what MONGO_SCRIPT says, one command a line.
//   connect [url=U] [user=U] [password=P]       find COLLECTION FILTER [OPTION=VALUE...]
//   insert COLLECTION DOCUMENTS [OPTION=...]    update COLLECTION FILTER UPDATE    delete COLLECTION FILTER
//   aggregate COLLECTION STAGES    command JSON    sleep SECONDS    loop N   the command behind it
//   many COLLECTION N SIZE   inserts N documents {"n": i, "x": "..."} with a text of SIZE bytes
// Options are fields of the calls; JSON has no blanks; "-" is NULL; %u in a word is the number of the user.
// Each prints a line: its name, what it counted, its first three documents, "-" or why it failed. Runs once.
//   MONGO_QUIET   no lines       MONGO_HOLD   sleeps that many seconds at the end
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 16 };

struct line { // on the stack of its user
    char *words[WORDS], texts[WORDS][256];
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
    return l->words[i] && strcmp(l->words[i], "-") != 0 ? l->words[i] : NULL;
}

static void split(const locust_user *u, struct line *l, char *text)
{
    char *at = NULL;
    int n = 0;
    for (char *w = strtok_r(text, " ", &at); w && n < WORDS - 1; w = strtok_r(NULL, " ", &at)) {
        char *mark = strstr(w, "%u");
        l->words[n] = w;
        if (mark) {
            snprintf(l->texts[n], sizeof l->texts[n], "%.*s%llu%s", (int)(mark - w), w,
                (unsigned long long)u->id, mark + 2);
            l->words[n] = l->texts[n];
        }
        n++;
    }
    while (n < WORDS)
        l->words[n++] = NULL;
}

static locust_mongo_result *insert_many(locust_user *u, const struct line *l)
{
    int n = atoi(l->words[2]), size = l->words[3] ? atoi(l->words[3]) : 0;
    char *json = malloc((size_t)n * ((size_t)size + 40) + 3), *at = json;
    locust_defer(u, free, json);
    *at++ = '[';
    for (int i = 0; i < n; i++) {
        at += sprintf(at, "%s{\"n\":%d,\"x\":\"", i ? "," : "", i);
        memset(at, 'x', (size_t)size);
        at += size;
        at += sprintf(at, "\"}");
    }
    strcpy(at, "]");
    return locust_mongo_insert(u, word(l, 1), json, .unordered = number(l, "unordered") > 0,
        .timeout_s = number(l, "timeout"));
}

static locust_mongo_result *call(locust_user *u, const struct line *l)
{
    const char *what = l->words[0], *collection = word(l, 1), *json = word(l, 2);
    const char *more = option(l, "more"), *database = option(l, "database");
    const char *name = option(l, "name");
    double timeout_s = number(l, "timeout");
    bool many = number(l, "many") > 0;
    if (!strcmp(what, "find"))
        return locust_mongo_find(u, collection, json, .sort = option(l, "sort"),
            .projection = option(l, "projection"), .limit = (int)number(l, "limit"),
            .skip = (int)number(l, "skip"), .batch_size = (int)number(l, "batch"),
            .one_batch = number(l, "one") > 0, .more = more, .database = database, .name = name,
            .timeout_s = timeout_s);
    if (!strcmp(what, "insert"))
        return locust_mongo_insert(u, collection, json, .unordered = number(l, "unordered") > 0,
            .more = more, .database = database, .name = name, .timeout_s = timeout_s);
    if (!strcmp(what, "update"))
        return locust_mongo_update(u, collection, json, word(l, 3), .many = many,
            .upsert = number(l, "upsert") > 0, .more = more, .name = name, .timeout_s = timeout_s);
    if (!strcmp(what, "delete"))
        return locust_mongo_delete(
            u, collection, json, .many = many, .more = more, .name = name, .timeout_s = timeout_s);
    if (!strcmp(what, "aggregate"))
        return locust_mongo_aggregate(u, collection, json, .batch_size = (int)number(l, "batch"),
            .one_batch = number(l, "one") > 0, .more = more, .name = name, .timeout_s = timeout_s);
    if (!strcmp(what, "command"))
        return locust_mongo_command(u, collection, .database = database, .name = name,
            .one_batch = number(l, "one") > 0, .timeout_s = timeout_s);
    return insert_many(u, l);
}

static void show(const struct line *l, const locust_mongo_result *r)
{
    printf("%s n=%d", l->words[0], r->n);
    if (r->batches)
        printf(" batches=%d", r->batches);
    if (r->inserted)
        printf(" inserted=%lld", (long long)r->inserted);
    if (r->matched || r->modified)
        printf(" matched=%lld modified=%lld", (long long)r->matched, (long long)r->modified);
    if (r->upserted)
        printf(" upserted=%lld", (long long)r->upserted);
    if (r->deleted)
        printf(" deleted=%lld", (long long)r->deleted);
    if (r->code)
        printf(" code=%d", r->code);
    for (int i = 0; i < r->n && i < 3; i++)
        printf(" %.900s", locust_mongo_document(r, i));
    printf(" | %s\n", r->error ? r->error : "-");
}

static void speak(locust_user *u)
{
    const char *given = getenv("MONGO_SCRIPT");
    char *script = malloc(strlen(given) + 1), *line, *at = NULL, *one = malloc(strlen(given) + 1);
    struct line l;
    int times = 1;
    strcpy(script, given);
    locust_defer(u, free, script);
    locust_defer(u, free, one);
    for (line = strtok_r(script, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        int repeat = times;
        times = 1;
        for (int i = 0; i < repeat; i++) {
            const locust_mongo_result *r = NULL;
            strcpy(one, line);
            split(u, &l, one);
            if (!strcmp(l.words[0], "loop")) {
                times = atoi(l.words[1]);
                continue;
            }
            if (!strcmp(l.words[0], "sleep")) {
                locust_sleep(u, atof(l.words[1]));
                continue;
            }
            if (!strcmp(l.words[0], "connect")) {
                bool ok = locust_mongo_connect(u, option(&l, "url"), .username = option(&l, "user"),
                    .password = option(&l, "password"), .timeout_s = number(&l, "timeout"));
                if (!getenv("MONGO_QUIET"))
                    printf("connect %d | %s\n", ok, ok ? "-" : locust_mongo_error(u));
            } else {
                r = call(u, &l);
            }
            if (r && !getenv("MONGO_QUIET"))
                show(&l, r);
            fflush(stdout);
        }
    }
    if (getenv("MONGO_HOLD"))
        locust_sleep(u, atof(getenv("MONGO_HOLD")));
}

LOCUST_USER(Speaker, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(speak)));
LOCUST_MAIN(.users = {&Speaker})
