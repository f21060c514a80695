// Views, growing buffers, UTF-8, base64. RFC 3629; Unicode 15, 3.9; RFC 4648 4 and 10.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

/* -- views -- */

static const struct {
    const char *name, *a, *b;
    bool same, same_nocase;
} pairs[] = {
    {"nothing", "", "", true, true},
    {"nothing and a letter", "", "a", false, false},
    {"a letter and nothing", "a", "", false, false},
    {"the same", "Content-Length", "Content-Length", true, true},
    {"other case", "Content-Length", "cONTENT-lENGTH", false, true},
    {"shorter", "Content", "Content-Length", false, false},
    {"longer", "Content-Length", "Content", false, false},
    {"last letter", "abcd", "abce", false, false},
    {"@ is no letter", "@", "`", false, false},
    {"[ is no letter", "[", "{", false, false},
    {"letters of other scripts have no case", "\xc3\x84", "\xc3\xa4", false, false},
    {"bit 0x20 of a digit", "0", "\x10", false, false},
};

static void views(void)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t n = strlen(pairs[i].a), m = strlen(pairs[i].b) + 1;
        char *a = check_guarded(pairs[i].a, n), *b = check_guarded(pairs[i].b, m);
        CHECK_ROW(pairs[i].name);
        CHECK_INT(locust__view_is((locust__view){a, n}, b), pairs[i].same);
        CHECK_INT(locust__view_is_nocase((locust__view){a, n}, b), pairs[i].same_nocase);
        CHECK_INT(locust__view_of(b).len, m - 1);
        check_guarded_free(a, n);
        check_guarded_free(b, m);
    }
}

static void a_nul_is_a_byte(void)
{
    char *a = check_guarded("a", 2);
    CHECK(!locust__view_is((locust__view){"a\0b", 3}, a));
    CHECK(!locust__view_is_nocase((locust__view){"a\0b", 3}, a));
    CHECK(!locust__view_is_nocase((locust__view){"a", 2}, a));
    check_guarded_free(a, 2);
}

static void letters(void)
{
    for (int c = 0; c < 256; c++) {
        CHECK_INT((unsigned char)locust__text_lower((char)c), c >= 'A' && c <= 'Z' ? c + 32 : c);
        CHECK_INT(locust__text_is_digit((char)c), c >= '0' && c <= '9');
    }
}

static void first_top(void)
{
    for (unsigned first = 0; first < 8; first++)
        for (unsigned later = first; later < 8; later++) {
            unsigned char bytes[8] = {0x7F, 1, 0, 0x7F, 2, 0x40, 0x7F, 0};
            uint64_t word;
            bytes[first] |= 0x80;
            bytes[later] |= 0x80;
            memcpy(&word, bytes, 8);
            word &= UINT64_C(0x8080808080808080);
            CHECK_INT(locust__text_first_top(word), first);
        }
}

/* -- buffers -- */

static void text_is(locust__buf *b, const char *want)
{
    char *text = locust__text_copy(b->len ? b->ptr : "", b->len);
    CHECK_STR(text, want);
    LOCUST_FREE(text);
}

static void buffers_grow(void)
{
    locust__buf b = {NULL, 0, 0, false}, tight = {NULL, 0, 0, false};
    locust__buf_add(&b, "x", 0);
    locust__buf_puts(&b, "");
    CHECK(!b.ptr && !b.len && !b.failed); // nothing needs no memory
    for (int i = 0; i < 5000; i++) {
        char c = (char)('a' + i % 26);
        locust__buf_add(&b, &c, 1);
        locust__buf_add_tight(&tight, &c, 1);
        CHECK(b.len <= b.cap && tight.len <= tight.cap);
    }
    CHECK_INT(b.len, 5000);
    CHECK_INT(tight.len, 5000);
    CHECK(memcmp(b.ptr, tight.ptr, 5000) == 0);
    CHECK(b.ptr[4999] == (char)('a' + 4999 % 26));
    CHECK(tight.cap <= 5000 + 5000 / 4 + 64); // no larger than needed
    locust__buf_free(&b);
    locust__buf_free(&tight);
    CHECK(!b.ptr && !b.len && !b.cap);
    CHECK_INT(blocks_live, 0);
}

