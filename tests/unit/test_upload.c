// Bodies of requests in pieces: multipart (RFC 7578, HTML standard 4.10.21.8), files, functions,
// chunks (RFC 9112 7.1).
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

/* -- files -- */

static char dir[] = "/tmp/upload-XXXXXX";

/* The path of a file in a directory of this test's own; it lasts until the next but three. */
static const char *path_of(const char *name)
{
    static char paths[4][100];
    static int turn;
    char *path = paths[turn++ % 4];
    if (strstr(dir, "XXXXXX") && !mkdtemp(dir))
        abort();
    snprintf(path, sizeof *paths, "%s/%s", dir, name);
    return path;
}

static const char *make_file(const char *name, const char *bytes, size_t n, const char *mode)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, mode);
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        abort();
    return path;
}

static void remove_files(void)
{
    static const char *const names[] = {"a.txt", "empty", "b\"\r\n.bin", "large", "changes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    rmdir(dir);
    strcpy(dir, "/tmp/upload-XXXXXX");
}

/* -- what an upload gives -- */

typedef struct sent { // as it goes over the wire
    locust_error error;
    int64_t len; // what was announced
    locust__buf bytes;
} sent;

static sent send_all(const locust_request *req)
{
    locust__upload up;
    sent s = {LOCUST_OK, 0, {NULL, 0, 0, false}};
    bool more = true;
    s.error = locust__upload_open(&up, req, 0x0123456789abcdef);
    s.len = up.len;
    CHECK_INT(up.open, !s.error);
    while (!s.error && more) {
        locust__view piece;
        s.error = locust__upload_piece(&up, &piece, &more);
        if (!s.error)
            locust__buf_add(&s.bytes, piece.ptr, piece.len);
    }
    locust__upload_close(&up);
    CHECK(up.fd < 0 && !up.piece && !up.open);
    return s;
}

static void gives(const locust_request *req, const char *want)
{
    sent s = send_all(req);
    CHECK_INT(s.error, LOCUST_OK);
    CHECK_INT(s.len, s.bytes.len); // Content-Length is right
    locust__buf_add(&s.bytes, "", 1);
    CHECK_STR(s.bytes.ptr, want);
    locust__buf_free(&s.bytes);
    CHECK_INT(blocks_live, 0);
}

static void fails(const locust_request *req, locust_error error)
{
    sent s = send_all(req);
    CHECK_STR(locust__error_text(s.error), locust__error_text(error));
    locust__buf_free(&s.bytes);
    CHECK_INT(blocks_live, 0);
}

/* -- multipart -- */

#define B    "--locust-0123456789abcdef\r\n"
#define LAST "\r\n--locust-0123456789abcdef--\r\n"
#define FORM "Content-Disposition: form-data; "

static void forms(void)
{
    const char *a = make_file("a.txt", "hello", 5, "w"), *empty = make_file("empty", "", 0, "w"),
               *odd = make_file("b\"\r\n.bin", "\xff\r\n", 3, "w");
    const struct {
        const char *name;
        locust_part parts[4];
        const char *want;
    } rows[] = {
        {"a field", {{"n", "v", NULL, NULL}}, B FORM "name=\"n\"\r\n\r\nv" LAST},
        {"two fields", {{"n", "v", NULL, NULL}, {"m", "w", NULL, NULL}},
            B FORM "name=\"n\"\r\n\r\nv\r\n" B FORM "name=\"m\"\r\n\r\nw" LAST},
        {"an empty field", {{"n", "", NULL, NULL}}, B FORM "name=\"n\"\r\n\r\n" LAST},
        {"a field without a text", {{"n", NULL, NULL, NULL}}, B FORM "name=\"n\"\r\n\r\n" LAST},
        {"a field with a type", {{"n", "{}", NULL, "application/json"}},
            B FORM "name=\"n\"\r\nContent-Type: application/json\r\n\r\n{}" LAST},
        {"a name that has to be escaped", {{"a\"b\r\nc%22", "v", NULL, NULL}},
            B FORM "name=\"a%22b%0D%0Ac%22\"\r\n\r\nv" LAST},
        {"a name in UTF-8", {{"\xc3\xa4", "v", NULL, NULL}},
            B FORM "name=\"\xc3\xa4\"\r\n\r\nv" LAST},
        {"a text that looks like an end", {{"n", "\r\n--locust--\r\n", NULL, NULL}},
            B FORM "name=\"n\"\r\n\r\n\r\n--locust--\r\n" LAST},
        {"a file", {{"f", NULL, a, NULL}},
            B FORM
            "name=\"f\"; filename=\"a.txt\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            "hello" LAST},
        {"a file with a type", {{"f", NULL, a, "text/plain"}},
            B FORM "name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello" LAST},
        {"a file goes before a text", {{"f", "not this", a, "text/plain"}},
            B FORM "name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello" LAST},
        {"an empty file", {{"f", NULL, empty, "t/p"}},
            B FORM "name=\"f\"; filename=\"empty\"\r\nContent-Type: t/p\r\n\r\n" LAST},
        {"a file's name that has to be escaped", {{"f", NULL, odd, "t/p"}},
            B FORM
            "name=\"f\"; filename=\"b%22%0D%0A.bin\"\r\nContent-Type: t/p\r\n\r\n\xff\r\n" LAST},
        {"files and fields",
            {{"e", NULL, empty, "t/p"}, {"n", "v", NULL, NULL}, {"f", NULL, a, "t/p"}},
            B FORM "name=\"e\"; filename=\"empty\"\r\nContent-Type: t/p\r\n\r\n\r\n" B FORM
                   "name=\"n\"\r\n\r\nv\r\n" B FORM
                   "name=\"f\"; filename=\"a.txt\"\r\nContent-Type: t/p\r\n\r\nhello" LAST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        gives(&(locust_request){.parts = rows[i].parts}, rows[i].want);
    }
    CHECK_ROW("no part at all");
    gives(&(locust_request){.parts = &(locust_part){NULL, NULL, NULL, NULL}},
        "--locust-0123456789abcdef--\r\n");
    CHECK_ROW(NULL);
    remove_files();
}

static void forms_that_cannot_be_sent(void)
{
    locust_part parts[2] = {{"f", NULL, "/nonexistent", NULL}, {NULL, NULL, NULL, NULL}};
    fails(&(locust_request){.parts = parts}, LOCUST_ERR_HTTP_BODY_FILE);
    parts[0].path = "/tmp"; // a directory
    fails(&(locust_request){.parts = parts}, LOCUST_ERR_HTTP_BODY_FILE);
    parts[0].path = "/dev/null"; // of no size that could be announced
    fails(&(locust_request){.parts = parts}, LOCUST_ERR_HTTP_BODY_FILE);
    parts[0] = (locust_part){"n", "v", NULL, "text/plain\r\nX: y"};
    fails(&(locust_request){.parts = parts}, LOCUST_ERR_HTTP_REQUEST);
}

/* -- files -- */

static void files(void)
{
    size_t n = 3 * LOCUST__UPLOAD_BUFFER + 123;
    char *bytes = malloc(n);
    const char *path;
    sent s;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 31 + i / 256);
    path = make_file("large", bytes, n, "w");
    s = send_all(&(locust_request){.body_path = path});
    CHECK_INT(s.error, LOCUST_OK);
    CHECK_INT(s.len, n);
    CHECK(s.bytes.len == n && memcmp(s.bytes.ptr, bytes, n) == 0);
    locust__buf_free(&s.bytes);
    free(bytes);
    gives(&(locust_request){.body_path = make_file("empty", "", 0, "w")}, "");
    fails(&(locust_request){.body_path = "/nonexistent"}, LOCUST_ERR_HTTP_BODY_FILE);
    fails(&(locust_request){.body_path = "/tmp"}, LOCUST_ERR_HTTP_BODY_FILE);
    errno = EMFILE; // of some earlier call
    fails(&(locust_request){.body_path = "/tmp"}, LOCUST_ERR_HTTP_BODY_FILE);
    remove_files();
}

/* Takes a chunked body apart, RFC 9112 7.1. */
static void unchunk(locust__buf *body)
{
    size_t at = 0, to = 0, n = 1;
    while (n && at < body->len) {
        char *line;
        n = strtoul(body->ptr + at, &line, 16);
        at = (size_t)(line - body->ptr) + 2;
        memmove(body->ptr + to, body->ptr + at, n);
        at += n + 2;
        to += n;
    }
    CHECK(at == body->len); // the last chunk ends it
    body->len = to;
}

/* A file that does not say how long it is, whole and as a part. */
static void sends_unmeasured(const char *path)
{
    FILE *file = fopen(path, "rb");
    char content[8192], want[9000];
    size_t n = file ? fread(content, 1, sizeof content - 1, file) : 0;
    const locust_part parts[] = {
        {"f", NULL, path, "t/p"}, {"n", "v", NULL, NULL}, {NULL, NULL, NULL, NULL}};
    const locust_request requests[] = {{.body_path = path}, {.parts = parts}};
    if (file)
        fclose(file);
    content[n] = '\0';
    CHECK(n > 0);
    for (int i = 0; i < 2; i++) {
        sent s = send_all(&requests[i]);
        CHECK_ROW(i ? "a part" : "a body");
        CHECK_INT(s.error, LOCUST_OK);
        CHECK_INT(s.len, -1);
        if (i)
            snprintf(want, sizeof want,
                B FORM "name=\"f\"; filename=\"%s\"\r\nContent-Type: t/p\r\n\r\n%s\r\n" B FORM
                       "name=\"n\"\r\n\r\nv" LAST,
                strrchr(path, '/') + 1, content);
        else
            strcpy(want, content);
        unchunk(&s.bytes);
        CHECK(s.bytes.len == strlen(want) && memcmp(s.bytes.ptr, want, s.bytes.len) == 0);
        locust__buf_free(&s.bytes);
    }
    CHECK_ROW(NULL);
}

/* Files of /proc say that they have 0 bytes, those of /sys that they have a page. */
static void files_that_do_not_say_how_long(void)
{
    if (access("/proc/version", R_OK) != 0)
        SKIP("there is no /proc");
    sends_unmeasured("/proc/version");
    if (access("/sys/devices/system/cpu/online", R_OK) == 0)
        sends_unmeasured("/sys/devices/system/cpu/online");
    CHECK_INT(blocks_live, 0);
}

/* Nobody may ever write to them, and a request may be sent twice. */
static void pipes(void)
{
    const char *path = path_of("pipe");
    const locust_part parts[] = {{"f", NULL, path, NULL}, {NULL, NULL, NULL, NULL}};
    int ends[2];
    char of_pipe[32];
    CHECK_INT(mkfifo(path, 0600), 0);
    fails(&(locust_request){.body_path = path}, LOCUST_ERR_HTTP_BODY_PIPE);
    fails(&(locust_request){.parts = parts}, LOCUST_ERR_HTTP_BODY_PIPE);
    unlink(path);
    remove_files();
    if (pipe(ends) != 0)
        abort();
    snprintf(of_pipe, sizeof of_pipe, "/dev/fd/%d", ends[0]); // what <(command) of a shell is
    if (access(of_pipe, R_OK) == 0)
        fails(&(locust_request){.body_path = of_pipe}, LOCUST_ERR_HTTP_BODY_PIPE);
    close(ends[0]);
    close(ends[1]);
}

/* A file that another program writes to meanwhile: never more and never less than was announced. */
static void files_that_change(void)
{
    static const char *const names[] = {"a file", "a part"};
    for (int as_part = 0; as_part < 2; as_part++)
        for (int grows = 0; grows < 2; grows++) {
            const char *path = make_file("changes", "0123456789", 10, "w");
            locust_part parts[] = {{"f", NULL, path, NULL}, {NULL, NULL, NULL, NULL}};
            locust_request req = {0};
            locust__upload up;
            int64_t total = 0;
            bool more = true;
            locust_error error;
            CHECK_ROW(names[as_part]);
            if (as_part)
                req.parts = parts;
            else
                req.body_path = path;
            error = locust__upload_open(&up, &req, 1);
            CHECK_INT(error, LOCUST_OK);
            if (grows)
                make_file("changes", "more", 4, "a");
            else
                CHECK_INT(truncate(path, 5), 0);
            while (!error && more) {
                locust__view piece;
                error = locust__upload_piece(&up, &piece, &more);
                total += error ? 0 : (int64_t)piece.len;
            }
            CHECK(total <= up.len);
            CHECK(error == LOCUST_ERR_HTTP_BODY_FILE || (!error && total == up.len));
            locust__upload_close(&up);
        }
    CHECK_ROW(NULL);
    CHECK_INT(blocks_live, 0);
    remove_files();
}

/* -- functions -- */

typedef struct source {
    const char *text;
    size_t most;   // bytes a call
    ptrdiff_t end; // what it gives at its end
    size_t asked;  // the most that was asked for
} source;

static ptrdiff_t give(void *arg, void *out, size_t n)
{
    source *s = arg;
    size_t left = strlen(s->text), k = n < s->most ? n : s->most;
    s->asked = n > s->asked ? n : s->asked;
    k = k < left ? k : left;
    if (!k)
        return s->end;
    memcpy(out, s->text, k);
    s->text += k;
    return (ptrdiff_t)k;
}

static const struct {
    const char *name, *text;
    size_t most, len;
    ptrdiff_t end;
    locust_error error;
    const char *want;
} functions[] = {
    {"chunks of 3", "hello", 3, 0, 0, LOCUST_OK, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"},
    {"a chunk of 26", "abcdefghijklmnopqrstuvwxyz", 99, 0, 0, LOCUST_OK,
        "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n"},
    {"no chunk", "", 3, 0, 0, LOCUST_OK, "0\r\n\r\n"},
    {"a length", "hello", 3, 5, 0, LOCUST_OK, "hello"},
    {"a length, and more", "hello, world", 3, 5, 0, LOCUST_OK, "hello"},
    {"a length, and less", "hell", 3, 5, 0, LOCUST_ERR_HTTP_BODY_FN, NULL},
    {"gives up", "hel", 3, 0, -1, LOCUST_ERR_HTTP_BODY_FN, NULL},
    {"gives up within its length", "hel", 3, 5, -1, LOCUST_ERR_HTTP_BODY_FN, NULL},
    {"says more than it was asked for", "", 3, 0, 1 << 20, LOCUST_ERR_HTTP_BODY_FN, NULL},
};

static void functions_give(void)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        source from = {functions[i].text, functions[i].most, functions[i].end, 0};
        locust_request req = {.body_fn = give, .arg = &from, .body_len = functions[i].len};
        sent s = send_all(&req);
        CHECK_ROW(functions[i].name);
        CHECK_INT(s.error, functions[i].error);
        CHECK_INT(s.len, functions[i].len ? (int64_t)functions[i].len : -1);
        CHECK(from.asked <= LOCUST__UPLOAD_BUFFER);
        CHECK(!functions[i].len || from.asked <= functions[i].len);
        locust__buf_add(&s.bytes, "", 1);
        if (functions[i].want)
            CHECK_STR(s.bytes.ptr, functions[i].want);
        locust__buf_free(&s.bytes);
    }
    CHECK_ROW(NULL);
    CHECK_INT(blocks_live, 0);
}

/* A chunk may fill the buffer with its size and its line ends. */
static void the_largest_chunk(void)
{
    static char text[2 * LOCUST__UPLOAD_BUFFER];
    source from = {text, sizeof text, 0, 0};
    locust_request req = {.body_fn = give, .arg = &from};
    sent s;
    size_t at = 0, total = 0, size;
    memset(text, 'x', sizeof text - 1);
    s = send_all(&req);
    CHECK_INT(s.error, LOCUST_OK);
    locust__buf_add(&s.bytes, "", 1);
    while ((size = strtoul(s.bytes.ptr + at, NULL, 16)) != 0) {
        at += strcspn(s.bytes.ptr + at, "\r") + 2;
        CHECK_INT(strspn(s.bytes.ptr + at, "x"), size);
        at += size;
        CHECK(memcmp(s.bytes.ptr + at, "\r\n", 2) == 0);
        at += 2;
        total += size;
    }
    CHECK_STR(s.bytes.ptr + at, "0\r\n\r\n");
    CHECK_INT(total, sizeof text - 1);
    locust__buf_free(&s.bytes);
}

static void wanted(void)
{
    static const locust_part part = {NULL, NULL, NULL, NULL};
    CHECK(!locust__upload_wanted(&(locust_request){.body = "x", .body_len = 1}));
    CHECK(locust__upload_wanted(&(locust_request){.parts = &part}));
    CHECK(locust__upload_wanted(&(locust_request){.body_path = "/x"}));
    CHECK(locust__upload_wanted(&(locust_request){.body_fn = give}));
}

static void without_memory(void)
{
    const char *path = make_file("a.txt", "hello", 5, "w");
    locust_part parts[] = {
        {"n", "v", NULL, NULL}, {"f", NULL, path, NULL}, {NULL, NULL, NULL, NULL}};
    locust_request forms_and_files[] = {{.parts = parts}, {.body_path = path}};
    for (int i = 0; i < 2; i++)
        for (int fail = 0; fail < 3 - i; fail++) {
            locust__upload up;
            locust_error error;
            blocks_fail_in = fail;
            error = locust__upload_open(&up, &forms_and_files[i], 1);
            if (blocks_fail_in == -1) { // it came to that
                CHECK_INT(error, LOCUST_ERR_MEMORY);
                CHECK(!up.open);
            }
            blocks_fail_in = -1;
            locust__upload_close(&up);
            CHECK_INT(blocks_live, 0);
        }
    remove_files();
}

TESTS({"forms", forms}, {"forms that cannot be sent", forms_that_cannot_be_sent}, {"files", files},
    {"files that do not say how long", files_that_do_not_say_how_long}, {"pipes", pipes},
    {"files that change", files_that_change}, {"functions give", functions_give},
    {"the largest chunk", the_largest_chunk}, {"wanted", wanted},
    {"without memory", without_memory}, )
