/* hit.c - a test by flags alone: one request, again and again, for who knows curl, wrk, hey or oha.
 *   cc -O2 -I. tools/hit.c -o hit        (https: -DLOCUST_TLS ... -lmbedtls -lmbedx509 -lmbedcrypto)
 *   ./hit http://127.0.0.1:8080/ -u 100 -r 100 -t 30s
 *   ./hit https://shop.test/cart --data 'item=7' --header 'X-A: 1' --expect-status 201 --rate 500 -t 1m --check 'p99<250ms'
 *
 *   URL                         what is asked for; or --url URL. Several are asked for one after the other
 *   -X, --request METHOD        GET; POST with a body, HEAD with --head
 *       --header 'NAME: VALUE'  may be given several times (-H is --host of Locust)
 *   -d, --data TEXT             a body, application/x-www-form-urlencoded; several are joined by &; @FILE: of a file
 *       --data-raw TEXT         the same, where @ is no file; --data-binary is --data
 *       --json-data JSON        a body, application/json
 *   -F, --form NAME=TEXT        a part of multipart/form-data; NAME=@FILE[;type=TYPE]
 *       --upload-file FILE      PUT of a file
 *       --get, --head, --location  as curl's; redirects are followed with --location alone
 *       --basic-auth USER:PASSWORD, --oauth2-bearer TOKEN, --cookie 'a=1; b=2', --user-agent, --referer
 *   -m, --max-time SECONDS      60
 *       --name NAME             of the row; the path with its query without
 *       --expect-status CODE, --expect-body TEXT, --expect-json     what else is a failure
 *       --think SECONDS         between two requests of a user; 0
 *       --no-keepalive          a connection for each request
 *
 *   wrk -c 100 -d 30s URL  |  hey -c 100 -z 30s URL  |  oha -c 100 -z 30s URL      hit URL -u 100 -r 100 -t 30s
 *   hey -n 5000 -c 50 URL                                                          hit URL -u 50 -r 50 --iterations 5000
 *   wrk2 -R 2000 URL  |  hey -q ...  |  oha -q 2000 URL                            hit URL --rate 2000 -t 30s
 *
 * All options of a test are here, too: `hit --help`. Runs --headless. */
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST = 64, BODY = 65536 };

static locust_request ask; // the request, but for its URL
static const char *urls[MOST];
static int n_urls, n_headers, n_parts;
static locust_pair headers[MOST + 1];
static locust_part parts[MOST + 1];
static char body[BODY], first_host[512];
static bool get, head, follow, closes, data_given, uploads;
static double think;

static void hit(locust_user *u)
{
    for (int i = 0; i < n_urls; i++) {
        locust_request req = ask;
        req.url = urls[i];
        locust_send(u, &req);
    }
}

static double pause_of(locust_user *u)
{
    (void)u;
    return think;
}

static locust_user_class Hitter = { .name = "Hitter", .wait_time = LOCUST_WAIT_FN(pause_of),
                                    .tasks = LOCUST_TASKS(LOCUST_TASK(hit)) };

_Noreturn static void die(const char *what, const char *about)
{
    fprintf(stderr, "hit: %s%s\n", what, about);
    exit(2);
}

/* A copy of n bytes as a text. */
static char *copy(const char *text, size_t n)
{
    char *to = malloc(n + 1);
    if (!to)
        die("out of memory", "");
    memcpy(to, text, n);
    to[n] = '\0';
    return to;
}

static void add_header(const char *text)
{
    const char *colon = strchr(text, ':'), *value;
    if (!colon || colon == text)
        die("--header takes NAME: VALUE, not ", text);
    if (n_headers == MOST)
        die("more than 64 of --header", "");
    value = colon + 1 + strspn(colon + 1, " \t");
    headers[n_headers++] = (locust_pair){ copy(text, (size_t)(colon - text)), value };
}

