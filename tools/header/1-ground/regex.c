/* ============================================================================================
 * >>regex  regular expressions: the search
 *
 * Purpose     finds the first place where a compiled pattern matches, and one of its groups, in
 *             time that no pattern and no text can blow up, with one meaning everywhere.
 * Invariants  a search reads the text once, from left to right. At each character an instruction
 *             is on the list of threads at most once, and the list is in order of preference: so
 *             the first thread that arrives at MATCH is what Perl's backtracking would have found.
 * Cost        instructions times characters at worst; 1 ns a byte while nothing has begun to match
 *             and the pattern begins with few different bytes. A search allocates nothing.
 * Names       locust__regex_ locust__regex
 * Sources     Thompson 1968; Pike's virtual machine, written from Cox's description of it.
 * Limits      the text is UTF-8; a byte that is not part of any stands for itself, as a character
 *             that . and negated classes take.
 *
 *   a(b|c)*d    0 CHAR a   1 SPLIT 2 8   2 OPEN 1   3 SPLIT 4 6   4 CHAR b   5 JUMP 7   6 CHAR c
 *               7 CLOSE 1   8 SPLIT 2 9 ...   in the program, targets count from the instruction
 * ============================================================================================ */

typedef enum locust__regex_op {
    LOCUST__REGEX_CHAR,   // takes x or y
    LOCUST__REGEX_ANY,    // takes any character but a newline
    LOCUST__REGEX_ALL,    // takes any
    LOCUST__REGEX_IN,     // takes one in the y ranges from range x on
    LOCUST__REGEX_NOT_IN, // takes one in none of them
    LOCUST__REGEX_MATCH,
    LOCUST__REGEX_SPLIT, // goes x further; or, if that does not match, y
    LOCUST__REGEX_JUMP,  // goes x further
    LOCUST__REGEX_OPEN,  // group x begins here
    LOCUST__REGEX_CLOSE, // and ends here
    LOCUST__REGEX_TEXT_BEGIN,
    LOCUST__REGEX_TEXT_END,
    LOCUST__REGEX_LAST_LINE_END, // the end, or before a newline that ends the text
    LOCUST__REGEX_LINE_BEGIN,
    LOCUST__REGEX_LINE_END,
    LOCUST__REGEX_WORD_EDGE,
    LOCUST__REGEX_NO_WORD_EDGE,
} locust__regex_op;

enum {
    LOCUST__REGEX_LAST = 0x10FFFF,      // the last code point; a stray byte is one behind that
    LOCUST__REGEX_END = 0x10FFFF + 256, // the last character
};

typedef struct locust__regex_inst {
    locust__regex_op op;
    int32_t x, y;
} locust__regex_inst;

typedef struct locust__regex_range {
    int32_t from, to;
} locust__regex_range;

typedef struct locust__regex_thread {
    int32_t at;            // its next instruction
    const char *from, *to; // the group that was asked for, as far as it is known
} locust__regex_thread;

typedef struct locust__regex { // one block of memory with all that it points to
    locust__regex_inst *code;  // n instructions
    locust__regex_range *ranges;
    locust__regex_thread *now, *next, *stack; // for n + 1 each
    uint32_t *mark; // by instruction: the last turn in which a thread came by
    int32_t n, n_now, n_next;
    uint32_t turn;
    bool any_first;          // a match can begin with any byte, or be empty
    bool first[256];         // else with these alone
    const char *begin, *end; // the text that is searched
    int32_t group;
} locust__regex;

/* The character at p, and where the next begins. */
static int32_t locust__regex_read(const char *p, const char *end, const char **next)
{
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)p;
    int n = *u < 0xC2 ? 1 : *u < 0xE0 ? 2 : *u < 0xF0 ? 3 : *u < 0xF5 ? 4 : 1;
    int32_t c = *u & (0x7F >> n);
    *next = p + 1;
    if (*u < 0x80)
        return *u;
    for (int i = 1; n > 1 && i < n; i++) {
        if (end - p <= i || (u[i] & 0xC0) != 0x80)
            n = 1;
        c = c << 6 | (u[n > 1 ? i : 0] & 0x3F);
    }
    if (n == 1 || c < least[n] || c > LOCUST__REGEX_LAST || (c >= 0xD800 && c < 0xE000))
        return LOCUST__REGEX_LAST + 1 + *u - 0x80;
    *next = p + n;
    return c;
}

static bool locust__regex_is_word(int32_t c)
{
    return c < 0x80 && (locust__text_is_alnum((char)c) || c == '_');
}

