// The head of a request, as a server sees it. RFC 9110, RFC 9112.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

static void task_methods(locust_user *u)
{
    locust_response *r = locust_get(u, "/a?b=c");
    CHECK(strncmp(r->body, "GET /a?b=c HTTP/1.1\r\n", 21) == 0);
    CHECK(count_of(r->body, "\r\nContent-Length") == 0);
    CHECK(count_of(r->body, "\r\nTransfer-Encoding") == 0);
    CHECK_INT(count_of(r->body, "\r\nHost: "), 1);
    r = locust_head(u, "/h");
    CHECK_STR(locust_header(r, "x-line"), "HEAD /h HTTP/1.1");
    CHECK_INT(r->body_len, 0);
    r = locust_options_request(u, "/o");
    CHECK(strncmp(r->body, "OPTIONS /o HTTP/1.1\r\n", 21) == 0);
    r = locust_delete(u, "/d");
    CHECK(strncmp(r->body, "DELETE /d HTTP/1.1\r\n", 20) == 0);
    r = locust_put(u, "/p", .body = "abc", .body_len = 3);
    CHECK(strncmp(r->body, "PUT /p HTTP/1.1\r\n", 17) == 0);
    CHECK(has_line(r, "Content-Length: 3"));
    CHECK(strstr(r->body, "\r\n\r\nabc") != NULL);
    r = locust_patch(u, "/p", .body = "abc", .body_len = 2);
    CHECK(strncmp(r->body, "PATCH /p HTTP/1.1\r\n", 19) == 0);
    CHECK(has_line(r, "Content-Length: 2"));
    r = locust_send(u, &(locust_request){.method = "X-any!", .url = "/x"});
    CHECK(strncmp(r->body, "X-any! /x HTTP/1.1\r\n", 20) == 0);
    r = locust_send(u, &(locust_request){.url = "/x"});
    CHECK(strncmp(r->body, "GET /x HTTP/1.1\r\n", 17) == 0);
}

static void methods(void)
{
    run_on(reflecting, reflecting, task_methods);
    CHECK_INT(result.failures, 0);
    CHECK_INT(result.requests, 8);
    CHECK_STR(samples[6].method, "X-any!");
    CHECK_STR(samples[7].method, "GET");
}

static void task_bodies(locust_user *u)
{
    static const char binary[] = {'a', '\0', '\r', '\n', '\xff'};
    locust_response *r = locust_post(u, "/");
    CHECK(has_line(r, "Content-Length: 0")); // RFC 9110 8.6
    CHECK(count_of(r->body, "\r\nContent-Type") == 0);
    r = locust_put(u, "/");
    CHECK(has_line(r, "Content-Length: 0"));
    r = locust_post(u, "/", .form = "a=b&c=d%20e");
    CHECK(has_line(r, "Content-Type: application/x-www-form-urlencoded"));
    CHECK(has_line(r, "Content-Length: 11"));
    CHECK(strstr(r->body, "\r\n\r\na=b&c=d%20e") != NULL);
    r = locust_post(u, "/", .json = "{\"a\": 1}");
    CHECK(has_line(r, "Content-Type: application/json"));
    CHECK(has_line(r, "Content-Length: 8"));
    CHECK(strstr(r->body, "\r\n\r\n{\"a\": 1}") != NULL);
    r = locust_post(u, "/", .body = binary, .body_len = sizeof binary);
    CHECK(has_line(r, "Content-Length: 5"));
    CHECK(count_of(r->body, "\r\nContent-Type") == 0);
    CHECK(memcmp(r->body + r->body_len - 5, binary, 5) == 0);
    r = locust_post(u, "/", .json = "{}", .headers = LOCUST_HEADERS({"content-type", "text/x"}));
    CHECK_INT(count_of(r->body, "\r\nContent-Type:"), 1);
    CHECK(has_line(r, "content-type: text/x"));
    r = locust_get(u, "/", .body = "x", .body_len = 1); // a body with any method
    CHECK(has_line(r, "Content-Length: 1"));
    r = locust_post(u, "/", .form = "");
    CHECK(has_line(r, "Content-Length: 0"));
    CHECK(has_line(r, "Content-Type: application/x-www-form-urlencoded"));
}

static void bodies(void)
{
    run_on(reflecting, reflecting, task_bodies);
    CHECK_INT(result.failures, 0);
}

static const locust_pair class_headers[] = {
    {"X-Class", "class"}, {"X-Both", "class"}, {"User-Agent", "tester"}, {NULL, NULL}};