static void add_named(const char *name, const char *value)
{
    size_t n = strlen(name) + strlen(value) + 3;
    char *text = malloc(n);
    if (!text)
        die("out of memory", "");
    snprintf(text, n, "%s: %s", name, value);
    add_header(text); // which keeps it
}

static void add_data(const char *text, bool raw)
{
    size_t have = strlen(body), n = strlen(text);
    if (*text == '@' && !raw) {
        ask.body_path = text + 1;
        return;
    }
    if (have + n + 2 > BODY)
        die("--data is longer than 64 KB: give it as @FILE", "");
    if (data_given)
        body[have++] = '&';
    memcpy(body + have, text, n + 1);
    data_given = true;
}

/* NAME=TEXT, NAME=@FILE or NAME=@FILE;type=TYPE */
static void add_part(const char *text)
{
    const char *equals = strchr(text, '='), *type = strstr(text, ";type=");
    locust_part *part = &parts[n_parts];
    if (!equals || equals == text)
        die("--form takes NAME=TEXT or NAME=@FILE, not ", text);
    if (n_parts++ == MOST)
        die("more than 64 of --form", "");
    part->name = copy(text, (size_t)(equals - text));
    if (equals[1] == '@')
        part->path = type ? copy(equals + 2, (size_t)(type - equals - 2)) : equals + 2;
    else
        part->text = equals + 1;
    part->type = equals[1] == '@' && type ? type + 6 : NULL;
}

static double number(const char *text, const char *option)
{
    char *end;
    double n = strtod(text, &end);
    if (end == text || *end || !(n >= 0 && n <= 1e9))
        die(option, " takes a number from 0");
    return n;
}

static void set_method(const char *text) { ask.method = text; }
static void set_raw(const char *text) { add_data(text, true); }
static void set_data(const char *text) { add_data(text, false); }
static void set_json(const char *text) { ask.json = text; }
static void set_file(const char *text) { ask.body_path = text, uploads = true; }
static void set_auth(const char *text) { ask.auth = text; }
static void set_bearer(const char *text) { ask.bearer = text; }
static void set_cookie(const char *text) { add_named("Cookie", text); }
static void set_agent(const char *text) { add_named("User-Agent", text); }
static void set_referer(const char *text) { add_named("Referer", text); }
static void set_time(const char *text) { ask.timeout_s = number(text, "--max-time"); }
static void set_name(const char *text) { ask.name = text; }
static void set_status(const char *text) { ask.expect_status = (int)number(text, "--expect-status"); }
static void set_body(const char *text) { ask.expect_body = text; }
static void set_think(const char *text) { think = number(text, "--think"); }

static void add_url(const char *text)
{
    if (n_urls == MOST)
        die("more than 64 URLs", "");
    urls[n_urls++] = text;
}

static const struct {
    const char *name, *brief;
    void (*set)(const char *value); // NULL: a switch
    bool *on;
} options[] = {
    { "--url", NULL, add_url, NULL },
    { "--request", "-X", set_method, NULL },
    { "--header", NULL, add_header, NULL },
    { "--data", "-d", set_data, NULL },
    { "--data-binary", NULL, set_data, NULL },
    { "--data-raw", NULL, set_raw, NULL },
    { "--json-data", NULL, set_json, NULL },
    { "--form", "-F", add_part, NULL },
    { "--upload-file", NULL, set_file, NULL },
    { "--basic-auth", NULL, set_auth, NULL },
    { "--oauth2-bearer", NULL, set_bearer, NULL },
    { "--cookie", NULL, set_cookie, NULL },
    { "--user-agent", NULL, set_agent, NULL },
    { "--referer", NULL, set_referer, NULL },
    { "--max-time", "-m", set_time, NULL },
    { "--name", NULL, set_name, NULL },
    { "--expect-status", NULL, set_status, NULL },
    { "--expect-body", NULL, set_body, NULL },
    { "--think", NULL, set_think, NULL },
    { "--expect-json", NULL, NULL, &ask.expect_json },
    { "--get", NULL, NULL, &get },
    { "--head", NULL, NULL, &head },
    { "--location", NULL, NULL, &follow },
    { "--no-keepalive", NULL, NULL, &closes },
};

