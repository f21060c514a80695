/* ============================================================================================
 * >>text  views, growing buffers, UTF-8, base64
 *
 * Purpose     locust__view, text of known length in memory that somebody else owns; locust__buf,
 *             text that grows; a walk through UTF-8, by which every report makes sure that it is
 *             valid whatever a server sent or a test named; base64.
 * Invariants  a buf that could not grow is `failed` from then on, and keeps what it has: a caller
 *             adds all it wants and checks once, at the end. Nothing here depends on the locale.
 * Names       locust__base64_ locust__buf_ locust__text_ locust__view_
 * Sources     RFC 3629 (UTF-8); Unicode 15, 3.9, table 3-7 and "U+FFFD Substitution of Maximal
 *             Subparts"; Unicode TR 36, 2.5 (text that turns its direction); RFC 4648 section 4.
 * ============================================================================================ */

/* Text of known length; the memory belongs to somebody else, and no '\0' follows. */
typedef struct locust__view {
    const char *ptr;
    size_t len;
} locust__view;

static inline locust__view locust__view_of(const char *text)
{
    return (locust__view){text, strlen(text)};
}

/* The text behind its first n bytes. */
static inline locust__view locust__view_skip(locust__view v, size_t n)
{
    return (locust__view){v.ptr + n, v.len - n};
}

static bool locust__view_is(locust__view v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.ptr, text, v.len) == 0;
}

static char locust__text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Compares without regard to the case of ASCII letters, whatever the locale. */
static bool locust__view_is_nocase(locust__view v, const char *text)
{
    size_t i;
    for (i = 0; i < v.len && text[i]; i++)
        if (v.ptr[i] != text[i] && locust__text_lower(v.ptr[i]) != locust__text_lower(text[i]))
            return false;
    return i == v.len && !text[i];
}

/* Does `text` stand in bytes that may have NULs among them? One NUL must be behind them. */
static bool locust__view_has(locust__view v, const char *text)
{
    const char *p = v.ptr, *end = v.ptr + v.len;
    while (!strstr(p, text)) { // up to the next NUL
        p += strlen(p) + 1;
        if (p > end)
            return false;
    }
    return true;
}

/* The position in memory of the first of eight bytes whose top bit is set; at least one is. */
static inline unsigned locust__text_first_top(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (unsigned)__builtin_clzll(word) / 8;
#else
    return (unsigned)__builtin_ctzll(word) / 8;
#endif
}

static bool locust__text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A letter or digit of ASCII. isalnum() would follow the locale that a test has set. */
static bool locust__text_is_alnum(char c)
{
    char lower = locust__text_lower(c);
    return locust__text_is_digit(c) || (lower >= 'a' && lower <= 'z');
}