static void buffers_take_text(void)
{
    locust__buf b = {NULL, 0, 0, false};
    char long_text[1001];
    memset(long_text, 'y', 1000);
    long_text[1000] = '\0';
    locust__buf_printf(&b, "%s", "");
    locust__buf_puts(&b, "one ");
    locust__buf_printf(&b, "%d-%s", 2, "three");
    text_is(&b, "one 2-three");
    b.len = 0;
    locust__buf_printf(&b, "%s", long_text); // more than it has
    text_is(&b, long_text);
    locust__buf_free(&b);
    CHECK_INT(blocks_live, 0);
}

/* A buffer that could not grow keeps what it has and says so, whatever is added then. */
static void buffers_fail(void)
{
    for (int how = 0; how < 3; how++) {
        locust__buf b = {NULL, 0, 0, false};
        size_t kept;
        locust__buf_puts(&b, "kept");
        kept = b.len;
        blocks_fail_in = 0;
        if (how == 0)
            locust__buf_reserve(&b, 10000);
        else if (how == 1)
            locust__buf_reserve_tight(&b, 10000);
        else
            locust__buf_printf(&b, "%10000d", 1);
        CHECK_INT(blocks_fail_in, -1);
        CHECK(b.failed);
        CHECK_INT(b.len, kept);
        text_is(&b, "kept");
        locust__buf_add(&b, "!", 1);
        CHECK(b.failed);
        locust__buf_free(&b);
    }
    CHECK_INT(blocks_live, 0);
}

static void too_much_is_refused(void)
{
    locust__buf b = {NULL, 0, 0, false};
    locust__buf_puts(&b, "kept");
    CHECK(!locust__buf_reserve(&b, SIZE_MAX - 2)); // no size of memory is that large
    CHECK(b.failed);
    text_is(&b, "kept");
    locust__buf_free(&b);
}

static void copies(void)
{
    char *copy = locust__text_copy("abcdef", 3);
    CHECK_STR(copy, "abc");
    LOCUST_FREE(copy);
    blocks_fail_in = 0;
    CHECK(!locust__text_copy("abc", 3));
    CHECK_INT(blocks_live, 0);
}

/* -- base64 -- */

static const struct {
    const char *name, *plain;
    size_t n;
    const char *text;
} codes[] = {
    // RFC 4648 10
    {"nothing", "", 0, ""},
    {"f", "f", 1, "Zg=="},
    {"fo", "fo", 2, "Zm8="},
    {"foo", "foo", 3, "Zm9v"},
    {"foob", "foob", 4, "Zm9vYg=="},
    {"fooba", "fooba", 5, "Zm9vYmE="},
    {"foobar", "foobar", 6, "Zm9vYmFy"},
    // RFC 4648 9
    {"all bits", "\x14\xfb\x9c\x03\xd9\x7e", 6, "FPucA9l+"},
    {"five bytes", "\x14\xfb\x9c\x03\xd9", 5, "FPucA9k="},
    {"four bytes", "\x14\xfb\x9c\x03", 4, "FPucAw=="},
    {"zeros", "\0\0\0", 3, "AAAA"},
    {"slashes", "\xff\xff\xff", 3, "////"},
    // RFC 7617 2
    {"Aladdin", "Aladdin:open sesame", 19, "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
};

static void encodes(void)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        size_t n = codes[i].n, m = strlen(codes[i].text);
        char *plain = check_guarded(codes[i].plain, n), *text = check_guarded(codes[i].text, m);
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(codes[i].name);
        locust__base64_encode(&out, (locust__view){plain, n});
        text_is(&out, codes[i].text);
        out.len = 0;
        CHECK(locust__base64_decode(&out, (locust__view){text, m}));
        CHECK_INT(out.len, n);
        CHECK(memcmp(out.ptr, plain, n) == 0);
        locust__buf_free(&out);
        check_guarded_free(plain, n);
        check_guarded_free(text, m);
    }
}

static const struct {
    const char *name, *text;
    const char *plain; // NULL: it is no base64
} decodes[] = {
    {"lines of 4, as in PEM", "Zm9v\nYmFy\n", "foobar"},
    {"lines with CRLF and blanks", " Zm9v\r\n YmFy\r\n", "foobar"},
    {"without the padding", "Zm8", "fo"},
    {"one letter is no byte", "Z", NULL},
    {"five letters", "Zm9vY", NULL},
    {"letters of base64url", "Zm9-", NULL},
    {"a NUL's neighbour", "Zm9\x01", NULL},
    {"a byte above 127", "Zm9\xc3", NULL},
    {"dashes of PEM", "-----BEGIN", NULL},
};

