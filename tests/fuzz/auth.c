// Challenges and answers of HTTP authentication, base64. RFC 9110 11, 7617, 7616, 4648.
// Input: '0' credentials, method, target and a WWW-Authenticate field, a line each; '1' base64 text.
#include "../../locust.h"
#include "../check.h"

static bool same(locust__view a, locust__view b)
{
    return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static locust__view bytes(const locust__buf *b)
{
    return (locust__view){b->ptr, b->len};
}

/* -- the parameters of an answer, taken apart strictly -- */

typedef struct params {
    int n;
    char *names[16], *values[16];
} params;

static params read_params(const char *p)
{
    params out = {0};
    MUST(strncmp(p, "Digest ", 7) == 0);
    for (p += 7; *p;) {
        size_t len = locust__http_token_len(locust__view_of(p)), n = 0;
        char *value = calloc(1, strlen(p));
        MUST(len && p[len] == '=' && out.n < 16);
        out.names[out.n] = locust__text_copy(p, len);
        p += len + 1;
        if (*p == '"') {
            for (p++; *p != '"'; p++) {
                p += *p == '\\';
                MUST(*p);
                value[n++] = *p;
            }
            p++;
        } else {
            n = locust__http_token_len(locust__view_of(p));
            MUST(n);
            memcpy(value, p, n);
            p += n;
        }
        out.values[out.n++] = value;
        MUST(!*p || strncmp(p, ", ", 2) == 0);
        p += *p ? 2 : 0;
    }
    return out;
}

static const char *param(const params *of, const char *name)
{
    const char *found = NULL;
    for (int i = 0; i < of->n; i++)
        if (strcmp(of->names[i], name) == 0) {
            MUST(!found);
            found = of->values[i];
        }
    return found;
}

static void params_free(params *of)
{
    for (int i = 0; i < of->n; i++) {
        free(of->names[i]);
        free(of->values[i]);
    }
}

/* -- Digest -- */

static bool same_digest(const locust__digest *a, const locust__digest *b)
{
    return strcmp(a->realm, b->realm) == 0 && strcmp(a->nonce, b->nonce) == 0 &&
           strcmp(a->opaque, b->opaque) == 0 && a->sha256 == b->sha256 && a->sess == b->sess &&
           a->named == b->named && a->qop == b->qop;
}

/* The same field behind challenges that we do not answer means the same. */
static void check_among_others(const char *field, const locust__digest *d, bool stale)
{
    static const char *const others[] = {"Basic realm=\"a, Digest nonce=\\\"x\\\"\"", "Negotiate",
        "NTLM TlRMTVNTUAACAAAADAAMADAAAAABAoEA==, Bearer realm=x , error = \"y\"",
        "Negotiate YII/JwYG+KwYBBQUC=", // token68, RFC 9110 11.2

        "Digest algorithm=SHA-512-256, nonce=x", "Digest realm=x, qop=\"auth-int\", nonce=\"y\""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        locust__buf all = {NULL, 0, 0, false};
        locust__digest e;
        bool old;
        locust__buf_printf(&all, "%s, %s", others[i], field);
        MUST(locust__auth_find_digest(bytes(&all), &e, &old));
        MUST(same_digest(d, &e) && old == stale);
        locust__buf_free(&all);
    }
}

static void check_answer(
    locust__digest *d, const char *credentials, const char *method, const char *target)
{
    locust__buf out = {NULL, 0, 0, false};
    size_t user = strcspn(credentials, ":");
    const char *response, *algorithm;
    params p;
    locust__buf_reserve(&out, 4096);
    memset(out.ptr, '!', out.cap); // what an answer to another request left there
    locust__auth_digest(&out, d, credentials, method, target, 0x1234567890abcdefu);
    MUST(d->uses == 1);
    MUST(memchr(out.ptr, 0, out.len) == out.ptr + out.len - 1);
    if (locust__http_is_value(locust__view_of(credentials)) &&
        locust__http_is_value(locust__view_of(target)))
        MUST(locust__http_is_value(locust__view_of(out.ptr)));
    p = read_params(out.ptr);
    if (user < 256)
        MUST(strlen(param(&p, "username")) == user &&
             strncmp(param(&p, "username"), credentials, user) == 0);
    MUST(strcmp(param(&p, "realm"), d->realm) == 0);
    MUST(strcmp(param(&p, "nonce"), d->nonce) == 0);
    MUST(strcmp(param(&p, "uri"), target) == 0);
    MUST(!*d->opaque == !param(&p, "opaque"));
    MUST(!*d->opaque || strcmp(param(&p, "opaque"), d->opaque) == 0);
    response = param(&p, "response");
    MUST(strlen(response) == (d->sha256 ? 64 : 32) &&
         strspn(response, "0123456789abcdef") == strlen(response));
    algorithm = param(&p, "algorithm");
    MUST(d->named == (algorithm != NULL));
    MUST(!algorithm || strncmp(algorithm, d->sha256 ? "SHA-256" : "MD5", 3) == 0);
    MUST(d->qop == (param(&p, "qop") != NULL) && d->qop == (param(&p, "nc") != NULL));
    MUST((d->qop || d->sess) == (param(&p, "cnonce") != NULL));
    MUST(!d->qop || strcmp(param(&p, "nc"), "00000001") == 0);
    params_free(&p);
    locust__buf_free(&out);
}

static void check_basic(const char *credentials)
{
    locust__buf out = {NULL, 0, 0, false}, back = {NULL, 0, 0, false};
    size_t n = strlen(credentials);
    locust__auth_basic(&out, credentials);
    MUST(out.len && !out.ptr[out.len - 1] && strlen(out.ptr) == out.len - 1);
    MUST(strncmp(out.ptr, "Basic ", 6) == 0 && locust__http_is_value(locust__view_of(out.ptr)));
    MUST(locust__base64_decode(&back, locust__view_of(out.ptr + 6)));
    MUST(back.len >= n && memcmp(back.ptr, credentials, n) == 0);
    MUST(back.len == n + !strchr(credentials, ':'));
    locust__buf_free(&out);
    locust__buf_free(&back);
}

static void check_challenge(
    const char *credentials, const char *method, const char *target, const char *field)
{
    locust__view in = locust__view_of(field);
    locust__digest d;
    bool stale;
    char *exact = memcpy(malloc(in.len + !in.len), field, in.len);
    check_basic(credentials);
    in.ptr = exact;
    if (locust__auth_find_digest(in, &d, &stale)) {
        MUST(*d.nonce && memchr(d.realm, 0, sizeof d.realm) && memchr(d.nonce, 0, sizeof d.nonce) &&
             memchr(d.opaque, 0, sizeof d.opaque));
        if (locust__http_is_value(in)) { // as all fields are
            check_among_others(field, &d, stale);
            check_answer(&d, credentials, method, target);
        }
    }
    free(exact);
}

static void quote(locust__buf *out, const char *name, const char *text)
{
    locust__buf_printf(out, "%s=\"", name);
    for (; *text; text++)
        locust__buf_printf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    locust__buf_puts(out, "\"");
}

/* A challenge is answered with what it says to the last byte, or not at all. */
static void check_quoted(const char *realm, const char *nonce, const char *opaque)
{
    locust__buf field = {NULL, 0, 0, false};
    locust__digest d;
    bool stale;
    quote(&field, "Digest realm", realm);
    quote(&field, ", nonce", nonce);
    quote(&field, " ,opaque", opaque);
    if (locust__auth_find_digest(bytes(&field), &d, &stale)) {
        MUST(!stale && !d.sha256 && !d.sess && !d.named && !d.qop);
        MUST(strcmp(d.realm, realm) == 0);
        MUST(strcmp(d.nonce, nonce) == 0);
        MUST(strcmp(d.opaque, opaque) == 0);
    } else {
        MUST(!*nonce || strlen(realm) + strlen(nonce) + strlen(opaque) > 100);
    }
    locust__buf_free(&field);
}

/* -- base64 -- */

static void check_base64(locust__view in)
{
    locust__buf text = {NULL, 0, 0, false}, back = {NULL, 0, 0, false};
    size_t digits = 0, stop = 0;
    locust__base64_encode(&text, in);
    MUST(text.len == (in.len + 2) / 3 * 4);
    MUST(locust__base64_decode(&back, bytes(&text)));
    MUST(same(bytes(&back), in));
    text.len = back.len = 0;
    while (stop < in.len && in.ptr[stop] != '=')
        digits += !memchr(" \r\n", in.ptr[stop++], 3);
    if (locust__base64_decode(&back, in)) { // the digits are those of what they stand for
        size_t k = 0;
        MUST(digits % 4 != 1 && back.len == digits * 6 / 8);
        locust__base64_encode(&text, bytes(&back));
        for (size_t i = 0; i < stop; i++)
            if (!memchr(" \r\n", in.ptr[i], 3)) {
                k++;
                MUST(text.ptr[k - 1] == in.ptr[i] || (k == digits && digits % 4));
            }
    } else {
        bool bad = digits % 4 == 1;
        for (size_t i = 0; i < stop; i++)
            bad = bad || !(isalnum((unsigned char)in.ptr[i]) || memchr("+/ \r\n", in.ptr[i], 5));
        MUST(bad);
    }
    locust__buf_free(&text);
    locust__buf_free(&back);
}

/* Takes the text up to `end` off the input: a string of exactly its size. */
static char *cut(const uint8_t **data, size_t *n, char end)
{
    const uint8_t *stop = *n ? memchr(*data, end, *n) : NULL;
    size_t len = stop ? (size_t)(stop - *data) : *n;
    char *text = locust__text_copy((const char *)*data, strnlen((const char *)*data, len));
    *data += len + (stop != NULL);
    *n -= len + (stop != NULL);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    unsigned what;
    char *text[4];
    if (!n)
        return 0;
    what = *data++ % 2; // '0' is 0
    n--;
    if (what == 1) {
        char *exact = memcpy(malloc(n + !n), data, n);
        check_base64((locust__view){exact, n});
        free(exact);
        return 0;
    }
    for (int i = 0; i < 4; i++)
        text[i] = cut(&data, &n, '\n');
    check_challenge(text[0], text[1], text[2], text[3]);
    check_quoted(text[0], text[2], text[3]);
    for (int i = 0; i < 4; i++)
        free(text[i]);
    return 0;
}
