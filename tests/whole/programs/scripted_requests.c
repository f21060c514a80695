// scripted_requests.c - sends what the file SCRIPT says, a line of JSON for each answer, for test_servers.py.
//   SCRIPT=file scripted_requests --headless -H URL -u N     N as in the class line
//
// A line of the script is a step; its words are key=value, or key=name:value for a pair. What is
// on either side of a ':' or behind a '=' is percent-encoded. The first line describes the class.
// The pattern, sent and checked, is the numbers 0, 1, 2, ... as 8 bytes each, lowest byte first.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 8, STEPS = 2000, SHOWN = 4096 };

typedef struct step {
    locust_request request;
    locust_pair headers[PAIRS], params[PAIRS], fields[PAIRS];
    locust_part parts[PAIRS];
    const char *shown[PAIRS]; // header fields to print
    const char *save;         // file for the body
    const char *set_header, *set_value;
    double pattern, chunked, slice; // body_fn: bytes in all, without a length, at once
    double give_up, early;          // -1 after so many bytes, 0 after so many
    double stream, events, stop;    // on_body, on_event; false after so many bytes, events
    double close, sleep, times;
} step;

static step steps[STEPS];
static int n_steps, n_users = 1, n_done;
static locust_pair class_headers[PAIRS];
static locust_user_class scripted = {.name = "Scripted"};

// ---- the script ----

#define REQUEST(field) #field, offsetof(step, request.field)
#define STEP(field)    #field, offsetof(step, field)

typedef struct entry {
    const char *name;
    size_t at; // of its member in a step
} entry;

static const entry texts[] = {
    {REQUEST(method)},
    {REQUEST(url)},
    {REQUEST(name)},
    {REQUEST(body)},
    {REQUEST(form)},
    {REQUEST(json)},
    {REQUEST(body_path)},
    {REQUEST(auth)},
    {REQUEST(bearer)},
    {REQUEST(expect_body)},
    {STEP(save)},
    {NULL, 0},
};
static const entry flags[] = {
    {REQUEST(expect_continue)},
    {REQUEST(catch_response)},
    {REQUEST(no_redirect)},
    {REQUEST(expect_json)},
    {NULL, 0},
};
static const entry numbers[] = {
    {REQUEST(timeout_s)},
    {STEP(pattern)},
    {STEP(chunked)},
    {STEP(slice)},
    {STEP(give_up)},
    {STEP(early)},
    {STEP(stream)},
    {STEP(events)},
    {STEP(stop)},
    {STEP(close)},
    {STEP(sleep)},
    {STEP(times)},
    {NULL, 0},
};

static void die(const char *what, const char *about)
{
    fprintf(stderr, "servers: %s: %s\n", what, about);
    exit(9);
}