static void task_headers(locust_user *u)
{
    locust_response *r = locust_get(u, "/");
    CHECK(has_line(r, "X-Class: class"));
    CHECK(has_line(r, "X-Both: class"));
    CHECK(has_line(r, "User-Agent: tester"));
    CHECK_INT(count_of(r->body, "\r\nUser-Agent:"), 1);
    r = locust_get(u, "/", .headers = LOCUST_HEADERS({"x-both", "own"}, {"Accept", "text/html"}));
    CHECK(has_line(r, "X-Class: class"));
    CHECK(has_line(r, "x-both: own"));
    CHECK_INT(count_of(r->body, "\r\nX-Both:"), 1);
    CHECK_INT(count_of(r->body, "\r\nAccept:"), 1);
    CHECK(has_line(r, "Accept: text/html"));
    r = locust_get(u, "/", .headers = LOCUST_HEADERS({"Host", "other.test"}));
    CHECK(has_line(r, "Host: other.test"));
    CHECK_INT(count_of(r->body, "\r\nHost:"), 1);
    r = locust_get(
        u, "/", .headers = LOCUST_HEADERS({"Empty", ""}, {"Tab", "a\tb"}, {"U", "\xc3\xa4"}));
    CHECK_STR(r->error, NULL);
    CHECK(has_line(r, "Empty: ") || has_line(r, "Empty:"));
    CHECK(has_line(r, "Tab: a\tb"));
    CHECK(has_line(r, "U: \xc3\xa4"));
    r = locust_get(u, "/"); // the class's are back
    CHECK(has_line(r, "X-Both: class"));
}

