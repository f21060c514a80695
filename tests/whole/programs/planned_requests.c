// planned_requests.c - walks through the rows of test_curl.py, one user for each row.
//   PLAN=file planned_requests --headless -u ROWS -r ROWS -t SECONDS [Rows | NoCookies]
// A line of the plan is a row: its id, then its steps, with tabs between:
//   get URL          asks for it
//   set URL TEXT     locust_set_cookie
//   cookie URL NAME  locust_cookie
//   clear            locust_clear_cookies
//   host NAME        the field Host of the row's requests from here on; nothing: none
//   header NAME      the same by locust_set_header
// Each step leaves "id|number of the step|what came of it" on standard output.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 2000 };

static char *rows[ROWS];
static size_t row_count, finished;

static void read_plan(locust_env *env)
{
    FILE *plan = fopen(getenv("PLAN"), "r");
    size_t cap;
    (void)env;
    while (row_count < ROWS && (cap = 0, getline(&rows[row_count], &cap, plan)) > 0)
        row_count++;
    fclose(plan);
}

/* Takes the text up to `end` off the front of *text. */
static char *take(char **text, char end)
{
    char *word = *text, *stop = strchr(word, end);
    *text = stop ? stop + 1 : word + strlen(word);
    if (stop)
        *stop = '\0';
    return word;
}

static void step(locust_user *u, const char *id, int number, char *text, const char **host)
{
    char *what = take(&text, ' '), *url = text;
    const char *result = "";
    if (strcmp(what, "get") == 0) {
        const locust_pair fields[] = {{"X-Row", id}, {**host ? "Host" : NULL, *host}, {NULL, NULL}};
        locust_response *r = locust_get(u, url, .headers = fields);
        result = r->error ? r->error : "";
    } else if (strcmp(what, "set") == 0) {
        url = take(&text, ' ');
        result = locust_set_cookie(u, url, text) ? "taken" : "refused";
    } else if (strcmp(what, "cookie") == 0) {
        url = take(&text, ' ');
        result = locust_cookie(u, url, text);
    } else if (strcmp(what, "host") == 0) {
        *host = text;
    } else if (strcmp(what, "header") == 0) {
        locust_set_header(u, "Host", *text ? text : NULL);
    } else {
        locust_clear_cookies(u);
    }
    printf("%s|%d|%s\n", id, number, result ? result : "(none)");
}

static void walk(locust_user *u)
{
    if (u->id <= row_count) {
        char *text = rows[u->id - 1], *id = take(&text, '\t');
        const char *host = "";
        text[strcspn(text, "\n")] = '\0';
        for (int i = 0; *text; i++)
            step(u, id, i, take(&text, '\t'), &host);
        if (++finished == row_count)
            locust_stop_test(u);
    }
    locust_sleep(u, 1e6);
}

LOCUST_USER(Rows, .tasks = LOCUST_TASKS(LOCUST_TASK(walk)));
LOCUST_USER(NoCookies, .no_cookies = true, .tasks = LOCUST_TASKS(LOCUST_TASK(walk)));
LOCUST_MAIN(.users = {&Rows, &NoCookies}, .on_test_start = read_plan)