static void decodes_what_it_should(void)
{
    for (size_t i = 0; i < sizeof decodes / sizeof *decodes; i++) {
        size_t n = strlen(decodes[i].text);
        char *text = check_guarded(decodes[i].text, n);
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(decodes[i].name);
        CHECK_INT(locust__base64_decode(&out, (locust__view){text, n}), decodes[i].plain != NULL);
        if (decodes[i].plain)
            text_is(&out, decodes[i].plain);
        locust__buf_free(&out);
        check_guarded_free(text, n);
    }
}

static void decodes_what_it_encoded(void)
{
    unsigned char plain[256];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (unsigned char)(i * 167 + 13);
    for (size_t n = 0; n <= sizeof plain; n++) {
        locust__buf text = {NULL, 0, 0, false}, back = {NULL, 0, 0, false};
        locust__base64_encode(&text, (locust__view){(const char *)plain, n});
        CHECK_INT(text.len, (n + 2) / 3 * 4);
        CHECK(locust__base64_decode(&back, (locust__view){text.len ? text.ptr : "", text.len}));
        CHECK_INT(back.len, n);
        CHECK(memcmp(back.ptr, plain, n) == 0);
        locust__buf_free(&text);
        locust__buf_free(&back);
    }
}

static void decodes_without_memory(void)
{
    locust__buf out = {NULL, 0, 0, false};
    blocks_fail_in = 0;
    CHECK(!locust__base64_decode(&out, locust__view_of("Zm9v")));
    CHECK(out.failed);
    locust__buf_free(&out);
    CHECK_INT(blocks_live, 0);
}

/* -- UTF-8 -- */

#define FFFD "\xEF\xBF\xBD"

/* The pieces that begin a character and do not end it are those of Unicode 3.9, tables 3-8 to 3-11. */
static const struct {
    const char *name, *text, *want, *line, *plain;
} texts[] = {
    {"nothing", "", "", "", ""},
    {"ASCII", "a b~", "a b~", "a b~", "a b~"},
    {"the shortest of each length", "\xC2\xA0\xE0\xA0\x80\xF0\x90\x80\x80",
        "\xC2\xA0\xE0\xA0\x80\xF0\x90\x80\x80", "\xC2\xA0\xE0\xA0\x80\xF0\x90\x80\x80",
        "\xC2\xA0\xE0\xA0\x80\xF0\x90\x80\x80"},
    {"the longest of each length", "\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF",
        "\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF", "\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF",
        "\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF"},
    {"beside the surrogates", "\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80",
        "\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
    {"a replacement character", FFFD, FFFD, FFFD, FFFD},
    {"overlong forms", "\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41",
        FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A",
        "????????A"},
    {"surrogates", "\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41",
        FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A",
        "????????A"},
    {"above U+10FFFF, and what never occurs", "\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42",
        FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B", FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B",
        "?????A??B"},
    {"cut characters", "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", FFFD FFFD FFFD FFFD "A",
        FFFD FFFD FFFD FFFD "A", "????????A"},
    {"cut by the end", "a\xF0\x9F\x98", "a" FFFD, "a" FFFD, "a???"},
    {"control characters",
        "a\tb\r\n\x1B[31mc\x7F\xC2\x9B"
        "2J",
        "a\tb\r\n\x1B[31mc\x7F\xC2\x9B"
        "2J",
        "a b   [31mc  2J", "a b   [31mc   2J"},
    {"a control character of one byte",
        "\x9B"
        "2J",
        FFFD "2J", FFFD "2J", "?2J"},
    {"line ends of Unicode",
        "\xC2\x85"
        "a\xE2\x80\xA8"
        "b\xE2\x80\xA9"
        "c",
        "\xC2\x85"
        "a\xE2\x80\xA8"
        "b\xE2\x80\xA9"
        "c",
        " a b c", "  a   b   c"},
    {"turned the other way",
        "\xE2\x80\xAE"
        "a\xE2\x81\xA6"
        "b\xE2\x80\xAF",
        "\xE2\x80\xAE"
        "a\xE2\x81\xA6"
        "b\xE2\x80\xAF",
        " a b\xE2\x80\xAF", "   a   b\xE2\x80\xAF"},
};

static void walks_through_utf8(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = strlen(texts[i].text), chars = 0;
        char *text = check_guarded(texts[i].text, n);
        locust__buf out = {NULL, 0, 0, false}, line = {NULL, 0, 0, false};
        CHECK_ROW(texts[i].name);
        for (locust__view rest = {text, n}; rest.len; chars++) {
            uint32_t code;
            locust__view c = locust__text_next(&rest, &code);
            CHECK(code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF));
            locust__buf_add(&out, c.ptr, c.len);
        }
        locust__buf_add(&out, "", 1);
        CHECK_STR(out.ptr, texts[i].want);
        out.len = 0;
        locust__buf_utf8(&out, (locust__view){text, n});
        locust__buf_add(&out, "", 1);
        CHECK_STR(out.ptr, texts[i].want);
        CHECK_INT(locust__buf_line(&line, (locust__view){text, n}), chars);
        locust__buf_add(&line, "", 1);
        CHECK_STR(line.ptr, texts[i].line);
        line.len = 0;
        locust__buf_add(&line, texts[i].text, n + 1);
        locust__text_plain(line.ptr, n);
        CHECK_STR(line.ptr, texts[i].plain);
        locust__buf_free(&line);
        locust__buf_free(&out);
        check_guarded_free(text, n);
    }
}

