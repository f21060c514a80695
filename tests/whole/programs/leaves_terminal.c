// leaves_terminal.c - a test that ends in the way that HOW names: fault, exit
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void leave(locust_user *u)
{
    const char *how = getenv("HOW");
    volatile int *nowhere = NULL;
    locust_sleep(u, 0.7);
    if (how && strcmp(how, "fault") == 0)
        *nowhere = 1;
    if (how && strcmp(how, "exit") == 0)
        exit(3);
}

LOCUST_USER(Leaver, .host = "http://127.0.0.1:1", .tasks = LOCUST_TASKS(LOCUST_TASK(leave)));

LOCUST_MAIN(.users = {&Leaver})
