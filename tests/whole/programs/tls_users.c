// tls_users.c - users as a plan file says, each answer on a line of standard output, for test_tls.py.
//   PLAN=FILE tls_users --headless -u USERS ...
// A line of the plan is a user class, in fields NAME=VALUE separated by blanks:
//   name= host= ca= cert= key= insecure=1      of the class; name is also the row of its requests
//   users=N              how many; 1 by default
//   get=URL put=URL      what each of them requests, in this order; put sends a counter of bytes=N
//   times=N              ... and how often
//   timeout=S            of each request; 20 by default
//   close=1              closes its connection before each request but the first
//   set_cert= set_key=   for locust_set_cert, before the first request
//   then_cert= then_key= the same, before the second
//   after=NAME           begins when all users of that line are done
//   go=FILE              waits before its second request until the file exists
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUESTS = 16 };

typedef struct line {
    locust_user_class class; // first: a user's class is its line
    const char *set_cert, *set_key, *then_cert, *then_key, *after, *go, *urls[REQUESTS];
    bool put[REQUESTS], close;
    int n, times, started, done;
    double timeout_s;
    void *body;
    size_t body_len;
} line;

static line lines[LOCUST_CLASSES_MAX];
static int n_lines, all, all_done;

static uint32_t crc32(const char *bytes, size_t n)
{
    static uint32_t table[256];
    uint32_t crc = 0xffffffff;
    for (uint32_t i = 0; !table[255] && i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
        table[i] = c;
    }
    for (size_t i = 0; i < n; i++)
        crc = table[(crc ^ (unsigned char)bytes[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static void *counter(size_t n)
{
    unsigned char *bytes = malloc(n);
    for (size_t i = 0; bytes && i < n; i++)
        bytes[i] = (unsigned char)(i / 4 >> 8 * (i % 4));
    return bytes;
}

static line *find(const char *name)
{
    for (int i = 0; i < n_lines; i++)
        if (strcmp(lines[i].class.name, name) == 0)
            return &lines[i];
    fprintf(stderr, "tls_users.c: no line \"%s\"\n", name);
    exit(99);
}

static void request(locust_user *u, line *l, int user, int i)
{
    int k = i % l->n;
    locust_response *r = locust_send(u, &(locust_request){.method = l->put[k] ? "PUT" : "GET",
                                            .url = l->urls[k],
                                            .name = l->class.name,
                                            .body = l->put[k] ? l->body : NULL,
                                            .body_len = l->put[k] ? l->body_len : 0,
                                            .timeout_s = l->timeout_s});
    const char *error = r->error ? r->error : "";
    if (strcmp(error, r->code ? locust_error_text(r->code) : "") != 0)
        error = "r->error and r->code disagree";
    printf("%s|%d|%d|%s|%d|%d|%zu|%08x|%s|%.*s\n", l->class.name, user, i, r->error ? r->error : "",
        r->status, r->reused, r->body_len, (unsigned)crc32(r->body, r->body_len), r->url,
        (int)strcspn(r->body, "\r\n"), r->body);
}

static void plan(locust_user *u)
{
    line *l = (line *)(uintptr_t)u->user_class;
    int user = l->started++;
    while (l->after && find(l->after)->done < find(l->after)->class.fixed_count)
        locust_sleep(u, 0.01);
    if (l->set_cert)
        locust_set_cert(u, l->set_cert, l->set_key);
    for (int i = 0; i < l->n * l->times; i++) {
        while (i == 1 && l->go && access(l->go, F_OK) != 0)
            locust_sleep(u, 0.01);
        if (i == 1 && l->then_cert)
            locust_set_cert(u, l->then_cert, l->then_key);
        if (i && l->close)
            locust_close_connections(u);
        request(u, l, user, i);
    }
    fflush(stdout);
    l->done++;
    if (++all_done == all)
        locust_stop_test(u);
    for (;;)
        locust_sleep(u, 3600);
}

static void set(line *l, const char *name, const char *value)
{
    const struct {
        const char *name, **to;
    } texts[] = {{"name", &l->class.name}, {"host", &l->class.host}, {"ca", &l->class.ca_file},
        {"cert", &l->class.cert_file}, {"key", &l->class.key_file}, {"set_cert", &l->set_cert},
        {"set_key", &l->set_key}, {"then_cert", &l->then_cert}, {"then_key", &l->then_key},
        {"after", &l->after}, {"go", &l->go}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0)
            *texts[i].to = value;
    if (strcmp(name, "insecure") == 0)
        l->class.insecure = true;
    else if (strcmp(name, "close") == 0)
        l->close = true;
    else if (strcmp(name, "users") == 0)
        l->class.fixed_count = atoi(value);
    else if (strcmp(name, "times") == 0)
        l->times = atoi(value);
    else if (strcmp(name, "timeout") == 0)
        l->timeout_s = atof(value);
    else if (strcmp(name, "bytes") == 0)
        l->body = counter(l->body_len = (size_t)atol(value));
    else if ((strcmp(name, "get") == 0 || strcmp(name, "put") == 0) && l->n < REQUESTS) {
        l->put[l->n] = *name == 'p';
        l->urls[l->n++] = value;
    }
}

int main(int argc, char **argv)
{
    static const locust_task tasks[] = {LOCUST_TASK(plan), {.name = NULL}};
    static char text[1 << 18];
    locust_test test = {.users = {NULL}};
    FILE *file = fopen(getenv("PLAN"), "r");
    char *at = text, *row, *field, *equals;
    if (!file || !fread(text, 1, sizeof text - 1, file))
        return 99;
    fclose(file);
    while ((row = strsep(&at, "\n")) && *row && n_lines < LOCUST_CLASSES_MAX) {
        line *l = &lines[n_lines];
        l->class = (locust_user_class){.tasks = tasks, .fixed_count = 1};
        l->times = 1;
        l->timeout_s = 20;
        while ((field = strsep(&row, " ")))
            if ((equals = strchr(field, '='))) {
                *equals = '\0';
                set(l, field, equals + 1);
            }
        all += l->class.fixed_count;
        test.users[n_lines++] = &l->class;
    }
    return locust_main(argc, argv, &test);
}