static char *decoded(char *text)
{
    char *in = text, *out = text;
    for (; *in; in++) {
        char hex[3] = {0};
        if (*in == '%') {
            memcpy(hex, in + 1, 2);
            *out++ = (char)strtol(hex, NULL, 16);
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return text;
}

static void add_pair(locust_pair *pairs, char *name, char *value)
{
    int i = 0;
    while (pairs[i].name)
        i++;
    if (i == PAIRS - 1)
        die("too many pairs", name);
    pairs[i] = (locust_pair){decoded(name), decoded(value)};
}

/* part=NAME:text|path:VALUE[:TYPE] */
static void add_part(step *s, char *name, char *rest)
{
    int i = 0;
    while (s->parts[i].name)
        i++;
    if (i == PAIRS - 1)
        die("too many parts", name);
    char *value = strchr(rest, ':'), *type;
    *value++ = '\0';
    if ((type = strchr(value, ':')))
        *type++ = '\0';
    s->parts[i].name = decoded(name);
    *(strcmp(rest, "path") == 0 ? &s->parts[i].path : &s->parts[i].text) = decoded(value);
    s->parts[i].type = type ? decoded(type) : NULL;
    s->request.parts = s->parts;
}

static void set_pair(step *s, const char *key, char *name, char *value)
{
    if (strcmp(key, "header") == 0) {
        add_pair(s->headers, name, value);
        s->request.headers = s->headers;
    } else if (strcmp(key, "param") == 0) {
        add_pair(s->params, name, value);
        s->request.params = s->params;
    } else if (strcmp(key, "field") == 0) {
        add_pair(s->fields, name, value);
        s->request.form_fields = s->fields;
    } else if (strcmp(key, "part") == 0) {
        add_part(s, name, value);
    } else if (strcmp(key, "set_header") == 0) {
        s->set_header = decoded(name);
        s->set_value = decoded(value);
    } else {
        die("unknown key", key);
    }
}

/* The member of a step with that name in a table; NULL: none. */
static void *member(step *s, const entry *e, const char *name)
{
    for (; e->name; e++)
        if (strcmp(e->name, name) == 0)
            return (char *)s + e->at;
    return NULL;
}

static void set(step *s, const char *key, char *value)
{
    void *at;
    int shown = 0;
    if ((at = member(s, texts, key))) {
        *(const char **)at = decoded(value);
    } else if ((at = member(s, flags, key))) {
        *(bool *)at = true;
    } else if ((at = member(s, numbers, key))) {
        *(double *)at = atof(value);
    } else if (strcmp(key, "expect_status") == 0) {
        s->request.expect_status = atoi(value);
    } else if (strcmp(key, "unset_header") == 0) {
        s->set_header = decoded(value);
    } else if (strcmp(key, "show") == 0) {
        while (s->shown[shown])
            shown++;
        s->shown[shown] = decoded(value);
    } else if (strchr(value, ':')) {
        char *colon = strchr(value, ':');
        *colon = '\0';
        set_pair(s, key, value, colon + 1);
    } else {
        die("unknown key", key);
    }
}

static void set_class(const char *key, char *value)
{
    if (strcmp(key, "users") == 0)
        n_users = atoi(value);
    else if (strcmp(key, "pool") == 0)
        scripted.pool = atoi(value);
    else if (strcmp(key, "max_requests") == 0)
        scripted.max_requests = atoi(value);
    else if (strcmp(key, "no_keep_alive") == 0)
        scripted.no_keep_alive = true;
    else if (strcmp(key, "ask_keep_alive") == 0)
        scripted.ask_keep_alive = true;
    else if (strcmp(key, "insecure") == 0)
        scripted.insecure = true;
    else if (strcmp(key, "proxy") == 0)
        scripted.proxy = decoded(value);
    else if (strcmp(key, "unix_socket") == 0)
        scripted.unix_socket = decoded(value);
    else if (strcmp(key, "ca_file") == 0)
        scripted.ca_file = decoded(value);
    else if (strcmp(key, "header") == 0 && strchr(value, ':')) {
        char *colon = strchr(value, ':');
        *colon = '\0';
        add_pair(class_headers, value, colon + 1);
        scripted.headers = class_headers;
    } else
        die("unknown key of the class", key);
}

static void read_line(char *line, bool first)
{
    step *s = &steps[n_steps];
    char *rest, *word;
    for (word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        if (!value)
            die("no '='", word);
        *value++ = '\0';
        if (first)
            set_class(word, value);
        else
            set(s, word, value);
    }
    s->request.body_len = s->request.body ? strlen(s->request.body) : 0;
    if (!first && ++n_steps == STEPS)
        die("too many steps", line);
}

static void read_script(const char *path)
{
    static char text[1 << 20]; // the steps point into it
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        die("no SCRIPT", path ? path : "");
    if (fread(text, 1, sizeof text, file) == sizeof text)
        die("too long", path);
    fclose(file);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        read_line(line, line == text);
    }
}

// ---- bodies ----

typedef struct traffic { // one request's bodies
    const step *s;
    uint64_t sent, taken; // bytes
    bool right;           // all of them were the pattern
    int n_events, n_calls;
} traffic;

static unsigned char pattern_at(uint64_t i)
{
    return (unsigned char)((i / 8) >> (i % 8 * 8));
}

static ptrdiff_t give(void *arg, void *out, size_t n)
{
    traffic *t = arg;
    const step *s = t->s;
    if (s->give_up > 0 && (double)t->sent >= s->give_up)
        return -1;
    if (s->early > 0 && (double)t->sent >= s->early)
        return 0;
    if (s->slice > 0 && n > (size_t)s->slice)
        n = (size_t)s->slice;
    if (n > (uint64_t)s->pattern - t->sent)
        n = (size_t)((uint64_t)s->pattern - t->sent);
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)out)[i] = pattern_at(t->sent + i);
    t->sent += n;
    return (ptrdiff_t)n;
}

