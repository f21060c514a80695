// TLS without a library: what the parts above find where LOCUST_TLS was not defined (>>tls,
// >>tls_none). test_tls_{error,trust,verify,version}.c test what needs no mbedTLS linked;
// tests/whole/test_tls.py tests all of >>tls_state to >>tls_handshake with each mbedTLS against real
// servers, and tests/fuzz/tls.c and certs.c feed them.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "loop.h"

static locust__tls tls;
static const locust__tls_options options = {.min = "1.3", .ciphers = "any", .max_handshakes = 3};

static void begins_and_ends(void)
{
    memset(&tls, 0xAA, sizeof tls);
    locust__tls_init(&tls, NULL, NULL, NULL, &options);
    CHECK(!tls.broken);
    CHECK(!tls.counts.full && !tls.counts.resumed && !tls.counts.full_ns && !tls.counts.resumed_ns);
    CHECK(tls.handshakes.free > 0 && !tls.handshakes.waiters.first);
    CHECK_STR(locust__tls_check(&options), NULL);
    locust__tls_ticket_free(NULL);
    locust__tls_free(&tls);
    CHECK_INT(blocks_live, 0);
}

/* What a person reads who asks for https: what to define, what to link and what to install. */
static void says_what_is_needed(void)
{
    static const char *const words[] = {
        "-DLOCUST_TLS", "-lmbedtls -lmbedx509 -lmbedcrypto", "apt-get install libmbedtls-dev"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        CHECK(strstr(locust__tls_needed, words[i]) != NULL);
    CHECK(!strchr(locust__tls_needed, '\n'));
}

static void connects(void *arg)
{
    static const locust__tls_how how = {.http = true};
    static locust_stream s;
    int fds[2];
    char byte;
    const locust__allowance never = {.deadline_ns = LOCUST__NEVER};
    bool retry = true;
    locust__tls_ticket *ticket = NULL;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_INT(locust__os_nonblocking(fds[0]), 0);
    locust__stream_init(&s, arg);
    CHECK_INT(locust__stream_adopt(&s, fds[0]), LOCUST_OK);
    CHECK_INT(locust__tls_connect(&tls, &s, "a.test", 443, &how, &ticket, &never, &retry),
        LOCUST_ERR_TLS);
    CHECK(!retry && !ticket);
    CHECK_INT(read(fds[1], &byte, 1), 0); // it was closed
    close(fds[1]);
}

static void connects_to_nobody(void)
{
    locust__log log;
    static locust__net net;
    begin();
    locust__log_open(&log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&net, &loop, &log);
    locust__tls_init(&tls, &loop, &log, NULL, &options);
    start(connects, &net);
    end();
    CHECK_INT(net.open, 0);
    locust__log_close(&log);
}

TESTS({"begins and ends", begins_and_ends}, {"says what is needed", says_what_is_needed},
    {"connects to nobody", connects_to_nobody}, )
