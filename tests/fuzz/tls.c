// TLS: versions and ciphers as options, what a server says first. RFC 8446 5.1 and 6.2.
// flags: -DLOCUST_TLS -lmbedtls -lmbedx509 -lmbedcrypto
// Input: '0' --tls-min, --tls-max and --ciphers in lines; '1' a byte that says how to cut, what a
// server sends.
#include "../../locust.h"
#include "../check.h"

static struct {
    locust__loop loop;
    locust__log log;
    locust__net net;
    locust__arena arena;
    locust__tls tls;
    int ids[512]; // of all cipher suites, 0 at the end
} kit;

/* Takes a line off the text; NULL: an empty one. */
static const char *cut_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return *line ? line : NULL;
}

/* -- options -- */

/* The suite of this IANA name, 0: none. The library has '-' for '_', which a user may write too. */
static int cipher_id(const char *name, size_t len)
{
    for (const int *id = kit.ids; *id; id++) {
        const char *known = mbedtls_ssl_get_ciphersuite_name(*id);
        size_t n = 0;
        while (n < len && (name[n] == known[n] || (name[n] == '_' && known[n] == '-')))
            n++;
        if (n == len && !known[n])
            return *id;
    }
    return 0;
}

static void check_options(char *text)
{
    locust__tls_options o = {0};
    locust__view bad;
    bool versions;
    const char *p;
    int *list, n = 0;
    o.min = cut_line(&text);
    o.max = cut_line(&text);
    o.ciphers = p = text;
    versions = (!o.min || strcmp(o.min, "1.2") == 0) && (!o.max || strcmp(o.max, "1.2") == 0);
    list = locust__tls_cipher_list(text, &bad);
    for (size_t len; list && *p; p += len + (p[len] != '\0')) {
        len = strcspn(p, ":,");
        MUST(list[n] && list[n] == cipher_id(p, len));
        n++;
    }
    if (list)
        MUST(n && !list[n]);
    else
        MUST(bad.ptr >= text && bad.ptr + bad.len <= text + strlen(text) &&
             bad.len == strcspn(bad.ptr, ":,") && !cipher_id(bad.ptr, bad.len));
    MUST(!locust__tls_check(&o) == (versions && list)); // mbedTLS 2.28 has TLS 1.2 alone
    LOCUST_FREE(list);
}

/* -- what a server says first -- */

/* RFC 8446 6.2, for a client that has no certificate. */
static locust_error alert_error(int alert)
{
    return alert == 40 || alert == 71    ? LOCUST_ERR_TLS_CIPHER
           : alert == 70                 ? LOCUST_ERR_TLS_VERSION
           : alert == 112                ? LOCUST_ERR_TLS_NAME
           : alert == 120                ? LOCUST_ERR_TLS_ALPN
           : alert >= 42 && alert <= 46  ? LOCUST_ERR_TLS_CERT_CLIENT
           : alert == 48 || alert == 116 ? LOCUST_ERR_TLS_CERT_CLIENT
                                         : LOCUST_ERR_TLS_ALERT;
}

/* Lets a client hear these bytes and the end, `piece` bytes at once. */
static locust_error hear(const uint8_t *p, size_t n, size_t piece)
{
    static const locust__tls_how how = {.http = true};
    locust__tls_conn *c = locust__tls_conn_new(&kit.tls);
    locust__tls_op op = {.c = c, .host = "a.test", .port = 443, .how = &how};
    locust_stream s;
    int ends[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    MUST(locust__os_nonblocking(ends[0]) == 0);
    locust__stream_init(&s, &kit.net);
    s.fd.watch.fd = ends[0];
    s.fd.watch.writable = true;
    MUST(c);
    locust__layer_push(&c->layer, &s);
    locust__tls_open_call(&op);
    for (bool end = false; !op.error; p += piece, n -= piece) {
        MUST(!end);
        piece = piece < n ? piece : n;
        end = !piece;
        MUST(end ? shutdown(ends[1], SHUT_WR) == 0 : write(ends[1], p, piece) == (ssize_t)piece);
        s.fd.watch.readable = true;
        locust__tls_step_call(&op);
    }
    c->end = op.error;
    locust__tls_close_call(c);
    close(ends[0]);
    close(ends[1]);
    return op.error;
}

static void check_server(const uint8_t *p, size_t n, size_t piece)
{
    locust_error error = hear(p, n, n);
    bool alert = n >= 7 && p[0] == 0x15 && p[1] == 3 && p[2] <= 3 && p[3] == 0 && p[4] == 2;
    if (!CHECK_STR(locust__error_text(hear(p, n, 1)), locust__error_text(error)) ||
        !CHECK_STR(locust__error_text(hear(p, n, 1 + piece)), locust__error_text(error)))
        abort();
    if (!n || (alert && p[5] == 1 && p[6] == 0)) // close_notify
        MUST(error == LOCUST_ERR_TLS_CLOSED);
    else if (p[0] < 20 || p[0] > 24)
        MUST(error ==
             (n >= 5 && memcmp(p, "HTTP/", 5) == 0 ? LOCUST_ERR_TLS_PLAIN : LOCUST_ERR_TLS_NONE));
    else if (alert && p[5] == 2)
        MUST(error == alert_error(p[6]));
    else
        MUST(error && error != LOCUST_ERR_TLS_PLAIN && error != LOCUST_ERR_TLS_NONE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const locust__tls_options none = {0};
    (void)argc, (void)argv;
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    locust__tls_init(&kit.tls, &kit.loop, &kit.log, &kit.arena, &none);
    for (int id = 1, n = 0; id < 0x10000; id++)
        if (mbedtls_ssl_ciphersuite_from_id(id))
            kit.ids[n++] = id;
    return locust__tls_start(&kit.tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    if (data[0] % 2 == 0) { // '0' is 0
        char *text =
            locust__text_copy((const char *)data + 1, strnlen((const char *)data + 1, n - 1));
        check_options(text);
        free(text);
    } else {
        check_server(data + 2, n - 2, data[1]);
    }
    return 0;
}