static bool take(void *arg, const char *bytes, size_t n)
{
    traffic *t = arg;
    t->n_calls++;
    for (size_t i = 0; i < n; i++)
        t->right = t->right && (unsigned char)bytes[i] == pattern_at(t->taken + i);
    t->taken += n;
    if (t->s->save) {
        FILE *file = fopen(t->s->save, "ab");
        fwrite(bytes, 1, n, file);
        fclose(file);
    }
    return t->s->stop == 0 || (double)t->taken < t->s->stop;
}

// ---- JSON ----

static void print_text(const char *text, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_string(const char *text)
{
    if (text)
        print_text(text, strlen(text));
    else
        printf("null");
}

static bool take_event(void *arg, const locust_sse_event *event)
{
    traffic *t = arg;
    printf("{\"event\": [");
    print_string(event->type);
    printf(", ");
    print_string(event->data);
    printf(", ");
    print_string(event->id);
    printf(", %d]}\n", event->retry_ms);
    return ++t->n_events != (int)t->s->stop;
}

static void print_answer(const locust_response *r, const traffic *t)
{
    const step *s = t->s;
    bool right = s->stream ? t->right : true;
    for (size_t i = 0; i < r->body_len; i++)
        right = right && (unsigned char)r->body[i] == pattern_at(i);
    printf("{\"user\": %d, \"error\": ", (int)r->user->id);
    print_string(r->error);
    printf(", \"code\": ");
    print_string(locust_error_text(r->code));
    printf(", \"status\": %d, \"reason\": ", r->status);
    print_string(r->reason);
    printf(", \"body\": ");
    print_text(r->body, r->body_len < SHOWN ? r->body_len : 0);
    printf(", \"body_len\": %llu, \"length\": %llu, \"url\": ", (unsigned long long)r->body_len,
        (unsigned long long)r->length);
    print_string(r->url);
    printf(", \"ended\": %s, \"right\": %s, \"taken\": %llu, \"calls\": %d, \"sent\": %llu",
        r->body[r->body_len] == '\0' ? "true" : "false", right ? "true" : "false",
        (unsigned long long)t->taken, t->n_calls, (unsigned long long)t->sent);
    printf(", \"ms\": %.3f, \"reused\": %s, \"phases\": [%.3f, %.3f, %.3f, %.3f, %.3f]",
        r->elapsed_ms, r->reused ? "true" : "false", r->phases.name_ms, r->phases.connect_ms,
        r->phases.tls_ms, r->phases.wait_ms, r->phases.receive_ms);
    for (int i = 0; s->shown[i]; i++) {
        printf(", \"%s\": ", s->shown[i]);
        print_string(locust_header(r, s->shown[i]));
    }
    printf("}\n");
}

// ---- the user ----

static void one(locust_user *u, const step *s)
{
    traffic t = {.s = s, .right = true};
    locust_request request = s->request;
    request.arg = &t;
    if (s->pattern > 0) {
        request.body_fn = give;
        request.body_len = s->chunked ? 0 : (size_t)s->pattern;
    }
    request.on_body = s->stream ? take : NULL;
    request.on_event = s->events ? take_event : NULL;
    locust_response *r = locust_send(u, &request);
    if (s->save && !s->stream) {
        FILE *file = fopen(s->save, "wb");
        fwrite(r->body, 1, r->body_len, file);
        fclose(file);
    }
    print_answer(r, &t);
}

static void all(locust_user *u)
{
    for (int i = 0; i < n_steps; i++) {
        const step *s = &steps[i];
        if (s->set_header)
            printf("{\"set\": %s}\n",
                locust_set_header(u, s->set_header, s->set_value) ? "true" : "false");
        if (s->close)
            locust_close_connections(u);
        if (s->sleep > 0)
            locust_sleep(u, s->sleep);
        for (int n = 0; s->request.url && n < (s->times ? (int)s->times : 1); n++)
            one(u, s);
    }
    if (++n_done == n_users)
        locust_stop_test(u);
    locust_sleep(u, 1000);
}

/* The most memory that the process ever held, in KB. */
static void print_memory(locust_env *env)
{
    (void)env;
    char line[256];
    int peak_kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "VmHWM: %d", &peak_kb);
    if (file)
        fclose(file);
    printf("{\"peak_kb\": %d}\n", peak_kb);
}

int main(int argc, char **argv)
{
    static const locust_task tasks[] = {LOCUST_TASK(all), {.name = NULL}};
    static const locust_test test = {.users = {&scripted}, .on_test_stop = print_memory};
    scripted.tasks = tasks;
    read_script(getenv("SCRIPT"));
    return locust_main(argc, argv, &test);
}