/* A heap copy of n bytes with a '\0' behind, or NULL. */
static char *locust__text_copy(const char *text, size_t n)
{
    char *copy = LOCUST_MALLOC(n + 1);
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

/* Takes the next character off a text: returns its bytes, and *code is its number. What is no
 * UTF-8 (an overlong form, a surrogate, more than U+10FFFF, a character that is cut) comes as
 * U+FFFD, once for each longest piece that could have begun a character. The text is not empty. */
static locust__view locust__text_next(locust__view *rest, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)rest->ptr;
    unsigned char first = *p, low = 0x80, high = 0xBF; // what the second byte may be
    size_t i = 1, n = first < 0x80 ? 1 : first < 0xC2 || first > 0xF4 ? 0 : 2;
    n += (size_t)(n > 1 && first >= 0xE0) + (size_t)(n > 1 && first >= 0xF0);
    low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : low;
    high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : high;
    *code = n > 1 ? first & (0x7Fu >> n) : first;
    for (; i < n && i < rest->len && p[i] >= low && p[i] <= high; i++) {
        *code = *code << 6 | (p[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *rest = locust__view_skip(*rest, i);
    if (i == n)
        return (locust__view){(const char *)p, n};
    *code = 0xFFFD;
    return (locust__view){"\xEF\xBF\xBD", 3};
}

/* Would a terminal do something at this character but print it? A control character, a line end of
 * Unicode, or one that turns the direction of what follows. */
static bool locust__text_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* Makes one line of valid UTF-8 of a text, in its place: a control character becomes blanks, what
 * is no UTF-8 question marks. */
static void locust__text_plain(char *text, size_t n)
{
    locust__view rest = {text, n};
    while (rest.len) {
        char *at = text + (n - rest.len);
        uint32_t code;
        bool good = locust__text_next(&rest, &code).ptr == at;
        if (!good || locust__text_is_control(code))
            memset(at, good ? ' ' : '?', (size_t)(rest.ptr - at));
    }
}

typedef struct locust__buf { // a byte string that grows
    char *ptr;               // no '\0' follows, unless one was added
    size_t len, cap;
    bool failed; // memory ran out: something is missing
} locust__buf;

/* Makes room for so many bytes more. Doubles, so that a long text is not copied often. */
static bool locust__buf_reserve(locust__buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;
    char *ptr;
    if (more <= b->cap - b->len)
        return true;
    while (cap - b->len < more && cap <= SIZE_MAX / 2)
        cap *= 2;
    ptr = cap - b->len >= more ? LOCUST_REALLOC(b->ptr, cap) : NULL;
    if (!ptr) {
        b->failed = true;
        return false;
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

/* The same for memory that every user keeps: no doubling, for each user would pay for the slack.
 * Rounds up to what malloc hands out in whole cache lines. */
static bool locust__buf_reserve_tight(locust__buf *b, size_t more)
{
    size_t need = b->len + more;
    char *ptr;
    if (more <= b->cap - b->len)
        return true;
    if (need < b->cap + b->cap / 4)
        need = b->cap + b->cap / 4; // at least a quarter more: many small additions stay linear
    need = ((need + 8 + 63) & ~(size_t)63) - 8; // malloc puts a word of its own in front
    ptr = LOCUST_REALLOC(b->ptr, need);
    if (!ptr) {
        b->failed = true;
        return false;
    }
    b->ptr = ptr;
    b->cap = need;
    return true;
}

static void locust__buf_add_tight(locust__buf *b, const void *bytes, size_t n)
{
    if (locust__buf_reserve_tight(b, n) && b->ptr && n) {
        memcpy(b->ptr + b->len, bytes, n);
        b->len += n;
    }
}

static void locust__buf_add(locust__buf *b, const void *bytes, size_t n)
{
    if (n && locust__buf_reserve(b, n)) {
        memcpy(b->ptr + b->len, bytes, n);
        b->len += n;
    }
}

static void locust__buf_puts(locust__buf *b, const char *text)
{
    locust__buf_add(b, text, strlen(text));
}

/* Adds a text as valid UTF-8: U+FFFD for each piece that is broken. */
static void locust__buf_utf8(locust__buf *b, locust__view text)
{
    const char *from = text.ptr; // what is good and not added yet
    while (text.len) {
        const char *at = text.ptr;
        uint32_t code;
        locust__view c;
        if ((unsigned char)*at < 0x80) { // nearly all of it
            text = locust__view_skip(text, 1);
            continue;
        }
        c = locust__text_next(&text, &code);
        if (c.ptr == at)
            continue;
        locust__buf_add(b, from, (size_t)(at - from));
        locust__buf_add(b, c.ptr, c.len);
        from = text.ptr;
    }
    locust__buf_add(b, from, (size_t)(text.ptr - from));
}

/* Adds a text as part of a line: valid UTF-8, a blank for each control character. Returns how many
 * characters it added. */
static int locust__buf_line(locust__buf *b, locust__view text)
{
    int n = 0;
    for (; text.len; n++) {
        uint32_t code;
        locust__view c = locust__text_next(&text, &code);
        if (locust__text_is_control(code))
            c = (locust__view){" ", 1};
        locust__buf_add(b, c.ptr, c.len);
    }
    return n;
}

LOCUST__PRINTF(2, 3) static void locust__buf_printf(locust__buf *b, const char *format, ...)
{
    va_list args;
    int n;
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n <= 0 || !locust__buf_reserve(b, (size_t)n + 1))
        return;
    va_start(args, format);
    vsnprintf(b->ptr + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

static void locust__buf_free(locust__buf *b)
{
    LOCUST_FREE(b->ptr);
    *b = (locust__buf){NULL, 0, 0, false};
}

static void locust__base64_encode(locust__buf *out, locust__view in)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        unsigned v = 0;
        char text[4];
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)in.ptr[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            text[k] = k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
        locust__buf_add(out, text, 4);
    }
}

/* Appends the bytes that the text encodes; skips blanks and line ends. False: not base64. */
LOCUST__UNUSED static bool locust__base64_decode(locust__buf *out, locust__view in)
{
    unsigned v = 0, bits = 0;
    if (!locust__buf_reserve(out, in.len / 4 * 3 + 3))
        return false;
    for (size_t i = 0; i < in.len && in.ptr[i] != '='; i++) {
        char c = in.ptr[i];
        int digit = c >= 'A' && c <= 'Z'       ? c - 'A'
                    : c >= 'a' && c <= 'z'     ? c - 'a' + 26
                    : locust__text_is_digit(c) ? c - '0' + 52
                    : c == '+'                 ? 62
                    : c == '/'                 ? 63
                                               : -1;
        if (c == '\n' || c == '\r' || c == ' ')
            continue;
        if (digit < 0)
            return false;
        v = v << 6 | (unsigned)digit;
        bits += 6;
        if (bits >= 8)
            out->ptr[out->len++] = (char)(v >> (bits -= 8));
    }
    return bits < 6;
}

/* FNV-1a, 64 bits. `seed` is 0, or the hash of the text in front. Not safe against chosen
 * collisions: for names that the test itself makes. */
static uint64_t locust__text_hash(uint64_t seed, const char *text, size_t n)
{
    uint64_t h = seed ^ 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001B3u;
    return h;
}

/* The number of edits that turn one name into the other: a character added, removed or replaced,
 * or two neighbours swapped (Damerau 1964). */
static int locust__text_distance(locust__view a, locust__view b)
{
    enum { MAX = 40 };
    int d[MAX + 1][MAX + 1];
    if (a.len > MAX || b.len > MAX)
        return MAX;
    for (size_t i = 0; i <= a.len; i++)
        for (size_t j = 0; j <= b.len; j++) {
            int best = (int)(i + j), other;
            if (i && j) {
                other = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
                best = other < best ? other : best;
                other = (d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] : d[i][j - 1]) + 1;
                best = other < best ? other : best;
            }
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                other = d[i - 2][j - 2] + 1;
                best = other < best ? other : best;
            }
            d[i][j] = best;
        }
    return d[a.len][b.len];
}

/* Reads a switch, as config files and variables of Locust have it. False: it is none. */
static bool locust__text_switch(const char *text, bool *out)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (int i = 0; i < 8; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i < 4;
            return true;
        }
    return false;
}
