// scripted_mqtt.c - users of one MQTT client each, that do what MQTT_SCRIPT says, one command a line.
//   connect [OPTION=VALUE...]              receive SECONDS      drain SECONDS   receives until none comes
//   publish TOPIC TEXT [OPTION=VALUE...]   subscribe FILTER[,FILTER...] [OPTION=VALUE...]
//   unsubscribe FILTER    flush    disconnect    will    sleep SECONDS    loop N   the command behind it
//   big N   the payload of the next publish has N bytes      cert FILE   the user's own certificate
// %u in a text is the number of the user. Each prints a line: its name, what it returned, what it received,
// "-" or why it failed. Runs once.
//   MQTT_INSECURE, MQTT_CACERT   the class's .insecure and .ca_file       MQTT_QUIET   no lines
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 24 };

struct line { // on the stack of its user: what a call points at stays while the user waits
    char *words[WORDS], texts[WORDS][128];
};

static char **words;   // of the line at hand, until its call waits
static char cert[512]; // locust_set_cert borrows it

static const char *option(const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < WORDS && words[i]; i++)
        if (strncmp(words[i], name, n) == 0 && words[i][n] == '=')
            return words[i] + n + 1;
    return NULL;
}

static double number(const char *name)
{
    return option(name) ? atof(option(name)) : 0;
}

static void split(locust_user *u, struct line *own, char *line)
{
    char *at = NULL;
    int n = 0;
    words = own->words;
    for (char *w = strtok_r(line, " ", &at); w && n < WORDS - 1; w = strtok_r(NULL, " ", &at)) {
        char *mark = strstr(w, "%u");
        words[n] = w;
        if (mark) {
            snprintf(own->texts[n], sizeof own->texts[n], "%.*s%llu%s", (int)(mark - w), w,
                (unsigned long long)u->id, mark + 2);
            words[n] = own->texts[n];
        }
        n++;
    }
    while (n < WORDS)
        words[n++] = NULL;
}

static bool connect_it(locust_user *u)
{
    static const locust_mqtt_property some[] = {{"from", "scripted"}, {NULL, NULL}};
    return locust_mqtt_connect(u, option("url") ? option("url") : u->host,
        .client_id = option("id"), .username = option("user"), .password = option("password"),
        .version = (int)number("version"), .keep_alive_s = number("keep"),
        .keep_session = number("session") > 0, .session_expiry_s = number("expiry"),
        .will_topic = option("will"), .will_payload = option("will_text"),
        .will_qos = (int)number("will_qos"), .will_retain = number("will_retain") > 0,
        .will_delay_s = number("will_delay"), .receive_max = (int)number("receive_max"),
        .topic_alias_max = (int)number("alias_max"), .max_packet = (size_t)number("max_packet"),
        .queue = (int)number("queue"), .topic_aliases = (int)number("aliases"),
        .timeout_s = number("timeout"), .properties = option("properties") ? some : NULL);
}

static bool publish_it(locust_user *u, size_t big)
{
    static const locust_mqtt_property some[] = {{"k", "v"}, {"k", "w"}, {NULL, NULL}};
    char *filled = big ? malloc(big) : NULL;
    if (filled)
        locust_defer(u, free, memset(filled, 'x', big));
    return locust_mqtt_publish(u, words[1], filled ? filled : words[2], .len = big,
        .qos = (int)number("qos"), .retain = number("retain") > 0, .stamp = number("stamp") > 0,
        .window = (int)number("window"), .name = option("name"), .timeout_s = number("timeout"),
        .content_type = option("type"), .response_topic = option("response"),
        .correlation = option("correlation"), .expiry_s = number("expiry"),
        .text = number("text") > 0, .properties = option("properties") ? some : NULL);
}

static bool subscribe_it(locust_user *u)
{
    const char *filters[16] = {NULL};
    char *at = NULL, *first = strtok_r(words[1], ",", &at);
    for (int i = 0; i < 15 && (filters[i] = strtok_r(NULL, ",", &at)) != NULL; i++)
        ;
    return locust_mqtt_subscribe(u, first, .more = filters, .qos = (int)number("qos"),
        .name = option("name"), .no_local = number("no_local") > 0, .id = (uint32_t)number("id"),
        .retain_as_published = number("as_published") > 0,
        .retain_handling = (int)number("retain_handling"), .timeout_s = number("timeout"));
}

