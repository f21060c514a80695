/* dns_script.c - one user asks what the lines of DNS_SCRIPT say, and prints what it gets.
 *
 *   ask TYPE NAME [edns=N] [dnssec] [nsid] [cookie] [no_tcp] [no_recursion] [empty] [timeout=S]
 *       [retries=N] [rcode=N] [text=TEXT] [subnet=PREFIX] [row=NAME]
 *   connect URL [sharing=N] [get]
 *   times N        the next lines so often, each by a coroutine of its own, at once
 *
 * prints   NAME: RCODE aa tc ra ad tcp answers/authorities/additionals tries ignored | error
 *          and "  text" for each record of the type
 */
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *word(const char *line, const char *key, char *out, size_t size)
{
    const char *at = strstr(line, key);
    if (!at || at[-1] != ' ')
        return NULL;
    at += strlen(key);
    snprintf(out, size, "%.*s", (int)strcspn(at, " \n"), at);
    return out;
}

static int number(const char *line, const char *key)
{
    char text[32];
    return word(line, key, text, sizeof text) ? atoi(text) : 0;
}

static void print(const locust_dns_answer *a, const char *name)
{
    char text[9000];
    size_t len;
    const unsigned char *nsid = locust_dns_option(a, 3, &len);
    printf("%s: %s%s%s%s%s%s %d/%d/%d tries=%d ignored=%d | %s\n", name,
        a->rcode < 0 ? "none" : locust_dns_rcode_name(a->rcode), a->authoritative ? " aa" : "",
        a->truncated ? " tc" : "", a->recursion_available ? " ra" : "", a->authentic ? " ad" : "",
        a->over_tcp ? " tcp" : "", a->answers, a->authorities, a->additionals, a->tries,
        (int)a->ignored, a->error ? a->error : "-");
    if (nsid)
        printf("  nsid %.*s\n", (int)len, (const char *)nsid);
    for (int i = 0; locust_dns_text(a, i, text, sizeof text); i++)
        printf("  %s\n", text);
    for (int i = 0; getenv("DNS_LINES") && locust_dns_record_text(a, i, text, sizeof text); i++)
        printf("  = %s\n", text);
}

static void ask(locust_user *u, const char *line)
{
    char type[32], name[300], timeout[32] = "", text[200] = "", subnet[64], row[64];
    locust_dns_question q = {.type = type, .question = name};
    if (sscanf(line, "ask %31s %299s", type, name) != 2)
        locust_fail(u, "what is %s", line);
    q.edns = number(line, "edns=");
    q.dnssec = strstr(line, " dnssec") != NULL;
    q.nsid = strstr(line, " nsid") != NULL;
    q.cookie = strstr(line, " cookie") != NULL;
    q.no_tcp = strstr(line, " no_tcp") != NULL;
    q.no_recursion = strstr(line, " no_recursion") != NULL;
    q.allow_empty = strstr(line, " empty") != NULL;
    q.timeout_s = word(line, "timeout=", timeout, sizeof timeout) ? atof(timeout) : 0;
    q.retries = number(line, "retries=");
    q.expect_rcode = number(line, "rcode=");
    q.expect_text = word(line, "text=", text, sizeof text);
    q.subnet = word(line, "subnet=", subnet, sizeof subnet);
    q.name = word(line, "row=", row, sizeof row);
    print(locust_dns_ask(u, &q), name);
}

static void line_of(locust_user *u, const char *line)
{
    char url[200];
    locust_dns_options o = {.url = url};
    if (strncmp(line, "ask ", 4) == 0) {
        ask(u, line);
    } else if (sscanf(line, "connect %199s", url) == 1) {
        o.sharing = number(line, "sharing=");
        o.get = strstr(line, " get") != NULL;
        printf("connect: %d\n", locust_dns_connect_with(u, &o));
    } else {
        locust_fail(u, "what is %s", line);
    }
}

static void some(locust_user *u, void *arg)
{
    char line[512];
    for (const char *at = arg; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        line_of(u, line);
    }
}

static void script(locust_user *u)
{
    char *text = getenv("DNS_SCRIPT");
    static char empty[1];
    int n = 0, used = 0;
    if (text && sscanf(text, "times %d\n%n", &n, &used) == 1) {
        for (int i = 0; i < n; i++)
            locust_spawn(u, some, text + used);
        locust_join_all(u);
    } else {
        some(u, text ? text : empty);
    }
    fflush(stdout);
    locust_stop_user(u);
}

LOCUST_USER(Asker, .tasks = LOCUST_TASKS(LOCUST_TASK(script)));
LOCUST_MAIN(.users = {&Asker})
