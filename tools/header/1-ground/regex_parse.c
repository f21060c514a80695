/* ============================================================================================
 * >>regex_parse  regular expressions: the pattern
 *
 * Purpose     makes a program of a pattern, or says in words what it has that no program can do.
 * Invariants  what is accepted means the same as in Perl and in Python's re with re.ASCII (but see
 *             Limits); most of what other languages read in another way is refused. No input
 *             recurses.
 * Cost        one pass. The program lies behind the pattern's last atom as it grows: an alternative
 *             or a repeat moves that atom by an instruction, and {2,5} copies it.
 * Names       locust__regex_parse_ locust__regex_compile
 * Sources     perlre(1), Python's re, ECMA-262 22.2, RE2; POSIX.1 9.3.5 for [[:alpha:]].
 * Limits      5,000 instructions, repeats up to 1,000, groups in groups up to 50 deep. (?i) knows
 *             the letters a to z. A repeat of what may be empty, (a||b)*, goes on as long as it
 *             takes something, as in Go and JavaScript; in Perl an empty round ends it.
 * ============================================================================================ */

enum {
    LOCUST__REGEX_PARSE_LENGTH = 5000,
    LOCUST__REGEX_PARSE_REPEATS = 1000,
    LOCUST__REGEX_PARSE_DEPTH = 50,
};

typedef struct locust__regex_parse_group { // one that is open; the first is the whole pattern
    size_t place;                          // of its parenthesis
    int32_t from, branch;    // where its code, and that of its last alternative, begins
    int32_t jumps;           // the last JUMP to its end, which holds the distance to the one before
    int32_t number;          // 0: it captures nothing
    bool nocase, all, lines; // the flags around it: (?i), (?s), (?m)
} locust__regex_parse_group;

typedef struct locust__regex_parse {
    const char *text, *p, *end;
    locust__regex_inst *code;
    locust__regex_range *ranges;
    size_t code_cap, ranges_cap;
    int32_t n, n_ranges;
    int32_t atom;  // where the last atom begins; -1: nothing that can be repeated
    bool repeated; // it is repeated already
    bool nocase, all, lines;
    int32_t n_groups;
    int depth;
    locust__regex_parse_group groups[LOCUST__REGEX_PARSE_DEPTH];
    const char *wrong; // NULL, or what is wrong at `place`
    size_t place;
    bool no_memory;
} locust__regex_parse;

/* Notes what is wrong, once. Always false. */
static bool locust__regex_parse_refuse(locust__regex_parse *c, const char *at, const char *wrong)
{
    if (!c->wrong) {
        c->wrong = wrong;
        c->place = (size_t)(at - c->text) + 1;
    }
    return false;
}

/* Makes room for `more` instructions. */
static bool locust__regex_parse_room(locust__regex_parse *c, int32_t more)
{
    if (more > LOCUST__REGEX_PARSE_LENGTH || c->n + more > LOCUST__REGEX_PARSE_LENGTH)
        return locust__regex_parse_refuse(c, c->p, "the pattern gets too long");
    while ((size_t)c->n + (size_t)more > c->code_cap) {
        locust__regex_inst *code =
            locust__memory_grow(c->code, sizeof *code, c->code_cap, &c->code_cap);
        c->no_memory = !code;
        if (!code)
            return locust__regex_parse_refuse(c, c->p, "out of memory");
        c->code = code;
    }
    return true;
}

static bool locust__regex_parse_emit(
    locust__regex_parse *c, locust__regex_op op, int32_t x, int32_t y)
{
    if (!locust__regex_parse_room(c, 1))
        return false;
    c->code[c->n++] = (locust__regex_inst){op, x, y};
    return true;
}

/* Puts an instruction in front of those from `at` on. */
static bool locust__regex_parse_insert(
    locust__regex_parse *c, int32_t at, locust__regex_op op, int32_t x, int32_t y)
{
    if (!locust__regex_parse_room(c, 1))
        return false;
    memmove(c->code + at + 1, c->code + at, (size_t)(c->n - at) * sizeof *c->code);
    c->code[at] = (locust__regex_inst){op, x, y};
    c->n++;
    return true;
}

/* An atom: an instruction that takes a character. */
static bool locust__regex_parse_atom(
    locust__regex_parse *c, locust__regex_op op, int32_t x, int32_t y)
{
    c->atom = c->n;
    c->repeated = false;
    return locust__regex_parse_emit(c, op, x, y);
}