static bool receive_it(locust_user *u, char *got, size_t size)
{
    locust_mqtt_message m;
    bool ok = locust_mqtt_receive(u, &m, words[1] ? atof(words[1]) : 0);
    int n = snprintf(got, size, "%s %.40s len=%zu qos=%d%s%s%s filter=%s", m.topic, m.payload,
        m.len, m.qos, m.retain ? " retain" : "", m.dup ? " dup" : "", m.sent_ms > 0 ? " sent" : "",
        m.filter);
    if (m.id)
        n += snprintf(got + n, size - (size_t)n, " id=%u", (unsigned)m.id);
    if (m.content_type)
        n += snprintf(got + n, size - (size_t)n, " type=%s", m.content_type);
    if (m.response_topic)
        n += snprintf(got + n, size - (size_t)n, " response=%s", m.response_topic);
    if (m.correlation)
        n += snprintf(
            got + n, size - (size_t)n, " correlation=%.*s", (int)m.correlation_len, m.correlation);
    for (const locust_mqtt_property *p = m.properties; p->name; p++)
        n += snprintf(got + n, size - (size_t)n, " %s:%s", p->name, p->value);
    if (!ok)
        *got = '\0';
    return ok;
}

static void speak(locust_user *u)
{
    const char *given = getenv("MQTT_SCRIPT");
    char *script = malloc(strlen(given) + 1), *line, *at = NULL;
    struct line own;
    char one[1024], got[1024];
    size_t big = 0;
    int times = 1;
    strcpy(script, given);
    locust_defer(u, free, script);
    for (line = strtok_r(script, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        int repeat = times;
        times = 1;
        for (int i = 0; i < repeat; i++) {
            bool ok = true;
            char what[16];
            snprintf(one, sizeof one, "%s", line);
            split(u, &own, one);
            snprintf(what, sizeof what, "%s", words[0]);
            *got = '\0';
            if (!strcmp(what, "loop")) {
                times = atoi(words[1]);
                continue;
            } else if (!strcmp(what, "big")) {
                big = (size_t)atol(words[1]);
                continue;
            } else if (!strcmp(what, "cert")) {
                snprintf(cert, sizeof cert, "%s", words[1]);
                locust_set_cert(u, cert, NULL);
                continue;
            } else if (!strcmp(what, "connect")) {
                ok = connect_it(u);
            } else if (!strcmp(what, "publish")) {
                ok = publish_it(u, big);
                if (i == repeat - 1)
                    big = 0;
            } else if (!strcmp(what, "subscribe")) {
                ok = subscribe_it(u);
            } else if (!strcmp(what, "unsubscribe")) {
                ok = locust_mqtt_unsubscribe(u, words[1]);
            } else if (!strcmp(what, "receive")) {
                ok = receive_it(u, got, sizeof got);
            } else if (!strcmp(what, "drain")) {
                int n = 0;
                while (receive_it(u, got, sizeof got))
                    n++;
                snprintf(got, sizeof got, "%d", n);
            } else if (!strcmp(what, "flush")) {
                ok = locust_mqtt_flush(u);
            } else if (!strcmp(what, "disconnect") || !strcmp(what, "will")) {
                ok = locust_mqtt_disconnect(u, *what == 'w');
            } else if (!strcmp(what, "sleep")) {
                locust_sleep(u, atof(words[1]));
            }
            if (!getenv("MQTT_QUIET")) {
                printf("%s %d %s| %s\n", what, ok, *got ? got : "",
                    locust_mqtt_error(u) ? locust_mqtt_error(u) : "-");
                fflush(stdout);
            }
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
    speaker.insecure = getenv("MQTT_INSECURE") != NULL;
    speaker.ca_file = getenv("MQTT_CACERT");
    return locust_main(argc, argv, &test);
}
