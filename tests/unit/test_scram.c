// Logins by SCRAM: the examples of the RFCs, wrong servers, keys that many users need at once.
#include "blocks.h"
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "loop.h"

static locust__services sv;
static locust__allowance allowance;

static locust__view view(const char *text)
{
    return (locust__view){text, strlen(text)};
}

typedef struct login { // one, in a coroutine
    bool sha256;
    const char *user, *nonce, *server_first, *password, *header, *binding;
    uint32_t least_rounds;
    char first[256], final[512]; // what the client says
    const char *server_final;    // NULL: is not asked
    const char *why, *checked;
} login;

static void copy(char *out, size_t size, const locust__buf *b)
{
    snprintf(out, size, "%.*s", (int)b->len, b->len ? b->ptr : "");
}

static void log_in(void *arg)
{
    login *l = arg;
    locust__scram s;
    locust__buf out = {NULL, 0, 0, false};
    locust__scram_init(&s, l->sha256 ? &locust__hash_sha256 : &locust__hash_sha1);
    CHECK_INT(strlen(s.nonce), s.text.failed ? 0 : 24);
    s.least_rounds = l->least_rounds;
    if (l->nonce)
        snprintf(s.nonce, sizeof s.nonce, "%s", l->nonce);
    locust__scram_first(&s, view(l->header), view(l->user), &out);
    copy(l->first, sizeof l->first, &out);
    out.len = 0;
    l->why = locust__scram_final(&s, &sv, view(l->server_first), view(l->password), view(l->header),
        view(l->binding ? l->binding : ""), &allowance, &out);
    copy(l->final, sizeof l->final, &out);
    if (l->server_final)
        l->checked = locust__scram_check(&s, view(l->server_final));
    locust__buf_free(&out);
    locust__scram_free(&s);
}

static void open_services(void)
{
    begin();
    memset(&sv, 0, sizeof sv);
    sv.loop = &loop;
    allowance = (locust__allowance){LOCUST__NEVER, 0};
}

static void close_services(void)
{
    locust__loop_run(&loop);
    locust__arena_free(&sv.arena);
    end();
}

static void run(login *l)
{
    open_services();
    start(log_in, l);
    close_services();
}

#define NONCE_1   "fyko+d2lbbFgONRv9qkxdawL"
#define NONCE_256 "rOprNGfwEbeRWgbNEkqO"
#define FIRST_1   "r=" NONCE_1 "3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
#define FIRST_256 "r=" NONCE_256 "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

