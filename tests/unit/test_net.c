// What connections share: the sentence of each errno, and advice that is given once.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    int number;
    locust_error error;
} rows[] = {
    {ECONNREFUSED, LOCUST_ERR_REFUSED},
    {ECONNRESET, LOCUST_ERR_RESET},
    {ECONNABORTED, LOCUST_ERR_RESET},
    {EPIPE, LOCUST_ERR_PIPE},
    {ENOTCONN, LOCUST_ERR_PIPE},
    {ETIMEDOUT, LOCUST_ERR_TIMEOUT},
    {EHOSTUNREACH, LOCUST_ERR_HOST_UNREACHABLE},
    {EHOSTDOWN, LOCUST_ERR_HOST_UNREACHABLE},
    {ENETUNREACH, LOCUST_ERR_NET_UNREACHABLE},
    {ENETDOWN, LOCUST_ERR_NET_UNREACHABLE},
    {EAFNOSUPPORT, LOCUST_ERR_NET_UNREACHABLE},
    {EADDRNOTAVAIL, LOCUST_ERR_PORTS},
    {EADDRINUSE, LOCUST_ERR_PORTS},
    {EMFILE, LOCUST_ERR_FILES},
    {ENFILE, LOCUST_ERR_FILES},
    {ENOMEM, LOCUST_ERR_MEMORY},
    {ENOBUFS, LOCUST_ERR_MEMORY},
    {ENOSPC, LOCUST_ERR_MEMORY},
    {ENOENT, LOCUST_ERR_NO_SOCKET},
    {EACCES, LOCUST_ERR_PERMISSION},
    {EPERM, LOCUST_ERR_PERMISSION},
    {EINVAL, LOCUST_ERR_NETWORK},
    {0, LOCUST_ERR_NETWORK},
    {-1, LOCUST_ERR_NETWORK},
};

static void errors(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(strerror(rows[i].number));
        CHECK_STR(locust__error_text(locust__net_error(rows[i].number)),
            locust__error_text(rows[i].error));
    }
    CHECK_ROW("what this machine lacks, not the server");
    for (int e = 0; e < LOCUST_ERROR_COUNT; e++)
        CHECK_INT(locust__net_lacks((locust_error)e),
            e == LOCUST_ERR_FILES || e == LOCUST_ERR_PORTS || e == LOCUST_ERR_MEMORY);
}

static void begins(void)
{
    locust__net net;
    struct rlimit limit;
    memset(&net, 0xAA, sizeof net);
    locust__net_init(&net, NULL, NULL);
    CHECK_INT(net.open, 0);
    CHECK_INT(net.connects.free, 128);
    CHECK(!net.sources.n && !net.no_arrivals);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK(limit.rlim_cur == RLIM_INFINITY || net.files == (int64_t)limit.rlim_cur);
}

static void advises(void *arg)
{
    locust__log log;
    locust__net net;
    locust__log_open(&log, LOCUST__LOG_WARNING, NULL);
    locust__net_init(&net, NULL, &log);
    net.open = 1019;
    net.files = 1024;
    net.users = 5000;
    for (int i = 0; i < 3; i++)
        for (int e = 0; e < LOCUST_ERROR_COUNT; e++)
            locust__net_advise(&net, (locust_error)e);
    (void)arg;
}

/* Two lines, however often it happens, in the words of what has to be changed. */
static void advice_is_given_once(void)
{
    char *text, *second;
    int status = check_fork(advises, NULL, &text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(strstr(text, "too many open files after 1019 connections: ulimit -n is 1024, "
                       "5000 users need about 5064") != NULL);
    second = strchr(text, '\n');
    if (CHECK(second != NULL)) {
        CHECK(strstr(second, "no local port left after 1019 connections") != NULL);
        CHECK(strchr(second + 1, '\n') == text + strlen(text) - 1);
    }
    free(text);
}

TESTS({"errors", errors}, {"begins", begins}, {"advice is given once", advice_is_given_once}, )