/* Takes argument *i if it is one of ours, with its value; --name=value too. */
static bool take(int argc, char **argv, int *i)
{
    for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
        size_t n = strlen(options[k].name);
        bool joined = strncmp(argv[*i], options[k].name, n) == 0 && argv[*i][n] == '=';
        if (!joined && strcmp(argv[*i], options[k].name) != 0 &&
            (!options[k].brief || strcmp(argv[*i], options[k].brief) != 0))
            continue;
        if (!options[k].set)
            *options[k].on = true;
        else if (joined)
            options[k].set(argv[*i] + n + 1);
        else if (*i + 1 < argc)
            options[k].set(argv[++*i]);
        else
            die(options[k].name, " lacks its value");
        return true;
    }
    if (!strstr(argv[*i], "://") || *argv[*i] == '-')
        return false;
    add_url(argv[*i]);
    return true;
}

/* Puts together what belongs together. */
static void finish(void)
{
    if (n_parts)
        ask.parts = parts;
    if (data_given && get) { // the data becomes the query
        for (int i = 0; i < n_urls; i++) {
            size_t n = strlen(urls[i]) + strlen(body) + 2;
            char *url = malloc(n);
            if (!url)
                die("out of memory", "");
            snprintf(url, n, "%s%c%s", urls[i], strchr(urls[i], '?') ? '&' : '?', body);
            urls[i] = url;
        }
    } else if (data_given) {
        ask.body = body;
        ask.body_len = strlen(body);
    }
    if (ask.body || (ask.body_path && !uploads)) {
        bool typed = false;
        for (int i = 0; i < n_headers; i++)
            typed |= strcasecmp(headers[i].name, "content-type") == 0;
        if (!typed)
            add_header("Content-Type: application/x-www-form-urlencoded");
    }
    if (!ask.method && uploads)
        ask.method = "PUT";
    if (!ask.method)
        ask.method = head ? "HEAD" : ask.body || ask.body_path || ask.json || n_parts ? "POST" : "GET";
    if (closes)
        add_header("Connection: close");
    ask.headers = n_headers ? headers : NULL;
    ask.no_redirect = !follow;
}

int main(int argc, char **argv)
{
    const locust_test test = { .users = { &Hitter } };
    char **rest = calloc((size_t)argc + 2, sizeof *rest), headless[] = "--headless";
    int n = 1, host = 0, rc;
    if (!rest)
        die("out of memory", "");
    rest[0] = argv[0];
    for (int i = 1; i < argc; i++)
        if (!take(argc, argv, &i)) {
            host |= strcmp(argv[i], "-H") == 0 || strncmp(argv[i], "--host", 6) == 0 || strcmp(argv[i], "--help") == 0 ||
                    strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0;
            rest[n++] = argv[i];
        }
    rest[n++] = headless;
    if (!n_urls && !host)
        die("no URL: ", "hit http://127.0.0.1:8080/ -u 100 -r 100 -t 30s");
    if (!n_urls)
        add_url("/");
    finish();
    if (strstr(urls[0], "://")) { // the class's host: that of the first URL
        size_t at = (size_t)(strstr(urls[0], "://") - urls[0]) + 3;
        snprintf(first_host, sizeof first_host, "%.*s", (int)(at + strcspn(urls[0] + at, "/?#")), urls[0]);
        Hitter.host = first_host;
        for (int i = 0; i < n_urls && !ask.name; i++) {
            size_t len = strlen(first_host);
            if (strncmp(urls[i], first_host, len) == 0 && (urls[i][len] == '/' || !urls[i][len]))
                urls[i] = urls[i][len] ? urls[i] + len : "/";
        }
    }
    rc = locust_main(n, rest, &test);
    free(rest);
    return rc;
}
