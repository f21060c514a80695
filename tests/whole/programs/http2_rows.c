// Requests that are asked for by words in the variable ROWS, all at once, each row by a coroutine of one user:
//   URL     one GET                 2*URL   two, one after the other
//   HEAD URL is HEAD*URL, POST a body of 100000 bytes POST*URL, in pieces of a function PUT*URL
// Prints "ROW STATUS|ERROR|BODY" for each, in the order of the rows.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 128 };
static char *words[MOST], lines[MOST][512];

static ptrdiff_t some(void *arg, void *out, size_t n)
{
    size_t *left = arg, give = n < *left ? n : *left;
    memset(out, 'p', give);
    *left -= give;
    return (ptrdiff_t)give;
}

static void row(locust_user *u, void *arg)
{
    static char post[100000];
    size_t at = (size_t)((char **)arg - words), left = 100000;
    char *star = strchr(words[at], '*'), *url = star ? star + 1 : words[at];
    int times = star && *words[at] >= '1' && *words[at] <= '9' ? atoi(words[at]) : 1;
    locust_response *r = NULL;
    memset(post, 'b', sizeof post);
    for (int i = 0; i < times; i++) {
        if (strncmp(words[at], "HEAD*", 5) == 0)
            r = locust_head(u, url, .timeout_s = 3);
        else if (strncmp(words[at], "POST*", 5) == 0)
            r = locust_post(u, url, .timeout_s = 3, .body = post, .body_len = sizeof post);
        else if (strncmp(words[at], "PUT*", 4) == 0)
            r = locust_put(u, url, .timeout_s = 3, .body_fn = some, .arg = &left);
        else
            r = locust_get(u, url, .timeout_s = 3);
    }
    snprintf(
        lines[at], sizeof lines[at], "%d|%s|%.40s", r->status, r->error ? r->error : "", r->body);
}

static void all(locust_user *u)
{
    locust_group *g = locust_group_new(u, MOST);
    char *text = getenv("ROWS");
    int n = 0;
    for (char *word = strtok(text, " "); word && n < MOST; word = strtok(NULL, " "))
        words[n++] = word;
    for (int i = 0; i < n; i++)
        locust_group_start(u, g, row, &words[i]);
    locust_group_join(u, g);
    for (int i = 0; i < n; i++)
        printf("%d %s\n", i, lines[i]);
}

LOCUST_USER(
    Rows, .http_version = LOCUST_HTTP_2, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(all)));

LOCUST_MAIN(.users = {&Rows})
