/* client.h - users of layer 5: coroutines with a client each. Include it behind the parts, with blocks.h
 * before them.
 *
 *   static void task(locust_user *u) { CHECK_INT(locust_get(u, "/")->status, 200); }
 *
 *   run_on(answering, answering, task);
 *   CHECK_INT(result.requests, 1);
 *
 * It stands in for layers 6 and 8: locust_send and locust_sleep are here, in their simplest form.
 */
#ifndef CLIENT_H
#define CLIENT_H
#include "../server.h"
#include "blocks.h"
#include "samples.h"

static struct {
    void (*task)(locust_user *u);
    server *s;
    int ended;     // users whose task came to its end
    bool straight; // no request goes the short way
} now;

static struct {
    unsigned long long requests, failures, bytes;
    locust__services_counts counts;
    size_t n_rows, n_texts;
    struct {
        char text[300];
        unsigned long long times;
    } texts[8]; // the table of failures
} result;

/* The users of a run; zero: the usual ones. */
typedef struct setting {
    const char *host;
    const locust_pair *headers;
    int users;                      // 0: one
    void (*begin)(locust_env *env); // before they start
} setting;

struct locust_env {
    locust__loop loop;
    locust__log log;
    locust__request_stats stats;
    locust__services services;
    locust__route route;
    locust__base_url base;
    locust_user_class cls;
};

typedef struct client_user {
    locust_user as; // first: what the task has
    locust__client client;
    locust__session session;
} client_user;

LOCUST_API locust_response *(locust_send)(locust_user *u, const locust_request *req)
{
    client_user *user = (client_user *)(void *)u;
    if (now.straight)
        locust__request_send(&user->client, req, &u->env->base);
    else
        locust__short_send(&user->client, req, &u->env->base);
    if (user->client.broken)
        locust__die(1, "%s", user->client.broken);
    return &user->client.response;
}

LOCUST_API void(locust_sleep)(locust_user *u, double seconds)
{
    locust__co_sleep(
        &u->env->loop, locust__time_after(locust__os_now_ns(), locust__time_ns(seconds)));
}

static inline void client_main(void *arg)
{
    client_user *user = arg;
    now.task(&user->as);
    now.ended++;
    locust__client_deinit(&user->client);
    locust__session_deinit(&user->session);
    free(user);
}

static inline void client_start(locust_env *env, int id)
{
    client_user *user = calloc(1, sizeof *user);
    user->as.id = (uint64_t)id;
    user->as.host = env->base.text;
    user->as.env = env;
    user->as.user_class = &env->cls;
    user->session.own.place = &user->session.conn;
    user->session.conns = &user->session.own;
    locust__client_init(&user->client, &env->services, &user->as, &env->route, &user->session);
    if (!locust__co_start(&env->loop, "Client", 0, client_main, user, NULL))
        abort();
}

static inline void client_open(locust_env *env, const setting *how)
{
    static const locust__tls_options tls;
    locust__services *sv = &env->services;
    const char *broken;
    if (locust__loop_open(&env->loop) < 0)
        abort();
    locust__log_open(&env->log, LOCUST__LOG_ERROR, NULL);
    locust__stats_init(&env->stats);
    *sv = (locust__services){.loop = &env->loop, .log = &env->log};
    sv->recorder = (locust__recorder){.stats = &env->stats, .env = env, .listener = hear};
    locust__net_init(&sv->net, &env->loop, &env->log);
    locust__resolver_init(&sv->resolver, &sv->net, &sv->arena);
    locust__tls_init(&sv->tls, &env->loop, &env->log, &sv->arena, &tls);
    env->cls = (locust_user_class){.name = "Client", .headers = how->headers};
    CHECK_INT(locust__base_url_parse(sv, how->host, &env->base, &broken), LOCUST_OK);
}

static inline void client_close(locust_env *env)
{
    locust__tls_free(&env->services.tls);
    locust__base_url_free(&env->base);
    CHECK_INT(env->services.net.open, 0);
    locust__loop_close(&env->loop);
    locust__stats_free(&env->stats);
    locust__arena_free(&env->services.arena);
    locust__pattern_free_all(env->services.patterns);
    locust__buf_free(&env->services.auth);
    locust__log_close(&env->log);
}

static inline void client_count(locust__request_stats *st)
{
    result.requests = st->total.requests;
    result.failures = st->total.failures;
    result.bytes = st->total.bytes;
    while (locust__stats_entry_at(st, result.n_rows))
        result.n_rows++;
    for (; result.n_texts < st->n_failures && result.n_texts < 8; result.n_texts++) {
        const locust__stats_failure *f = st->failures[result.n_texts];
        snprintf(result.texts[result.n_texts].text, 300, "%s", f->text);
        result.texts[result.n_texts].times = f->occurrences;
    }
}

static inline void run_with(void (*task)(locust_user *u), setting how)
{
    static locust_env env; // LeakSanitizer starts here when a task ends the program
    int n = how.users ? how.users : 1;
    memset(&env, 0, sizeof env);
    now.task = task;
    n_samples = 0;
    now.ended = 0;
    memset(&result, 0, sizeof result);
    client_open(&env, &how);
    if (how.begin)
        how.begin(&env);
    for (int id = 1; id <= n; id++)
        client_start(&env, id);
    locust__loop_run(&env.loop);
    client_count(&env.stats);
    result.counts = env.services.counts;
    client_close(&env);
    CHECK_INT(now.ended, n);
}

/* Runs the task against a server whose first connection follows `first`, the others `later`. */
static inline void run_on(const step *first, const step *later, void (*task)(locust_user *u))
{
    server s = server_start(2, first, later);
    now.s = &s;
    run_with(task, (setting){.host = s.url});
    server_stop(&s);
}

static const step reflecting[] = {READ, REFLECT, LOOP};
static const step answering[] = {READ, SEND(OK_REPLY), LOOP};

/* Has the request, as the server saw it, that line? */
static inline bool has_line(const locust_response *r, const char *line)
{
    char text[512];
    snprintf(text, sizeof text, "\r\n%s\r\n", line);
    return strstr(r->body, text) != NULL;
}

/* How often the text holds the word, in any case. */
static inline int count_of(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; *p; p++)
        n += strncasecmp(p, word, strlen(word)) == 0;
    return n;
}
#endif