static void headers(void)
{
    server s = server_start(1, reflecting);
    now.s = &s;
    run_with(task_headers, (setting){.host = s.url, .headers = class_headers});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

static void task_injection(locust_user *u)
{
    static const struct {
        const char *row, *method;
        locust_pair field;
    } rows[] = {
        {"CR LF in a value", "GET", {"X", "a\r\nEvil: 1"}},
        {"LF in a value", "GET", {"X", "a\nEvil: 1"}},
        {"CR in a value", "GET", {"X", "a\rEvil: 1"}},
        {"line end at the end of a value", "GET", {"X", "a\r\n"}},
        {"control character in a value", "GET", {"X", "a\x01"}},
        {"CR LF in a name", "GET", {"X: a\r\nEvil", "1"}},
        {"colon in a name", "GET", {"X:", "1"}},
        {"space in a name", "GET", {"X ", "1"}},
        {"empty name", "GET", {"", "1"}},
        {"CR LF in the method", "GET / HTTP/1.1\r\nEvil: 1\r\nX:", {"A", "b"}},
        {"space in the method", "GET /evil", {"A", "b"}},
        {"empty method", "", {"A", "b"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_response *r;
        CHECK_ROW(rows[i].row);
        r = locust_send(
            u, &(locust_request){.method = rows[i].method,
                   .url = "/",
                   .headers = LOCUST_HEADERS({rows[i].field.name, rows[i].field.value})});
        CHECK_INT(r->code, LOCUST_ERR_HTTP_REQUEST);
        CHECK_STR(r->error, locust_error_text(LOCUST_ERR_HTTP_REQUEST));
        CHECK_INT(r->status, 0);
    }
    CHECK_ROW("nothing of it was sent");
    CHECK_INT(now.s->seen->requests, 0);
    CHECK_ROW("the user goes on");
    CHECK_INT(locust_get(u, "/")->status, 200);
    CHECK_ROW(NULL);
}

static void injection(void)
{
    run_on(reflecting, reflecting, task_injection);
    CHECK_INT(result.requests, 13);
    CHECK_INT(result.failures, 12);
}

/* -- what frames a message is the kit's to write, whatever a test says in whatever way -- */

static ptrdiff_t five_bytes(void *arg, void *out, size_t n)
{
    size_t *given = arg;
    size_t some = *given ? 0 : n < 5 ? n : 5;
    memset(out, 'a', some);
    *given += some;
    return (ptrdiff_t)some;
}

static const locust_part a_part[] = {{"a", "b", NULL, NULL}, {NULL, NULL, NULL, NULL}};
static const locust_pair a_field[] = {{"a", "b"}, {NULL, NULL}};
static size_t fn_given;

#define HELLO     .body = "hello", .body_len = 5
#define FIVE(len) .body_fn = five_bytes, .arg = &fn_given, .body_len = (len)
#define SIZED(n)  "\r\nContent-Length: " n "\r\n"
#define IN_CHUNKS "\r\nTransfer-Encoding: chunked\r\n"

static const struct framed {
    const char *name;
    locust_request request;
    locust_pair fields[3]; // by hand
    const char *frame;     // the one line that frames it; NULL: none does
    int replaced;
} framed[] = {
    {"as it is", {.method = "POST", HELLO}, {{"Content-Length", "5"}}, SIZED("5"), 0},
    {"shorter", {.method = "POST", HELLO}, {{"Content-Length", "3"}}, SIZED("5"), 1},
    {"longer", {.method = "POST", HELLO}, {{"Content-Length", "9"}}, SIZED("5"), 1},
    {"in lower case", {.method = "POST", HELLO}, {{"content-length", "5"}}, SIZED("5"), 0},
    {"in lower case, wrong", {.method = "POST", HELLO}, {{"content-length", "4"}}, SIZED("5"), 1},
    {"blanks around it", {.method = "POST", HELLO}, {{"Content-Length", " 5\t"}}, SIZED("5"), 0},
    {"twice", {.method = "POST", HELLO}, {{"Content-Length", "5"}, {"CONTENT-LENGTH", "5"}},
        SIZED("5"), 0},
    {"twice, once wrong", {.method = "POST", HELLO},
        {{"Content-Length", "5"}, {"CONTENT-LENGTH", "6"}}, SIZED("5"), 1},
    {"a list", {.method = "POST", HELLO}, {{"Content-Length", "5, 5"}}, SIZED("5"), 1},
    {"empty", {.method = "POST", HELLO}, {{"Content-Length", ""}}, SIZED("5"), 1},
    {"no value", {.method = "POST", HELLO}, {{"Content-Length", NULL}}, SIZED("5"), 1},
    {"a word", {.method = "POST", HELLO}, {{"Content-Length", "five"}}, SIZED("5"), 1},
    {"negative", {.method = "POST", HELLO}, {{"Content-Length", "-5"}}, SIZED("5"), 1},
    {"2^64 + 5", {.method = "POST", HELLO}, {{"Content-Length", "18446744073709551621"}},
        SIZED("5"), 1},
    {"chunks by hand", {.method = "POST", HELLO}, {{"Transfer-Encoding", "chunked"}}, SIZED("5"),
        1},
    {"gzip by hand", {.method = "POST", HELLO}, {{"Transfer-Encoding", "gzip"}}, SIZED("5"), 1},
    {"both", {.method = "POST", HELLO}, {{"Content-Length", "5"}, {"transfer-encoding", "chunked"}},
        SIZED("5"), 1},
    {"none is needed", {.method = "GET"}, {{"Content-Length", "0"}}, SIZED("0"), 0},
    {"of no body", {.method = "GET"}, {{"Content-Length", "3"}}, SIZED("0"), 1},
    {"chunks of no body", {.method = "GET"}, {{"Transfer-Encoding", "chunked"}}, NULL, 1},
    {"of a GET with a body", {.method = "GET", HELLO}, {{"Content-Length", "3"}}, SIZED("5"), 1},
    {"of a POST without one", {.method = "POST"}, {{"Content-Length", "3"}}, SIZED("0"), 1},
    {"of a DELETE", {.method = "DELETE"}, {{"Content-Length", "0"}}, SIZED("0"), 0},
    {"of a form", {.method = "POST", .form = "a=b"}, {{"Content-Length", "5"}}, SIZED("3"), 1},
    {"of form fields", {.method = "POST", .form_fields = a_field}, {{"Content-Length", "5"}},
        SIZED("3"), 1},
    {"of JSON", {.method = "POST", .json = "{}"}, {{"Content-Length", "2"}}, SIZED("2"), 0},
    {"of JSON, wrong", {.method = "PUT", .json = "{}"}, {{"Content-Length", "20"}}, SIZED("2"), 1},
    {"of a file", {.method = "POST", .body_path = "/dev/null/none"}, {{NULL, NULL}}, NULL, -1},
    {"of a function", {.method = "POST", FIVE(5)}, {{"Content-Length", "5"}}, SIZED("5"), 0},
    {"of a function, wrong", {.method = "POST", FIVE(5)}, {{"Content-Length", "4"}}, SIZED("5"), 1},
    {"chunks of a function that has a length", {.method = "POST", FIVE(5)},
        {{"Transfer-Encoding", "chunked"}}, SIZED("5"), 1},
    {"of a function without a length", {.method = "POST", FIVE(0)}, {{"Content-Length", "5"}},
        IN_CHUNKS, 1},
    {"chunks of a function without a length", {.method = "POST", FIVE(0)},
        {{"transfer-encoding", "Chunked"}}, IN_CHUNKS, 0},
    {"other codings of such a function", {.method = "POST", FIVE(0)},
        {{"Transfer-Encoding", "gzip, chunked"}}, IN_CHUNKS, 1},
    {"a name like it", {.method = "POST", HELLO}, {{"X-Content-Len", "3"}}, SIZED("5"), 0},
};
static const struct framed *framed_row;
static bool by_class, by_user;

static void task_framed(locust_user *u)
{
    locust_request request = framed_row->request;
    client_user *user = (client_user *)(void *)u;
    char want[100];
    locust_response *r;
    fn_given = 0;
    request.url = "/framed";
    if (by_user && framed_row->fields[0].name)
        CHECK(locust__session_set_field(&user->session, framed_row->fields[0].name,
            framed_row->fields[0].value ? framed_row->fields[0].value : ""));
    else if (!by_class)
        request.headers = framed_row->fields;
    r = locust_send(u, &request);
    if (framed_row->replaced < 0) {
        CHECK_INT(r->code, LOCUST_ERR_HTTP_BODY_FILE);
        return;
    }
    CHECK_STR(r->error, NULL);
    CHECK_INT(u->env->services.counts.reframed, framed_row->replaced);
    snprintf(want, sizeof want, "%s", framed_row->frame ? framed_row->frame : "\r\nHost: ");
    CHECK(strstr(r->body, want) != NULL);
    CHECK_INT(
        count_of(r->body, "\r\nContent-Length:") + count_of(r->body, "\r\nTransfer-Encoding:"),
        framed_row->frame != NULL);
    if (request.body_fn && !request.body_len)
        return; // the server has not read its chunks
    by_user = false;
    r = locust_get(u, "/after", .headers = LOCUST_HEADERS({"Content-Length", "0"}));
    CHECK(strncmp(r->body, "GET /after HTTP/1.1\r\n", 21) == 0); // it is where it should be
    CHECK_INT(r->reused, true);
}

static void framing(void)
{
    static const step whole[] = {READ, REFLECT, LOOP};
    for (size_t i = 0; i < sizeof framed / sizeof *framed; i++) {
        framed_row = &framed[i];
        for (int by = 0; by < 3; by++) { // request, class, user
            server s = server_start(1, whole);
            CHECK_ROW(framed_row->name);
            by_class = by == 1;
            by_user = by == 2 && !framed_row->fields[1].name; // who has one field of a name
            run_with(task_framed,
                (setting){.host = s.url, .headers = by_class ? framed_row->fields : NULL});
            CHECK_INT(result.failures, framed_row->replaced < 0);
            server_stop(&s);
        }
    }
}

/* What is written once, or not, for other reasons. */
static void task_once(locust_user *u)
{
    const char *at;
    locust_response *r = locust_get(
        u, "/", .headers = LOCUST_HEADERS({"Host", "a.test"}, {"host", "b.test"}, {"X", "y"}));
    CHECK(has_line(r, "Host: a.test"));
    CHECK_INT(count_of(r->body, "\r\nhost:"), 1); // the first counts, as in curl
    CHECK(has_line(r, "X: y"));
    r = locust_get(u, "/", .headers = LOCUST_HEADERS({"Expect", "100-continue"}));
    CHECK_INT(count_of(r->body, "\r\nExpect:"), 0); // RFC 9110 10.1.1: only with a body
    r = locust_post(u, "/", .body = "abc", .body_len = 3,
        .headers = LOCUST_HEADERS({"Expect", "something else"}));
    CHECK(has_line(r, "Expect: something else"));
    CHECK_INT(count_of(r->body, "\r\nExpect:"), 1);
    r = locust_post(u, "/", .parts = a_part,
        .headers = LOCUST_HEADERS({"content-type", "multipart/mixed; boundary=of-another"}));
    CHECK_INT(count_of(r->body, "\r\nContent-Type: multipart/"), 1);
    at = strstr(r->body, "\r\nContent-Type: multipart/mixed; boundary=");
    if (CHECK(at != NULL)) { // and that is the one in the body
        char boundary[64];
        CHECK_INT(sscanf(at, "%*[^=]=%60[^\r]", boundary), 1);
        CHECK_INT(count_of(r->body, boundary), 3);
    }
    CHECK_INT(count_of(r->body, "of-another"), 0);
    r = locust_post(
        u, "/", .parts = a_part, .headers = LOCUST_HEADERS({"Content-Type", "a\r\nb: c"}));
    CHECK_INT(r->code, LOCUST_ERR_HTTP_REQUEST);
}

static void once(void)
{
    run_on(reflecting, reflecting, task_once);
    CHECK_INT(result.failures, 1);
}

/* Expect by hand is .expect_continue, as in curl and Go. */
static void task_expect(locust_user *u)
{
    locust_response *r;
    fn_given = 0;
    r = locust_post(u, "/", .body_fn = five_bytes, .arg = &fn_given, .expect_continue = true,
        .headers = LOCUST_HEADERS({"expect", "100-Continue"}, {"Connection", "close"}));
    CHECK_STR(r->error, NULL);
    CHECK_INT(count_of(r->body, "\r\nExpect: 100-continue\r\n"), 1);
    CHECK_INT(count_of(r->body, "\r\nExpect:"), 1);
    r = locust_post(u, "/", .body_fn = five_bytes, .arg = &fn_given,
        .headers = LOCUST_HEADERS({"expect", "100-Continue"}));
    CHECK_INT(r->status, 417);
    CHECK_INT(fn_given, 5); // nothing was sent of the second body
}

static void expect_by_hand(void)
{
    static const step says[] = {READ, SEND("HTTP/1.1 100 Continue\r\n\r\n"), REFLECT, CLOSE};
    static const step refuses[] = {
        READ, SEND("HTTP/1.1 417 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), HOLD};
    fn_given = 0;
    run_on(says, refuses, task_expect);
    CHECK_INT(result.counts.continues, 0);
}

/* Who ends the connection says so. */
static void task_connection(locust_user *u)
{
    locust_response *r = locust_get(u, "/",
        .headers = LOCUST_HEADERS({"Connection", "keep-alive"}, {"connection", "a, Close"}));
    CHECK_INT(count_of(r->body, "\r\nConnection:"), 2);
    r = locust_get(u, "/");
    CHECK_INT(r->reused, false);
    CHECK_INT(count_of(r->body, "\r\nConnection:"), 0);
    CHECK_INT(locust_get(u, "/")->reused, true);
}

static void task_no_keep_alive(locust_user *u)
{
    locust_response *r =
        locust_get(u, "/", .headers = LOCUST_HEADERS({"Connection", "keep-alive"}));
    CHECK_INT(count_of(r->body, "keep-alive"), 0);
    CHECK(has_line(r, "Connection: close"));
    r = locust_get(u, "/", .headers = LOCUST_HEADERS({"Connection", "close"}));
    CHECK_INT(r->reused, false);
    CHECK_INT(count_of(r->body, "\r\nConnection:"), 1);
    r = locust_get(u, "/", .headers = LOCUST_HEADERS({"Connection", "TE"}, {"TE", "trailers"}));
    CHECK(has_line(r, "Connection: TE") && has_line(r, "Connection: close"));
    CHECK_INT(r->reused, false);
}

static void set_no_keep_alive(locust_env *env)
{
    env->cls.no_keep_alive = true;
}

static void connection_by_hand(void)
{
    server s = server_start(1, reflecting);
    run_with(task_connection, (setting){.host = s.url});
    CHECK_INT(s.seen->accepted, 2);
    run_with(task_no_keep_alive, (setting){.host = s.url, .begin = set_no_keep_alive});
    CHECK_INT(s.seen->accepted, 5);
    server_stop(&s);
}

/* Request targets and rows, on a host with a path of its own. */
static void task_targets(locust_user *u)
{
    static const struct {
        const char *url, *line;
    } rows[] = {
        {"/", "GET /base/ HTTP/1.1"},
        {"/a b", "GET /base/a%20b HTTP/1.1"},
        {"/a#frag", "GET /base/a HTTP/1.1"},
        {"/a?b#c", "GET /base/a?b HTTP/1.1"},
        {"?q=1", "GET /base?q=1 HTTP/1.1"},
        {"/a\r\nEvil: 1", "GET /base/a%0D%0AEvil:%201 HTTP/1.1"},
        {"/\xc3\xa4?x=\"<>", "GET /base/%C3%A4?x=%22%3C%3E HTTP/1.1"},
        {"/%41%2f", "GET /base/%41%2f HTTP/1.1"},
        {"/?u=http://x.test/", "GET /base/?u=http://x.test/ HTTP/1.1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_response *r = locust_get(u, rows[i].url);
        char name[200];
        CHECK_ROW(rows[i].url);
        CHECK_STR(locust_header(r, "X-Line"), rows[i].line);
        snprintf(name, sizeof name, "%.*s", (int)(strlen(rows[i].line) - strlen("GET  HTTP/1.1")),
            rows[i].line + 4);
        CHECK_STR(samples[n_samples - 1].name, name); // the row: path and query as sent
        CHECK(strncmp(r->url, now.s->url, strlen(now.s->url)) == 0);
        CHECK_STR(r->url + strlen(now.s->url), name);
        CHECK(count_of(r->body, "\r\nEvil") == 0);
    }
    CHECK_ROW(NULL);
    locust_get(u, "/x?id=7", .name = "/x?id=[id]");
    CHECK_STR(samples[n_samples - 1].name, "/x?id=[id]");
}

static void targets(void)
{
    server s = server_start(1, reflecting);
    char host[200];
    snprintf(host, sizeof host, "%s/base", s.url);
    now.s = &s;
    run_with(task_targets, (setting){.host = host});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

static void task_root(locust_user *u)
{
    CHECK_STR(locust_header(locust_get(u, "/x"), "X-Line"), "GET /x HTTP/1.1");
    CHECK_STR(locust_header(locust_get(u, ""), "X-Line"), "GET / HTTP/1.1");
    CHECK_STR(locust_header(locust_get(u, "?q"), "X-Line"), "GET /?q HTTP/1.1");
}

/* A slash at the end of the host is not doubled. */
static void host_with_a_slash(void)
{
    server s = server_start(1, reflecting);
    char host[200];
    snprintf(host, sizeof host, "%s/", s.url);
    now.s = &s;
    run_with(task_root, (setting){.host = host});
    CHECK_INT(result.failures, 0);
    run_with(task_root, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

static void task_header_size(locust_user *u)
{
    static char value[70001];
    memset(value, 'v', 70000);
    CHECK_INT(locust_get(u, "/", .headers = LOCUST_HEADERS({"X", value}))->code,
        LOCUST_ERR_HTTP_REQUEST_SIZE);
    value[LOCUST_BUFFER_SIZE / 3] = '\0';
    CHECK_INT(locust_get(u, "/", .headers = LOCUST_HEADERS({"X", value}))->status, 200);
}

static void large_request_headers(void)
{
    run_on(answering, answering, task_header_size);
    CHECK_INT(result.failures, 1);
}

/* A request made of the answer before it: both promise to live that long. */
static void task_from_last_answer(locust_user *u)
{
    static const char path[] =
        "/a/much/longer/path/than/the/first/one/so/that/it/would/overwrite/it";
    locust_response *r = locust_get(u, "/");
    CHECK_STR(locust_header(r, "etag"), "\"the-tag-of-the-answer\"");
    r = locust_post(u, path, .body = r->body, .body_len = r->body_len,
        .headers = LOCUST_HEADERS({"If-None-Match", locust_header(r, "etag")}));
    CHECK_STR(r->error, NULL);
    CHECK(strstr(r->body, "If-None-Match: \"the-tag-of-the-answer\"\r\n") != NULL);
    CHECK(strstr(r->body, "\r\n\r\nthe body of the answer") != NULL);
    CHECK(strstr(r->body, path) != NULL);
}

static void from_last_answer(void)
{
    static const step steps[] = {READ,
        SEND("HTTP/1.1 200 OK\r\nETag: \"the-tag-of-the-answer\"\r\nContent-Length: 22\r\n\r\n"
             "the body of the answer"),
        READ, REFLECT, LOOP};
    run_on(steps, steps, task_from_last_answer);
    CHECK_INT(result.failures, 0);
}

TESTS({"methods", methods}, {"bodies", bodies}, {"headers", headers}, {"injection", injection},
    {"framing", framing}, {"once", once}, {"Expect by hand", expect_by_hand},
    {"Connection by hand", connection_by_hand}, {"targets", targets},
    {"host with a slash", host_with_a_slash}, {"large request headers", large_request_headers},
    {"from the last answer", from_last_answer}, )