/* RFC 5802 5 and RFC 7677 3. */
static void examples(void)
{
    login one = {.user = "user",
        .nonce = NONCE_1,
        .server_first = FIRST_1,
        .password = "pencil",
        .header = "n,,",
        .server_final = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="};
    login other = {.sha256 = true,
        .user = "user",
        .nonce = NONCE_256,
        .server_first = FIRST_256,
        .password = "pencil",
        .header = "n,,",
        .least_rounds = 4096,
        .server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="};
    run(&one);
    CHECK_STR(one.first, "n,,n=user,r=" NONCE_1);
    CHECK_STR(one.why, NULL);
    CHECK_STR(one.final, "c=biws,r=" NONCE_1 "3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    CHECK_STR(one.checked, NULL);
    run(&other);
    CHECK_STR(other.first, "n,,n=user,r=" NONCE_256);
    CHECK_STR(other.why, NULL);
    CHECK_STR(other.final, "c=biws,r=" NONCE_256 "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                           "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    CHECK_STR(other.checked, NULL);
    other.server_final = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="; // another password's, and too short
    run(&other);
    CHECK_STR(other.checked, "login failed: malformed SCRAM message");
    other.server_final = "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    run(&other);
    CHECK(other.checked && strstr(other.checked, "signature"));
    other.server_final = "e=invalid-proof";
    run(&other);
    CHECK_STR(other.checked, "login failed: the server refused it");
}

/* "p=tls-server-end-point,,DATA" in base64, and the escapes of RFC 5802 5.1 in a name. */
static void binding(void)
{
    login l = {.sha256 = true,
        .user = "a=b,c",
        .nonce = NONCE_256,
        .server_first = FIRST_256,
        .password = "pencil",
        .header = "p=tls-server-end-point,,",
        .binding = "DATA"};
    run(&l);
    CHECK_STR(l.first, "p=tls-server-end-point,,n=a=3Db=2Cc,r=" NONCE_256);
    CHECK(
        strstr(l.final, "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsREFUQQ==,r=" NONCE_256 "%") == l.final);
}

static void wrong_servers(void)
{
    static const struct {
        const char *message, *why;
    } rows[] = {
        {"", "malformed"},
        {"r=", "malformed"},
        {"r=" NONCE_1 "x", "malformed"},
        {"s=QSXCR+Q6sek8bf92,r=" NONCE_1 "x,i=1", "malformed"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92", "malformed"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=", "malformed"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=0", "malformed"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=-1", "malformed"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=4096x", "malformed"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=99999999999999999999", "malformed|ten million"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=10000001", "ten million"},
        {"r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=9", "too few"},
        {"r=" NONCE_1 "x,s=,i=4096", "malformed"},
        {"r=" NONCE_1 "x,s=!!!!,i=4096", "malformed"},
        {"r=" NONCE_1 ",s=QSXCR+Q6sek8bf92,i=4096", "nonce"},
        {"r=fyko,s=QSXCR+Q6sek8bf92,i=4096", "nonce"},
        {"r=gyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096", "nonce"},
        {"m=ext,r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=4096", "extension"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        login l = {.user = "",
            .nonce = NONCE_1,
            .server_first = rows[i].message,
            .password = "pencil",
            .least_rounds = 10,
            .header = "n,,"};
        char what[64];
        char *other;
        bool found;
        CHECK_ROW(rows[i].message);
        snprintf(what, sizeof what, "%s", rows[i].why);
        other = strchr(what, '|');
        if (other)
            *other++ = '\0';
        run(&l);
        found = l.why && (strstr(l.why, what) || (other && strstr(l.why, other)));
        CHECK(found && strncmp(l.why, "login failed: ", 14) == 0);
        CHECK_STR(l.final, "");
    }
}

static int turns; // of another coroutine

static void count_turns(void *arg)
{
    login *last = arg;
    while (!last->final[0] && !last->why) {
        turns++;
        locust__co_yield(&loop);
    }
}

/* Twenty users with one password: the key is made once, and others run meanwhile. */
static void once(void)
{
    static login logins[20];
    int64_t rounds_began;
    open_services();
    turns = 0;
    for (int i = 0; i < 20; i++) {
        logins[i] = (login){.sha256 = true,
            .user = "user",
            .nonce = NONCE_256,
            .server_first = FIRST_256,
            .password = "pencil",
            .header = "n,,"};
        start(log_in, &logins[i]);
    }
    start(count_turns, &logins[19]);
    locust__loop_run(&loop);
    CHECK(turns > 10); // 6 ms or more of slices of a tenth of a millisecond
    CHECK_INT(((locust__scram_keys *)sv.scram)->n, 1);
    CHECK(allowance.generator_ns > 0);
    for (int i = 0; i < 20; i++) {
        CHECK_STR(logins[i].why, NULL);
        CHECK(strstr(logins[i].final, ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
    }
    // What is known takes no turn at all.
    rounds_began = allowance.generator_ns;
    logins[0].final[0] = '\0';
    start(log_in, &logins[0]);
    locust__loop_run(&loop);
    CHECK_INT(allowance.generator_ns, rounds_began);
    CHECK(strstr(logins[0].final, ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
    close_services();
}

static locust__co *first_co;

static void cancel_first(void *arg)
{
    (void)arg;
    locust__co_yield(&loop);
    locust__co_cancel(&loop, first_co);
}

/* Who is cancelled while it makes the key leaves that to the next. */
static void cancelled(void)
{
    login logins[2];
    open_services();
    for (int i = 0; i < 2; i++) {
        logins[i] = (login){.sha256 = true,
            .user = "user",
            .nonce = NONCE_256,
            .server_first = FIRST_256,
            .password = "pencil",
            .header = "n,,"};
        if (i == 0)
            first_co = start(log_in, &logins[i]);
        else
            start(log_in, &logins[i]);
    }
    start(cancel_first, NULL);
    locust__loop_run(&loop);
    CHECK(logins[0].why != NULL);
    CHECK_STR(logins[0].final, "");
    CHECK_STR(logins[1].why, NULL);
    CHECK(strstr(logins[1].final, ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
    CHECK_INT(((locust__scram_keys *)sv.scram)->permit.free, 1);
    close_services();
}

/* A test that uses more keys than are remembered forgets those that were not used for longest. */
static void bounded(void)
{
    unsigned char id[LOCUST__HASH_BYTES] = {0}, bytes[LOCUST__HASH_BYTES] = {0};
    locust__scram_keys keys = {.n = 0};
    open_services();
    sv.scram = &keys;
    for (int i = 0; i < LOCUST__SCRAM_KEYS + 100; i++) {
        memcpy(id, &i, sizeof i);
        memcpy(bytes, &i, sizeof i);
        locust__scram_remember(&sv, id, bytes);
        memset(id, 0, sizeof id);
        CHECK(locust__scram_find(&keys, id) != NULL); // the first is used, and stays
    }
    CHECK_INT(keys.n, LOCUST__SCRAM_KEYS);
    for (int i = 0; i < LOCUST__SCRAM_KEYS + 100; i++) {
        const locust__scram_key *key;
        memcpy(id, &i, sizeof i);
        key = locust__scram_find(&keys, id);
        CHECK((key != NULL) == (i == 0 || i > 100));
        CHECK(!key || memcmp(key->bytes, &i, sizeof i) == 0);
    }
    close_services();
}

static void no_memory(void)
{
    login l = {.sha256 = true,
        .user = "user",
        .nonce = NONCE_256,
        .server_first = "r=" NONCE_256 "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
        .password = "pencil",
        .header = "n,,"};
    bool done = false;
    for (int i = 0; i < 40 && !done; i++) {
        open_services();
        start(log_in, &l);
        blocks_fail_in = i;
        locust__loop_run(&loop);
        done = blocks_fail_in >= 0;
        blocks_fail_in = -1;
        CHECK(l.why || strstr(l.final, ",p="));
        if (done)
            CHECK_STR(l.why, NULL);
        close_services();
    }
    CHECK(done);
}

/* RFC 4013 3 for what is known: letters stay, blanks become ' ', all else is said. */
static void prepared(void)
{
    static const struct {
        const char *in, *out;
        bool known;
    } rows[] = {
        {"pencil", "pencil", true}, {"", "", true}, {"a,b=c d", "a,b=c d", true},
        {"P\xc3\xa4ssw\xc3\xb6rd", "P\xc3\xa4ssw\xc3\xb6rd", true},
        {"\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c",
            "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c", true},
        {"\xe5\xaf\x86\xe7\xa0\x81", "\xe5\xaf\x86\xe7\xa0\x81", true},
        {"a\xc2\xa0z", "a z", true},                       // no-break space
        {"a\xe3\x80\x80z", "a z", true},                   // ideographic space
        {"I\xc2\xadX", "I\xc2\xadX", false},               // soft hyphen: RFC 4013 3, example 1
        {"\xc2\xaa", "\xc2\xaa", false},                   // example 4: NFKC makes it "a"
        {"\xe2\x85\xa8", "\xe2\x85\xa8", false},           // example 5: "IX"
        {"a\xcc\x88\xc2\xa0", "a\xcc\x88\xc2\xa0", false}, // NFKC joins a and its dots
        {"\xff", "\xff", false},                           // no UTF-8
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(rows[i].in);
        locust__buf_puts(&out, "x");
        CHECK_INT(locust__scram_prepare(&out, view(rows[i].in)), rows[i].known);
        locust__buf_add(&out, "", 1);
        CHECK_STR(out.ptr + 1, rows[i].out);
        locust__buf_free(&out);
    }
}

TESTS({"examples", examples}, {"binding", binding}, {"wrong servers", wrong_servers},
    {"once", once}, {"cancelled", cancelled}, {"bounded", bounded}, {"no memory", no_memory},
    {"prepared", prepared}, )