/* Does the instruction, one up to NOT_IN, take this character? */
static bool locust__regex_takes(const locust__regex *r, const locust__regex_inst *inst, int32_t c)
{
    bool in = false;
    switch (inst->op) {
    case LOCUST__REGEX_CHAR:
        return c == inst->x || c == inst->y;
    case LOCUST__REGEX_ANY:
        return c != '\n';
    case LOCUST__REGEX_ALL:
        return true;
    default:
        for (int32_t i = 0; !in && i < inst->y; i++)
            in = c >= r->ranges[inst->x + i].from && c <= r->ranges[inst->x + i].to;
        return in == (inst->op == LOCUST__REGEX_IN);
    }
}

/* Does the assertion hold between the characters before and at p? */
static bool locust__regex_holds(const locust__regex *r, locust__regex_op op, const char *p)
{
    bool first = p == r->begin, last = p == r->end;
    bool before = !first && locust__regex_is_word((unsigned char)p[-1]);
    bool behind = !last && locust__regex_is_word((unsigned char)*p);
    switch (op) {
    case LOCUST__REGEX_TEXT_BEGIN:
        return first;
    case LOCUST__REGEX_TEXT_END:
        return last;
    case LOCUST__REGEX_LAST_LINE_END:
        return last || (p + 1 == r->end && *p == '\n');
    case LOCUST__REGEX_LINE_BEGIN:
        return first || p[-1] == '\n';
    case LOCUST__REGEX_LINE_END:
        return last || *p == '\n';
    case LOCUST__REGEX_WORD_EDGE:
        return before != behind;
    default:
        return before == behind;
    }
}

/* Adds to `next` where thread t, now before the character at p, leads without taking one, in order
 * of preference. */
static void locust__regex_follow(locust__regex *r, locust__regex_thread t, const char *p)
{
    int32_t waiting = 0;
    r->stack[waiting++] = t;
    while (waiting > 0) {
        const locust__regex_inst *inst;
        t = r->stack[--waiting];
        for (bool on = true; on && r->mark[t.at] != r->turn;) {
            r->mark[t.at] = r->turn;
            inst = &r->code[t.at];
            switch (inst->op) {
            case LOCUST__REGEX_SPLIT:
                r->stack[waiting] = t;
                r->stack[waiting++].at += inst->y;
                t.at += inst->x;
                break;
            case LOCUST__REGEX_JUMP:
                t.at += inst->x;
                break;
            case LOCUST__REGEX_OPEN:
                t.from = inst->x == r->group ? p : t.from;
                t.at++;
                break;
            case LOCUST__REGEX_CLOSE:
                t.to = inst->x == r->group ? p : t.to;
                t.at++;
                break;
            default:
                on = inst->op > LOCUST__REGEX_MATCH && locust__regex_holds(r, inst->op, p);
                if (on)
                    t.at++;
                else if (inst->op <= LOCUST__REGEX_MATCH)
                    r->next[r->n_next++] = t;
            }
        }
    }
}

/* Another character: what was next is now. */
static void locust__regex_turn(locust__regex *r)
{
    locust__regex_thread *was = r->now;
    r->now = r->next;
    r->n_now = r->n_next;
    r->next = was;
    r->n_next = 0;
    r->turn++;
}

/* Finds the leftmost match, of those there the one that Perl prefers, and in *found what its group
 * `group` matched; 0 is the whole. False: there is no match, or the group took no part in it. */
static bool locust__regex_search(
    locust__regex *r, locust__view text, int group, locust__view *found)
{
    locust__regex_thread start = {0, NULL, NULL}, best = {-1, NULL, NULL};
    const char *p = text.ptr, *next;
    r->begin = p;
    r->end = p + text.len;
    r->group = group;
    r->n_now = r->n_next = 0;
    memset(r->mark, 0, (size_t)r->n * sizeof *r->mark);
    r->turn = 1; // a text has less than 4 G characters: LOCUST_MAX_BODY
    for (;; p = next) {
        int32_t c = 0;
        if (best.at < 0 && !r->n_next && !r->any_first) { // nothing has begun: where may it?
            while (p < r->end && !r->first[(unsigned char)*p])
                p++;
            r->turn++;
        }
        if (best.at < 0) {
            start.from = p;
            locust__regex_follow(r, start, p);
        }
        locust__regex_turn(r);
        next = p;
        if (p < r->end)
            c = locust__regex_read(p, r->end, &next);
        for (int32_t i = 0; i < r->n_now; i++) {
            locust__regex_thread t = r->now[i];
            if (r->code[t.at].op == LOCUST__REGEX_MATCH) {
                best = t;
                best.to = group ? t.to : p;
                break; // what comes behind it is preferred less
            }
            if (p < r->end && locust__regex_takes(r, &r->code[t.at], c)) {
                t.at++;
                locust__regex_follow(r, t, next);
            }
        }
        if (p == r->end || (best.at >= 0 && !r->n_next))
            break;
    }
    if (best.at < 0 || !best.to)
        return false;
    *found = (locust__view){best.from, (size_t)(best.to - best.from)};
    return true;
}
