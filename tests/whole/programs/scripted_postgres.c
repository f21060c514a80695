// scripted_postgres.c - users of one PostgreSQL client each, that do what PG_SCRIPT says, one command a line.
//   connect [OPTION=VALUE...]    url= name= timeout= max_result= max_prepared=      disconnect
//   query SQL                    by the simple protocol
//   prepare SQL [| VALUE...]     as a prepared statement; \N: SQL's null
//   timeout SECONDS   name NAME  of the next query          sleep SECONDS      loop N  the command behind it
// %u in a text is the number of the user. Each prints a line: its name, then what came: the columns, the rows, the
// command, affected=, the state of the transaction, notices, SQLSTATE, and "-" or why it failed. Runs once.
//   PG_CACERT   the class's .ca_file       PG_QUIET   no lines       PG_FULL   message, detail, hint too
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 16, SHOWN = 3 };

static char next_name[64]; // of the next query
static double next_timeout_s;

static void show(const char *what, const locust_pg_result *r)
{
    if (getenv("PG_QUIET"))
        return;
    printf("%s", what);
    for (int i = 0; i < r->n_columns; i++)
        printf("%s%s", i ? "," : " ", locust_pg_column(r, i));
    for (int row = 0; row < r->n_rows && row < SHOWN; row++)
        for (int i = 0; i < r->n_columns; i++) {
            const char *value = locust_pg_value(r, row, i);
            printf("%s%.40s", i ? "," : " / ", value ? value : "NULL");
        }
    if (r->n_rows > SHOWN)
        printf(" ... %d", r->n_rows);
    printf(" | %s affected=%lld %c", *r->command ? r->command : "-", (long long)r->affected,
        r->transaction ? r->transaction : '0');
    if (r->n_notices)
        printf(" notices=%d %s", r->n_notices, r->notice);
    if (*r->sqlstate)
        printf(" %s", r->sqlstate);
    if (getenv("PG_FULL"))
        printf(" message=%s detail=%s hint=%s", r->message, r->detail, r->hint);
    printf(" | %s\n", r->error ? r->error : "-");
}

static const char *option(char *const *words, const char *name)
{
    size_t n = strlen(name);
    for (; *words; words++)
        if (strncmp(*words, name, n) == 0 && (*words)[n] == '=')
            return *words + n + 1;
    return NULL;
}

static double number(char *const *words, const char *name)
{
    return option(words, name) ? atof(option(words, name)) : 0;
}

static void connect_it(locust_user *u, char *line)
{
    char *words[VALUES], *at = NULL;
    int n = 0;
    bool ok;
    for (char *w = strtok_r(line, " ", &at); w && n < VALUES - 1; w = strtok_r(NULL, " ", &at))
        words[n++] = w;
    words[n] = NULL;
    ok = locust_pg_connect(u, option(words, "url") ? option(words, "url") : u->host,
        .name = option(words, "name"), .timeout_s = number(words, "timeout"),
        .max_result = (size_t)number(words, "max_result"),
        .max_prepared = (int)number(words, "max_prepared"));
    if (!getenv("PG_QUIET"))
        printf("connect %d | %s\n", ok, locust_pg_error(u) ? locust_pg_error(u) : "-");
}

static void query_it(locust_user *u, const char *what, char *text)
{
    bool prepared = *what == 'p';
    const char *values[VALUES];
    locust_pg_statement s = {.prepare = prepared, .timeout_s = next_timeout_s};
    char name[64], *at = text;
    snprintf(name, sizeof name, "%s", next_name);
    s.name = *name ? name : NULL;
    while (prepared && (at = strstr(at, " | ")) != NULL && s.params.n < VALUES) {
        *at = '\0';
        at += 3;
        values[s.params.n++] = at;
    }
    for (int i = 0; i < s.params.n; i++)
        values[i] = strcmp(values[i], "\\N") == 0 ? NULL : values[i];
    s.params.values = values;
    s.sql = text;
    next_name[0] = '\0';
    next_timeout_s = 0;
    show(what, (locust_pg_query)(u, &s));
}

static void command(locust_user *u, char *line)
{
    char text[8192], *rest;
    size_t n = 0;
    for (const char *p = line; *p; p++) {
        if (p[0] == '%' && p[1] == 'u') {
            n += (size_t)snprintf(text + n, sizeof text - n, "%llu", (unsigned long long)u->id);
            p++;
        } else {
            text[n++] = *p;
        }
        if (n > sizeof text - 32)
            abort();
    }
    text[n] = '\0';
    rest = strchr(text, ' ');
    if (strncmp(text, "connect", 7) == 0)
        connect_it(u, text);
    else if (strcmp(text, "disconnect") == 0)
        locust_pg_disconnect(u);
    else if (!rest)
        abort();
    else if (strncmp(text, "query ", 6) == 0)
        query_it(u, "query", rest + 1);
    else if (strncmp(text, "prepare ", 8) == 0)
        query_it(u, "prepare", rest + 1);
    else if (strncmp(text, "sleep ", 6) == 0)
        locust_sleep(u, atof(rest));
    else if (strncmp(text, "timeout ", 8) == 0)
        next_timeout_s = atof(rest);
    else if (strncmp(text, "name ", 5) == 0)
        snprintf(next_name, sizeof next_name, "%s", rest + 1);
    else
        abort();
}

static void speak(locust_user *u)
{
    char *script = strdup(getenv("PG_SCRIPT")), *at = NULL;
    locust_defer(u, free, script);
    for (char *line = strtok_r(script, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        if (strncmp(line, "loop ", 5) == 0) {
            int n = atoi(line + 5);
            line = strtok_r(NULL, "\n", &at);
            for (int i = 0; i < n; i++)
                command(u, line);
        } else {
            command(u, line);
        }
    }
}

int main(int argc, char **argv)
{
    static const locust_task tasks[] = {LOCUST_TASK(speak), {.fn = NULL}};
    static locust_user_class speaker = {.name = "Speaker"};
    static locust_test test = {.users = {&speaker}};
    speaker.tasks = tasks;
    speaker.iterations = 1;
    speaker.ca_file = getenv("PG_CACERT");
    setvbuf(stdout, NULL, _IOLBF, 0);
    return locust_main(argc, argv, &test);
}
