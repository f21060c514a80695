// Messages of PostgreSQL, the sentences of its errors, its URLs: what the manual says, and libpq.
#include "blocks.h"
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"

#define BYTES(text)           \
    {                         \
        text, sizeof text - 1 \
    }
#define VIEW(text) ((locust__view)BYTES(text))

/* -- messages -- */

static void frames(void)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        int64_t want; // the length of the message
        size_t body;  // bytes of its body that are there
    } rows[] = {
        {"nothing", "", 0, 0, 0},
        {"a type", "Z", 1, 0, 0},
        {"half a length", "Z\0\0", 3, 0, 0},
        {"a head", "Z\0\0\0\5", 5, 6, 0},
        {"whole", "Z\0\0\0\5I", 6, 6, 1},
        {"and more", "Z\0\0\0\5IC", 7, 6, 1},
        {"without a body", "1\0\0\0\4", 5, 5, 0},
        {"length 3", "1\0\0\0\3", 5, -1, 0},
        {"length 0", "1\0\0\0\0", 5, -1, 0},
        {"the longest", "D\x7f\xff\xff\xff", 5, 0x80000000LL, 0},
        {"a negative length", "D\x80\0\0\0", 5, -1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__view body = {NULL, 0};
        char *bytes = malloc(rows[i].n + 1); // ASan knows its end
        CHECK_ROW(rows[i].name);
        bytes = realloc(memcpy(bytes, rows[i].bytes, rows[i].n), rows[i].n ? rows[i].n : 1);
        CHECK_INT(locust__pg_frame(bytes, rows[i].n, &body), rows[i].want);
        CHECK_INT(body.len, rows[i].body);
        free(bytes);
    }
}

static void writing(void)
{
    static const char want[] = "Q\0\0\0\rselect 1\0P\0\0\0\7a\0\0S\0\0\0\4\0\0\0\10\4\xd2\x16\x2f";
    locust__buf out = {NULL, 0, 0, false};
    locust__bytes_writer w = locust__pg_put_to(&out);
    size_t at;
    locust__pg_put_message(&w, 'Q', "select 1", NULL);
    locust__pg_put_message(&w, 'P', "a", "");
    locust__pg_put_message(&w, 'S', NULL, NULL);
    at = locust__pg_put_begin(&w, '\0');
    locust__bytes_put_u32(&w, LOCUST__PG_CODE_SSL);
    locust__pg_put_end(&w, at);
    CHECK_INT(out.len, sizeof want - 1);
    CHECK(memcmp(out.ptr, want, out.len) == 0);
    locust__buf_free(&out);
}