static bool locust__regex_parse_assertion(locust__regex_parse *c, locust__regex_op op)
{
    c->atom = -1;
    c->repeated = false;
    return locust__regex_parse_emit(c, op, 0, 0);
}

/* -- characters and classes -- */

/* May a character beyond ASCII have another case? Unicode's blocks with letters of two cases. */
static bool locust__regex_parse_has_case(int32_t c)
{
    static const locust__regex_range blocks[] = {{0xB5, 0xB5}, {0xC0, 0xD6}, {0xD8, 0xF6},
        {0xF8, 0x58F}, {0x10A0, 0x10FF}, {0x13A0, 0x13FF}, {0x1C80, 0x1FFF}, {0x2126, 0x2132},
        {0x214E, 0x2188}, {0x24B6, 0x24E9}, {0x2C00, 0x2D2F}, {0xA640, 0xA69F}, {0xA720, 0xA7FF},
        {0xAB30, 0xABBF}, {0xFB00, 0xFB17}, {0xFF21, 0xFF5A}, {0x10400, 0x105BF},
        {0x10C80, 0x10CFF}, {0x118A0, 0x118DF}, {0x16E40, 0x16E7F}, {0x1E900, 0x1E943}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (c >= blocks[i].from && c <= blocks[i].to)
            return true;
    return false;
}

static int32_t locust__regex_parse_other_case(int32_t c)
{
    return c < 0x80 && locust__text_is_alnum((char)c) && c >= 'A' ? c ^ 0x20 : c;
}

static bool locust__regex_parse_char(locust__regex_parse *c, const char *at, int32_t code)
{
    if (c->nocase && locust__regex_parse_has_case(code))
        return locust__regex_parse_refuse(
            c, at, "(?i) knows the letters a to z alone, not this one");
    return locust__regex_parse_atom(
        c, LOCUST__REGEX_CHAR, code, c->nocase ? locust__regex_parse_other_case(code) : code);
}

static bool locust__regex_parse_add(locust__regex_parse *c, int32_t from, int32_t to)
{
    locust__regex_range *ranges;
    if (from > to)
        return true;
    if (c->n_ranges >= LOCUST__REGEX_PARSE_LENGTH)
        return locust__regex_parse_refuse(c, c->p, "the pattern gets too long");
    ranges = locust__memory_grow(c->ranges, sizeof *ranges, (size_t)c->n_ranges, &c->ranges_cap);
    c->no_memory = !ranges;
    if (!ranges)
        return locust__regex_parse_refuse(c, c->p, "out of memory");
    c->ranges = ranges;
    ranges[c->n_ranges++] = (locust__regex_range){from, to};
    return true;
}

/* Adds a range to the class, of both cases if case does not matter. */
static bool locust__regex_parse_range(
    locust__regex_parse *c, const char *at, int32_t from, int32_t to)
{
    static const char letters[] = "AZaz";
    if (!locust__regex_parse_add(c, from, to))
        return false;
    for (int i = 0; c->nocase && i < 4; i += 2) {
        int32_t a = from > letters[i] ? from : letters[i];
        int32_t z = to < letters[i + 1] ? to : letters[i + 1];
        if (a <= z && !locust__regex_parse_add(c, a ^ 0x20, z ^ 0x20))
            return false;
    }
    for (int32_t code = from > 0x80 ? from : 0x80;
         c->nocase && to < LOCUST__REGEX_LAST && code <= to; code++)
        if (locust__regex_parse_has_case(code))
            return locust__regex_parse_refuse(
                c, at, "(?i) knows the letters a to z alone, not this range");
    return true;
}

/* The sets that have a name, as pairs of first and last. */
static const struct locust__regex_parse_set {
    const char *name; // of [:alpha:], or the letter behind a backslash
    int n;
    unsigned char pairs[9];
} locust__regex_parse_sets[] = {
    {"d", 1, "09"},
    {"w", 4, "09AZ__az"},
    {"s", 2, "\t\r  "},
    {"alnum", 3, "09AZaz"},
    {"alpha", 2, "AZaz"},
    {"blank", 2, "\t\t  "},
    {"cntrl", 2, "\x00\x1F\x7F\x7F"},
    {"digit", 1, "09"},
    {"graph", 1, "!~"},
    {"lower", 1, "az"},
    {"print", 1, " ~"},
    {"punct", 4, "!/:@[`{~"},
    {"space", 2, "\t\r  "},
    {"upper", 1, "AZ"},
    {"word", 4, "09AZ__az"},
    {"xdigit", 3, "09AFaf"},
};

/* Adds a set, or all that is not in it, to the class. False: there is none. */
static bool locust__regex_parse_set(
    locust__regex_parse *c, const char *at, locust__view name, bool negated)
{
    int32_t next = 0;
    for (size_t i = 0; i < sizeof locust__regex_parse_sets / sizeof *locust__regex_parse_sets;
         i++) {
        const struct locust__regex_parse_set *set = &locust__regex_parse_sets[i];
        if (!locust__view_is(name, set->name))
            continue;
        for (int k = 0; k < 2 * set->n; k += 2) {
            int32_t from = set->pairs[k], to = set->pairs[k + 1];
            if (!locust__regex_parse_range(c, at, negated ? next : from, negated ? from - 1 : to))
                return false;
            next = to + 1;
        }
        return !negated || locust__regex_parse_range(c, at, next, LOCUST__REGEX_END);
    }
    return locust__regex_parse_refuse(c, at, "there is no such [:class:]");
}

/* Reads what stands for one character behind a backslash, from the letter on. -1: refused. */
static int32_t locust__regex_parse_escape(locust__regex_parse *c, bool in_class)
{
    static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
    const char *at = c->p - 1, *known;
    char letter = *c->p++;
    int n = letter == 'x' ? 2 : letter == 'u' ? 4 : 0;
    long code = -1;
    if (!letter) {
        locust__regex_parse_refuse(c, at, "a backslash at the end stands for nothing");
        return -1;
    }
    if ((unsigned char)letter >= 0x80) {
        const char *next;
        code = locust__regex_read(c->p - 1, c->end, &next);
        c->p = next;
        return (int32_t)code;
    }
    if (!locust__text_is_alnum(letter))
        return letter;
    known = strchr(from, letter);
    if (known)
        return to[known - from];
    if (in_class && letter == 'b')
        return '\b';
    if (letter == '0' && !locust__text_is_digit(*c->p))
        return '\0';
    if (n && *c->p == '{') { // \x{20AC}
        n = (int)strcspn(c->p, "}") - 1;
        code = n >= 1 && n <= 6 && c->p[n + 1] ? locust__number_hex(c->p + 1, n) : -1;
        n += 2;
    } else if (n) {
        code = c->end - c->p >= n ? locust__number_hex(c->p, n) : -1;
    }
    if (n && (code < 0 || code > LOCUST__REGEX_LAST || (code >= 0xD800 && code < 0xE000))) {
        locust__regex_parse_refuse(
            c, at, "this escape takes the code of a character in hexadecimal digits");
    } else if (n) {
        c->p += n;
        return (int32_t)code;
    } else if (letter == '0') {
        locust__regex_parse_refuse(c, at, "octal codes are not supported, write \\xHH");
    } else if (locust__text_is_digit(letter) || letter == 'g' || letter == 'k') {
        locust__regex_parse_refuse(c, at, "references to a group are not supported");
    } else if (letter == 'p' || letter == 'P') {
        locust__regex_parse_refuse(c, at, "properties of characters (\\p) are not supported");
    } else if (letter == 'Z') {
        locust__regex_parse_refuse(c, at,
            "\\Z means one thing in Perl, another in Python: "
            "write \\z for the end, $ to allow a newline there");
    } else if (letter == 'Q' || letter == 'E') {
        locust__regex_parse_refuse(c, at, "\\Q...\\E is not supported");
    } else {
        locust__regex_parse_refuse(c, at, "there is no such escape");
    }
    return -1;
}

/* One character or one set within brackets. The code of the character; -2: it was a set; -1:
 * refused. */
static int32_t locust__regex_parse_member(locust__regex_parse *c)
{
    const char *at = c->p, *next, *end;
    int32_t code;
    if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '=')) {
        const char close[] = {at[1], ']', '\0'};
        end = strstr(at + 2, close);
        if (end && at[1] != ':') {
            locust__regex_parse_refuse(c, at, "collating elements are not supported");
            return -1;
        }
        if (end) {
            bool negated = at[2] == '^';
            locust__view name = {at + 2 + negated, (size_t)(end - at) - 2 - negated};
            c->p = end + 2;
            if (name.len < 2) {
                locust__regex_parse_refuse(c, at, "there is no such [:class:]");
                return -1;
            }
            return locust__regex_parse_set(c, at, name, negated) ? -2 : -1;
        }
    }
    if (*at == '\\') {
        c->p++;
        if (*c->p && strchr("dswDSW", *c->p)) {
            char letter = locust__text_lower(*c->p);
            bool negated = *c->p++ != letter;
            return locust__regex_parse_set(c, at, (locust__view){&letter, 1}, negated) ? -2 : -1;
        }
        return locust__regex_parse_escape(c, true);
    }
    code = locust__regex_read(at, c->end, &next);
    c->p = next;
    return code;
}