static void numbers_of_characters(void)
{
    static const struct {
        const char *name, *text;
        uint32_t code;
    } rows[] = {
        {"A", "A", 'A'},
        {"U+00A2", "\xC2\xA2", 0xA2},
        {"U+20AC", "\xE2\x82\xAC", 0x20AC},
        {"U+D55C", "\xED\x95\x9C", 0xD55C},
        {"U+10348", "\xF0\x90\x8D\x88", 0x10348},
        {"U+10FFFF", "\xF4\x8F\xBF\xBF", 0x10FFFF},
        {"broken", "\xFE", 0xFFFD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__view rest = locust__view_of(rows[i].text);
        uint32_t code = 0;
        CHECK_ROW(rows[i].name);
        locust__text_next(&rest, &code);
        CHECK_INT(code, rows[i].code);
        CHECK_INT(rest.len, 0);
    }
}

/* -- hash -- */

/* The vectors of the FNV-1a of 64 bits by its authors (draft-eastlake-fnv, appendix C). */
static void hashes(void)
{
    CHECK(locust__text_hash(0, "", 0) == UINT64_C(0xcbf29ce484222325));
    CHECK(locust__text_hash(0, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    CHECK(locust__text_hash(0, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    CHECK(locust__text_hash(0, "a\0", 2) != locust__text_hash(0, "a", 1));
    CHECK(locust__text_hash(1, "a", 1) != locust__text_hash(0, "a", 1)); // another text went before
}

static void finds_text_behind_nuls(void)
{
    static const char bytes[] = "ab\0cd\0\0ef";
    locust__view v = {bytes, sizeof bytes - 1};
    CHECK(locust__view_has(v, "ab"));
    CHECK(locust__view_has(v, "d"));
    CHECK(locust__view_has(v, "ef"));
    CHECK(locust__view_has(v, ""));
    CHECK(!locust__view_has(v, "bc"));
    CHECK(!locust__view_has((locust__view){bytes, 5}, "ef")); // behind the end
    CHECK(!locust__view_has((locust__view){"", 0}, "a"));
}

TESTS({"finds text behind NULs", finds_text_behind_nuls}, {"views", views},
    {"a NUL is a byte", a_nul_is_a_byte}, {"letters", letters}, {"first top", first_top},
    {"buffers grow", buffers_grow}, {"buffers take text", buffers_take_text},
    {"buffers fail", buffers_fail}, {"too much is refused", too_much_is_refused},
    {"copies", copies}, {"encodes", encodes}, {"decodes what it should", decodes_what_it_should},
    {"decodes what it encoded", decodes_what_it_encoded},
    {"decodes without memory", decodes_without_memory}, {"walks through UTF-8", walks_through_utf8},
    {"numbers of characters", numbers_of_characters}, {"hashes", hashes}, )