static void sentences(void)
{
    static const struct {
        locust__view body;
        const char *want; // NULL: it is malformed
        bool fatal;
    } rows[] = {
        {BYTES("SERROR\0VERROR\0C42P01\0Mrelation \"a\" does not exist\0P15\0\0"),
            "42P01: relation ... does not exist", false},
        {BYTES("SFEHLER\0VFATAL\0C28P01\0Mno \"x\"\0\0"), "28P01: no ...",
            true},                                                 // V is not translated
        {BYTES("SFATAL\0C57P01\0Mgone\0\0"), "57P01: gone", true}, // before 9.6
        {BYTES("C00000\0Mtable does not exist [table=nosuch]\0SERROR\0P14\0\0"),
            "00000: table does not exist [table=nosuch]", false}, // as QuestDB has it
        {BYTES("Mno code\0\0"), "no code", false},
        {BYTES("C12345678\0Mlong code\0\0"), "12345: long code", false},
        {BYTES("C22003\0Mvalue \"99\" is out of range for int4\0\0"),
            "22003: value ... is out of range for int4", false},
        {BYTES("C42883\0Mfunction a1(int4) needs 2, 33 or 4a\0\0"),
            "42883: function a1(int4) needs ..., ... or 4a", false},
        {BYTES("CXX000\0Mone \"quote\0\0"), "XX000: one \"quote", false},
        {BYTES("CXX000\0Mfirst\nsecond\0\0"), "XX000: first", false},
        {BYTES("CXX000\0M\n first\0\0"), "XX000: first", false},
        {BYTES("\0"), "the server refused, and does not say why", false},
        {BYTES("CXX000\0\0"), "XX000: the server refused, and does not say why", false},
        {BYTES(""), NULL, false},
        {BYTES("Mno end"), NULL, false},
        {BYTES("Mno end\0"), NULL, false},
        {BYTES("Mmore\0\0x"), NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__pg_report e;
        char got[LOCUST__PG_SENTENCE];
        CHECK_ROW(rows[i].want ? rows[i].want : rows[i].body.ptr);
        if (!CHECK_INT(locust__pg_report_read(rows[i].body, &e), rows[i].want != NULL) ||
            !rows[i].want)
            continue;
        locust__pg_report_sentence(&e, got);
        CHECK_STR(got, rows[i].want);
        CHECK_INT(locust__pg_report_is_fatal(&e), rows[i].fatal);
    }
}

static void long_sentence(void)
{
    char message[1000], got[LOCUST__PG_SENTENCE];
    locust__pg_report e = {"ERROR", "XX000", message, "", ""};
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    locust__pg_report_sentence(&e, got);
    CHECK_INT(strlen(got), LOCUST__PG_SENTENCE - 4);
    for (size_t i = 0; i + 2 < sizeof message; i += 3)
        memcpy(message + i, "\" \"", 3);
    locust__pg_report_sentence(&e, got);
    CHECK(strlen(got) < LOCUST__PG_SENTENCE);
}

/* -- URLs -- */

static locust__services sv;

static void urls(void)
{
    static const struct {
        const char *url;
        const char *user, *password, *host, *database;
        int port;
        const char *socket, *fault; // fault: a part of the sentence
    } rows[] = {
        {"postgresql://me:pw@db.test:6432/shop", "me", "pw", "db.test", "shop", 6432, NULL, NULL},
        {"postgres://me@db.test/shop", "me", NULL, "db.test", "shop", 5432, NULL, NULL},
        {"postgresql://me@db.test", "me", NULL, "db.test", "me", 5432, NULL, NULL},
        {"postgresql://me@db.test/", "me", NULL, "db.test", "me", 5432, NULL, NULL},
        {"postgresql://me:@db.test:/x", "me", "", "db.test", "x", 5432, NULL, NULL},
        {"postgresql://a%40b:p%3Aw%2F@h/d%25", "a@b", "p:w/", "h", "d%", 5432, NULL, NULL},
        {"postgresql://a@b:p@h/d", "a@b", "p", "h", "d", 5432, NULL, NULL},
        {"postgresql://u@[::1]:7/d", "u", NULL, "::1", "d", 7, NULL, NULL},
        {"postgresql://u@/d?host=/run/pg&port=9", "u", NULL, "/run/pg", "d", 9,
            "/run/pg/.s.PGSQL.9", NULL},
        {"postgresql://u@%2Frun%2Fpg/d", "u", NULL, "/run/pg", "d", 5432, "/run/pg/.s.PGSQL.5432",
            NULL},
        {"postgresql://h?user=u&password=a%26b&dbname=d", "u", "a&b", "h", "d", 5432, NULL, NULL},
        {"postgresql://u@h/d?user=v", "v", NULL, "h", "d", 5432, NULL, NULL},
        {"postgresql://u@h/d?", "u", NULL, "h", "d", 5432, NULL, NULL},
        {"postgresql://u@h/d?keepalives=1&gssencmode=disable", "u", NULL, "h", "d", 5432, NULL,
            NULL},
        {"postgresql://u@h:0x1/d", NULL, NULL, NULL, NULL, 0, NULL, "whole number"},
        {"postgresql://u@h:-1/d", NULL, NULL, NULL, NULL, 0, NULL, "whole number"},
        {"postgresql://u@h:65536/d", NULL, NULL, NULL, NULL, 0, NULL, "whole number"},
        {"postgresql://u@h/d?connect_timeout=soon", NULL, NULL, NULL, NULL, 0, NULL,
            "whole number"},
        {"postgresql://u@h1,h2/d", NULL, NULL, NULL, NULL, 0, NULL, "one host"},
        {"postgresql://u%zz@h/d", NULL, NULL, NULL, NULL, 0, NULL, "'%'"},
        {"postgresql://u@h/d%4", NULL, NULL, NULL, NULL, 0, NULL, "'%'"},
        {"postgresql://u@h/d?a", NULL, NULL, NULL, NULL, 0, NULL, "no '='"},
        {"postgresql://u@h/d?sslmode=on", NULL, NULL, NULL, NULL, 0, NULL, "sslmode is"},
        {"postgresql://u@h/d?what=1", NULL, NULL, NULL, NULL, 0, NULL, "does not know"},
        {"postgresql:u@h", NULL, NULL, NULL, NULL, 0, NULL, "invalid URL"},
        {"http://u@h", NULL, NULL, NULL, NULL, 0, NULL, "unknown URL scheme"},
        {"postgresql://h/d", NULL, NULL, NULL, NULL, 0, NULL, "names no user"},
    };
    unsetenv("PGUSER");
    unsetenv("PGPASSWORD");
    unsetenv("USER");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const locust__pg_url *url = locust__pg_url_of(&sv, rows[i].url);
        CHECK_ROW(rows[i].url);
        if (rows[i].fault) {
            CHECK(url && url->fault && strstr(url->fault, rows[i].fault));
            continue;
        }
        CHECK_STR(url->fault, NULL);
        CHECK_STR(url->user, rows[i].user);
        CHECK_STR(url->password, rows[i].password);
        CHECK_STR(url->host, rows[i].host);
        CHECK_STR(url->database, rows[i].database);
        CHECK_INT(url->port, rows[i].port);
        CHECK_STR(url->socket, rows[i].socket);
        CHECK((url->origin != NULL) == (url->socket == NULL));
        CHECK(locust__pg_url_of(&sv, rows[i].url) == url); // once for a test
    }
    locust__arena_free(&sv.arena);
    memset(&sv, 0, sizeof sv);
}

