// one_url_each.c - one user for each word NAME=URL of FAULTS: it gets the URL again and again, as
// row NAME, and gives up after one second.
#include "locust.h"
#include <stdlib.h>
#include <string.h>

static void fetch(locust_user *u)
{
    const char *word = getenv("FAULTS");
    char name[64], url[256];
    uint64_t i = 1;
    size_t n, split;
    for (; i < u->id && word; i++) {
        word = strchr(word, ' ');
        word = word ? word + 1 : NULL;
    }
    if (!word)
        return;
    n = strcspn(word, " ");
    split = strcspn(word, "=");
    if (split >= sizeof name || n - split > sizeof url)
        return;
    memcpy(name, word, split);
    name[split] = '\0';
    memcpy(url, word + split + 1, n - split - 1);
    url[n - split - 1] = '\0';
    locust_get(u, url, .name = name, .timeout_s = 1);
}

LOCUST_USER(Fault, .wait_time = LOCUST_CONSTANT(0.2), .tasks = LOCUST_TASKS(LOCUST_TASK(fetch)));

LOCUST_MAIN(.users = {&Fault})