/* A class in brackets. */
static bool locust__regex_parse_class(locust__regex_parse *c)
{
    const char *start = c->p++, *at;
    size_t name;
    bool negated = *c->p == '^';
    int32_t first = c->n_ranges, from, to;
    c->p += negated;
    name = *c->p == ':' ? strspn(c->p + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
    if (name && c->p[name + 1] == ':' && c->p[name + 2] == ']')
        return locust__regex_parse_refuse(
            c, start, "[:class:] stands within brackets, [[:class:]]");
    do {
        at = c->p;
        if (!*at)
            return locust__regex_parse_refuse(c, start, "this [ is never closed");
        from = locust__regex_parse_member(c);
        if (from == -1)
            return false;
        if (*c->p == '-' && c->p[1] && c->p[1] != ']') {
            c->p++;
            to = from >= 0 ? locust__regex_parse_member(c) : -2;
            if (to == -1)
                return false;
            if (to < from || to == -2)
                return locust__regex_parse_refuse(c, at, "this range has no such ends");
        } else {
            to = from;
        }
        if (from >= 0 && !locust__regex_parse_range(c, at, from, to))
            return false;
    } while (*c->p != ']');
    c->p++;
    return locust__regex_parse_atom(
        c, negated ? LOCUST__REGEX_NOT_IN : LOCUST__REGEX_IN, first, c->n_ranges - first);
}

/* A backslash and what follows, outside brackets. */
static bool locust__regex_parse_backslash(locust__regex_parse *c)
{
    static const char edges[] = "AzbB";
    static const locust__regex_op ops[] = {LOCUST__REGEX_TEXT_BEGIN, LOCUST__REGEX_TEXT_END,
        LOCUST__REGEX_WORD_EDGE, LOCUST__REGEX_NO_WORD_EDGE};
    const char *at = c->p++, *edge = *c->p ? strchr(edges, *c->p) : NULL;
    int32_t first = c->n_ranges, code;
    if (edge) {
        c->p++;
        return locust__regex_parse_assertion(c, ops[edge - edges]);
    }
    if (*c->p && strchr("dswDSW", *c->p)) {
        c->p = at;
        return locust__regex_parse_member(c) == -2 &&
               locust__regex_parse_atom(c, LOCUST__REGEX_IN, first, c->n_ranges - first);
    }
    code = locust__regex_parse_escape(c, false);
    return code >= 0 && locust__regex_parse_char(c, at, code);
}

/* -- groups -- */

/* What a group may begin with that is refused, and why. */
static const char *const locust__regex_parse_refused[][2] = {
    {"(?=", "lookahead (?=...) is not supported"},
    {"(?!", "lookahead (?!...) is not supported"},
    {"(?<=", "lookbehind (?<=...) is not supported"},
    {"(?<!", "lookbehind (?<!...) is not supported"},
    {"(?>", "groups without a way back (?>...) are not supported"},
    {"(?|", "(?|...) is not supported"},
    {"(?#", "comments (?#...) are not supported"},
    {"(?(", "conditions (?(1)...) are not supported"},
    {"(?P=", "references to a group are not supported"},
    {"(?P>", "patterns that call themselves are not supported"},
    {"(?&", "patterns that call themselves are not supported"},
    {"(?R", "patterns that call themselves are not supported"},
};

/* Reads "(?P<name>" and "(?<name>" up to their end. */
static bool locust__regex_parse_name(locust__regex_parse *c, const char *at)
{
    const char *name = c->p;
    while (locust__regex_is_word((unsigned char)*c->p))
        c->p++;
    if (c->p == name || locust__text_is_digit(*name) || *c->p != '>')
        return locust__regex_parse_refuse(c, at, "this group has no name that it could have");
    c->p++;
    return true;
}

/* Reads the flags of "(?im-s)" and "(?i:". *scoped: it is the latter. */
static bool locust__regex_parse_flags(locust__regex_parse *c, const char *at, bool *scoped)
{
    bool on = true;
    for (; *c->p != ')' && *c->p != ':'; c->p++)
        switch (*c->p) {
        case 'i':
            c->nocase = on;
            break;
        case 's':
            c->all = on;
            break;
        case 'm':
            c->lines = on;
            break;
        case 'a': // ASCII, as always
            break;
        case 'x':
            return locust__regex_parse_refuse(
                c, at, "the flag x is not supported: blanks and # are text");
        case '-':
            if (on && c->p[1] != ')' && c->p[1] != ':') {
                on = false;
                break;
            }
            return locust__regex_parse_refuse(c, at, "there is no such flag or group");
        default:
            return locust__regex_parse_refuse(c, at, "there is no such flag or group");
        }
    *scoped = *c->p++ == ':';
    return true;
}

/* An opening parenthesis. */
static bool locust__regex_parse_open(locust__regex_parse *c)
{
    const char *at = c->p++;
    bool nocase = c->nocase, all = c->all, lines = c->lines, captures = true;
    locust__regex_parse_group *g;
    if (*c->p == '?') {
        size_t n = sizeof locust__regex_parse_refused / sizeof *locust__regex_parse_refused;
        for (size_t i = 0; i < n; i++) {
            const char *const *refused = locust__regex_parse_refused[i];
            if (strncmp(at, refused[0], strlen(refused[0])) == 0)
                return locust__regex_parse_refuse(c, at, refused[1]);
        }
        c->p++;
        if (*c->p == '<' || (*c->p == 'P' && c->p[1] == '<')) {
            c->p += 1 + (*c->p == 'P');
            if (!locust__regex_parse_name(c, at))
                return false;
        } else {
            if (!locust__regex_parse_flags(c, at, &captures))
                return false;
            if (!captures) { // flags for what follows in this group
                c->atom = -1;
                c->repeated = false;
                return true;
            }
            captures = false;
        }
    }
    if (c->depth + 1 == LOCUST__REGEX_PARSE_DEPTH)
        return locust__regex_parse_refuse(c, at, "groups in groups are too deep here");
    g = &c->groups[++c->depth];
    *g = (locust__regex_parse_group){.place = (size_t)(at - c->text),
        .from = c->n,
        .jumps = -1,
        .number = captures ? ++c->n_groups : 0,
        .nocase = nocase,
        .all = all,
        .lines = lines};
    if (captures && !locust__regex_parse_emit(c, LOCUST__REGEX_OPEN, g->number, 0))
        return false;
    g->branch = c->n;
    c->atom = -1;
    c->repeated = false;
    return true;
}

/* A bar: what stands in the group since the last one becomes the first choice. */
static bool locust__regex_parse_bar(locust__regex_parse *c)
{
    locust__regex_parse_group *g = &c->groups[c->depth];
    int32_t len = c->n - g->branch;
    if (!locust__regex_parse_insert(c, g->branch, LOCUST__REGEX_SPLIT, 1, len + 2) ||
        !locust__regex_parse_emit(c, LOCUST__REGEX_JUMP, g->jumps, 0))
        return false;
    g->jumps = c->n - 1;
    g->branch = c->n;
    c->atom = -1;
    c->repeated = false;
    c->p++;
    return true;
}

/* The end of a group, or of the pattern. */
static bool locust__regex_parse_close(locust__regex_parse *c)
{
    const locust__regex_parse_group *g = &c->groups[c->depth];
    for (int32_t at = g->jumps, before; at >= 0; at = before) {
        before = c->code[at].x;
        c->code[at].x = c->n - at;
    }
    if (g->number && !locust__regex_parse_emit(c, LOCUST__REGEX_CLOSE, g->number, 0))
        return false;
    c->nocase = g->nocase;
    c->all = g->all;
    c->lines = g->lines;
    c->atom = g->from;
    c->repeated = false;
    c->depth--;
    return true;
}

/* -- repeats -- */

/* Reads {m}, {m,} or {m,n} at p; *most is -1 for any number. NULL: it is none, and { stands for
 * itself; else where it ends. */
static const char *locust__regex_parse_braces(const char *p, int64_t *least, int64_t *most)
{
    p++;
    if (!locust__text_is_digit(*p))
        return NULL;
    *least = *most = locust__number_whole(&p);
    if (*p == ',') {
        p++;
        *most = locust__text_is_digit(*p) ? locust__number_whole(&p) : -1;
    }
    return *p == '}' ? p + 1 : NULL;
}

/* Repeats the last atom. x* is (x+)?, so that an x that may be empty is tried once, as in Perl. */
static bool locust__regex_parse_multiply(
    locust__regex_parse *c, int32_t least, int32_t most, bool lazy)
{
    int32_t at = c->atom, len = c->n - at, end;
    int32_t copies = most < 0 ? (least > 0 ? least : 1) : most;
    int32_t optional = most < 0 ? least == 0 : most - least;
    if (!copies) {
        c->n = at;
        return true;
    }
    end = at + copies * len + optional + (most < 0);
    if (!locust__regex_parse_room(c, end - c->n))
        return false;
    for (int32_t i = copies - 1; i >= 0;
         i--) { // from the last on, whose place is behind all others
        int32_t splits = i - (copies - optional) + 1;
        int32_t to = at + i * len + (splits > 0 ? splits : 0);
        memmove(c->code + to, c->code + at, (size_t)len * sizeof *c->code);
        if (splits > 0)
            c->code[to - 1] = lazy ? (locust__regex_inst){LOCUST__REGEX_SPLIT, end - to + 1, 1}
                                   : (locust__regex_inst){LOCUST__REGEX_SPLIT, 1, end - to + 1};
    }
    if (most < 0)
        c->code[end - 1] = lazy ? (locust__regex_inst){LOCUST__REGEX_SPLIT, 1, -len}
                                : (locust__regex_inst){LOCUST__REGEX_SPLIT, -len, 1};
    c->n = end;
    return true;
}

/* One of * + ? {m,n}, and its lazy form. */
static bool locust__regex_parse_repeat(locust__regex_parse *c)
{
    const char *at = c->p, *end = at + 1;
    int64_t least = *at == '+', most = *at == '?' ? 1 : -1;
    bool lazy;
    if (*at == '{') {
        if (at[1] == ',' && locust__text_is_digit(at[2]) &&
            at[2 + strspn(at + 2, "0123456789")] == '}')
            return locust__regex_parse_refuse(
                c, at, "{,n} is a repeat in some languages and text in others, write {0,n}");
        end = locust__regex_parse_braces(at, &least, &most);
        if (!end) {
            c->p++;
            return locust__regex_parse_char(c, at, '{');
        }
    }
    if (c->repeated)
        return locust__regex_parse_refuse(c, at,
            *at == '+' ? "repeats without a way back (*+ ++ ?+) are not supported"
                       : "this repeats a repeat");
    if (c->atom < 0)
        return locust__regex_parse_refuse(c, at, "there is nothing to repeat before this");
    if (least > LOCUST__REGEX_PARSE_REPEATS || most > LOCUST__REGEX_PARSE_REPEATS)
        return locust__regex_parse_refuse(c, at, "a repeat goes up to 1000");
    if (most >= 0 && least > most)
        return locust__regex_parse_refuse(c, at, "this repeat is at least more than at most");
    lazy = *end == '?';
    if (!locust__regex_parse_multiply(c, (int32_t)least, (int32_t)most, lazy))
        return false;
    c->repeated = true;
    c->p = end + lazy;
    return true;
}

/* -- the whole -- */

/* Takes the next thing of the pattern. */
static bool locust__regex_parse_next(locust__regex_parse *c)
{
    const char *at = c->p, *next;
    int32_t code;
    switch (*at) {
    case '|':
        return locust__regex_parse_bar(c);
    case '(':
        return locust__regex_parse_open(c);
    case ')':
        if (!c->depth)
            return locust__regex_parse_refuse(c, at, "this ) closes nothing");
        c->p++;
        return locust__regex_parse_close(c);
    case '*':
    case '+':
    case '?':
    case '{':
        return locust__regex_parse_repeat(c);
    case '[':
        return locust__regex_parse_class(c);
    case '\\':
        return locust__regex_parse_backslash(c);
    case '.':
        c->p++;
        return locust__regex_parse_atom(c, c->all ? LOCUST__REGEX_ALL : LOCUST__REGEX_ANY, 0, 0);
    case '^':
        c->p++;
        return locust__regex_parse_assertion(
            c, c->lines ? LOCUST__REGEX_LINE_BEGIN : LOCUST__REGEX_TEXT_BEGIN);
    case '$':
        c->p++;
        return locust__regex_parse_assertion(
            c, c->lines ? LOCUST__REGEX_LINE_END : LOCUST__REGEX_LAST_LINE_END);
    default:
        code = locust__regex_read(at, c->end, &next);
        c->p = next;
        return locust__regex_parse_char(c, at, code);
    }
}

/* Finds out with which bytes a match can begin. */
static void locust__regex_parse_first(locust__regex *r)
{
    int32_t waiting = 0;
    memset(r->mark, 0, (size_t)r->n * sizeof *r->mark);
    r->stack[waiting++].at = 0;
    // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch): all of *r begins zeroed
    while (waiting > 0 && !r->any_first) {
        int32_t at = r->stack[--waiting].at;
        const locust__regex_inst *inst = &r->code[at];
        if (r->mark[at])
            continue;
        r->mark[at] = 1;
        if (inst->op == LOCUST__REGEX_MATCH) {
            r->any_first = true;
        } else if (inst->op < LOCUST__REGEX_MATCH) {
            for (int32_t c = 0; c < 256; c++) // of a character beyond ASCII, any byte
                r->first[c] |= c >= 0x80 ? inst->op != LOCUST__REGEX_CHAR || inst->x >= 0x80
                                         : locust__regex_takes(r, inst, c);
        } else if (inst->op == LOCUST__REGEX_SPLIT) {
            r->stack[waiting++].at = at + inst->y;
            r->stack[waiting++].at = at + inst->x;
        } else {
            r->stack[waiting++].at = at + (inst->op == LOCUST__REGEX_JUMP ? inst->x : 1);
        }
    }
}

/* Puts the program into a block of its own. NULL: no memory. */
static locust__regex *locust__regex_parse_pack(const locust__regex_parse *c)
{
    size_t n = (size_t)c->n, threads = (n + 1) * sizeof(locust__regex_thread);
    size_t code = n * sizeof *c->code, ranges = (size_t)c->n_ranges * sizeof *c->ranges;
    locust__regex *r =
        locust__memory_zalloc(sizeof *r + 3 * threads + code + ranges + n * sizeof *r->mark);
    if (!r)
        return NULL;
    r->now = (locust__regex_thread *)(void *)(r + 1);
    r->next = r->now + n + 1;
    r->stack = r->next + n + 1;
    r->code = (locust__regex_inst *)(void *)(r->stack + n + 1);
    r->ranges = (locust__regex_range *)(void *)(r->code + n);
    r->mark = (uint32_t *)(void *)(r->ranges + c->n_ranges);
    r->n = c->n;
    memcpy(r->code, c->code, code);
    if (ranges)
        memcpy(r->ranges, c->ranges, ranges);
    locust__regex_parse_first(r);
    return r;
}

/* Compiles a pattern; the caller frees the result by LOCUST_FREE. NULL: no memory, then *why is
 * empty, or the pattern is refused. Takes some 3 KB of stack. */
static locust__regex *locust__regex_compile(const char *text, char *why, size_t size)
{
    locust__regex_parse c = {.text = text, .p = text, .end = text + strlen(text), .atom = -1};
    locust__regex *r = NULL;
    bool good = true;
    *why = '\0';
    c.groups[0].jumps = -1;
    while (good && *c.p)
        good = locust__regex_parse_next(&c);
    if (good && c.depth)
        good = locust__regex_parse_refuse(
            &c, text + c.groups[c.depth].place, "this ( is never closed");
    if (good && locust__regex_parse_close(&c) &&
        locust__regex_parse_emit(&c, LOCUST__REGEX_MATCH, 0, 0))
        r = locust__regex_parse_pack(&c);
    else if (!c.no_memory)
        snprintf(why, size, "at byte %zu: %s", c.place, c.wrong);
    LOCUST_FREE(c.code);
    LOCUST_FREE(c.ranges);
    return r;
}