static void parameters(void)
{
    const locust__pg_url *url;
    setenv("PGUSER", "from", 1);
    setenv("PGPASSWORD", "there", 1);
    url = locust__pg_url_of(&sv,
        "postgresql://h/?sslmode=verify-ca&sslrootcert=/r&sslcert=/c&sslkey=/k&channel_binding="
        "require&options=-c%20a%3D1&application_name=x%20y&connect_timeout=7&client_encoding=LATIN1");
    CHECK_STR(url->fault, NULL);
    CHECK_STR(url->user, "from");
    CHECK_STR(url->password, "there");
    CHECK_INT(url->ssl, LOCUST__PG_SSL_VERIFY_CA);
    CHECK_INT(url->binding, LOCUST__PG_BINDING_REQUIRE);
    CHECK_STR(url->ca_file, "/r");
    CHECK_STR(url->cert_file, "/c");
    CHECK_STR(url->key_file, "/k");
    CHECK_STR(url->options, "-c a=1");
    CHECK_STR(url->application, "x y");
    CHECK_STR(url->encoding, "LATIN1");
    CHECK_INT(url->timeout_s, 7);
    url = locust__pg_url_of(&sv, "postgresql://u@h/?sslmode=verify-full&sslrootcert=system");
    CHECK(url->system_roots && !url->ca_file);
    CHECK_INT(locust__pg_url_of(&sv, "postgresql://u@h")->ssl, LOCUST__PG_SSL_PREFER);
    locust__arena_free(&sv.arena);
    memset(&sv, 0, sizeof sv);
}

/* -- answers -- */

static locust__pg_answer answer;

static const char *take(char type, locust__view body)
{
    return locust__pg_answer_take(&answer, type, body);
}

static void values(void)
{
    locust_pg_result *r = &answer.as;
    locust__pg_answer_begin(&answer, LOCUST__PG_PHASE_SIMPLE, 1000);
    CHECK_STR(take('T', VIEW("\0\2id\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
                             "name\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")),
        NULL);
    CHECK_STR(take('D', VIEW("\0\2\0\0\0\1"
                             "1\0\0\0\3one")),
        NULL);
    CHECK_STR(take('D', VIEW("\0\2\0\0\0\1"
                             "2\xff\xff\xff\xff")),
        NULL);
    CHECK_STR(take('D', VIEW("\0\2\0\0\0\0\0\0\0\2\xc3\xa4")), NULL);
    CHECK_STR(take('C', VIEW("SELECT 3\0")), NULL);
    CHECK_STR(take('Z', VIEW("T")), NULL);
    CHECK(answer.ready);
    locust__pg_answer_end(&answer, NULL);
    CHECK_INT(r->n_rows, 3);
    CHECK_INT(r->n_columns, 2);
    CHECK_INT(r->affected, 3);
    CHECK_INT(r->transaction, 'T');
    CHECK_STR(r->command, "SELECT 3");
    CHECK_STR(locust_pg_column(r, 0), "id");
    CHECK_STR(locust_pg_column(r, 1), "name");
    CHECK_STR(locust_pg_column(r, 2), NULL);
    CHECK_STR(locust_pg_column(r, -1), NULL);
    CHECK_STR(locust_pg_value(r, 0, 0), "1");
    CHECK_STR(locust_pg_value(r, 0, 1), "one");
    CHECK_STR(locust_pg_value(r, 1, 1), NULL);
    CHECK_STR(locust_pg_value(r, 2, 0), "");
    CHECK_STR(locust_pg_value(r, 2, 1), "\xc3\xa4");
    CHECK_STR(locust_pg_value(r, 3, 0), NULL);
    CHECK_STR(locust_pg_value(r, -1, 0), NULL);
    CHECK_STR(locust_pg_value(r, 0, 2), NULL);
    CHECK_STR(r->error, NULL);
    // What comes unasked leaves the answer as it is.
    CHECK_STR(take('N', VIEW("SNOTICE\0C00000\0Mlater\0\0")), NULL);
    CHECK_STR(take('S', VIEW("TimeZone\0UTC\0")), NULL);
    CHECK_STR(locust_pg_value(r, 0, 1), "one");
    CHECK_INT(r->n_notices, 0);
    locust__pg_answer_free(&answer);
    memset(&answer, 0, sizeof answer);
}

/* Every allocation fails once: the message is refused, and nothing is lost. */
static void no_memory(void)
{
    bool done = false;
    for (int i = 0; i < 30 && !done; i++) {
        const char *why;
        blocks_fail_in = i;
        locust__pg_answer_begin(&answer, LOCUST__PG_PHASE_SIMPLE, 100000);
        why = take('T', VIEW("\0\1a\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"));
        for (int k = 0; k < 200 && !why; k++)
            why = take('D', VIEW("\0\1\0\0\0\5value"));
        if (!why)
            why = take('N', VIEW("SNOTICE\0C00000\0Mhm\0\0"));
        if (!why)
            why = take('E', VIEW("SERROR\0C42P01\0Mno\0\0"));
        done = blocks_fail_in >= 0;
        blocks_fail_in = -1;
        CHECK_STR(why, done ? NULL : locust__error_text(LOCUST_ERR_MEMORY));
        locust__pg_answer_end(&answer, why);
        CHECK_STR(answer.as.error, done ? "42P01: no" : why);
        locust__pg_answer_free(&answer);
        memset(&answer, 0, sizeof answer);
        CHECK_INT(blocks_live, 0);
    }
    CHECK(done);
}

/* The manual, 55.2.1: concat('md5', md5(concat(md5(concat(password, username)), salt))). By
 * Python's hashlib for "secret", "md5_u" and the salt 1 2 3 4. */
static void md5_login(void)
{
    char out[3 + LOCUST__HASH_HEX];
    locust__pg_url url = {.user = "md5_u", .password = "secret"};
    locust__pg_auth_md5(&url, VIEW("\1\2\3\4"), out);
    CHECK_STR(out, "md5a323992298074805af2a77bcb138035d");
}

TESTS({"frames", frames}, {"writing", writing}, {"sentences", sentences},
    {"a long sentence", long_sentence}, {"URLs", urls}, {"parameters", parameters},
    {"values", values}, {"no memory", no_memory}, {"md5", md5_login}, )
