/* ============================================================================================
 * >>tui_screen  lines on a terminal, of which those that changed are written
 *
 * Purpose     a frame is made anew as lines of plain text, each with a style; what the terminal
 *             shows already is not written again, so nothing flickers.
 * Invariants  a frame goes out whole or not at all: where the last one was not taken yet the next
 *             is left out, and the one after it has all that changed meanwhile.
 * Cost        bytes for the lines that changed; the text of one frame is kept.
 * Names       locust__screen locust__screen_
 * Limits      a character takes one column: wide ones shift what stands behind them.
 * ============================================================================================ */

enum locust__screen_style {
    LOCUST__SCREEN_PLAIN,
    LOCUST__SCREEN_BOLD,
    LOCUST__SCREEN_BAR, // reverse, over the whole width
    LOCUST__SCREEN_GOOD,
    LOCUST__SCREEN_BAD,
    LOCUST__SCREEN_FAINT,
    LOCUST__SCREEN_STYLES
};

static const char *const locust__screen_codes[LOCUST__SCREEN_STYLES] = {
    "", "\033[1m", "\033[7m", "\033[32m", "\033[31m", "\033[2m"};

typedef struct locust__screen_line {
    uint64_t shown, next; // hashes of what is there, and of what is to be
} locust__screen_line;

typedef struct locust__screen {
    locust__out *out;
    int rows, columns;
    bool plain;                 // no colours
    locust__screen_line *lines; // `rows` of them
    locust__buf text;           // of the frame that is made
    int at;                     // the line that is made next
} locust__screen;

static void locust__screen_free(locust__screen *s)
{
    LOCUST_FREE(s->lines);
    locust__buf_free(&s->text);
    s->lines = NULL;
}

/* Begins a frame. True: there is room for one; `anew`: whatever is there is to be replaced. */
static bool locust__screen_begin(locust__screen *s, bool anew)
{
    int rows, columns;
    locust__os_terminal_size(&rows, &columns);
    if (!locust__out_is_free(s->out))
        return false;
    s->text.len = 0;
    s->text.failed = false;
    s->at = 0;
    if (rows != s->rows || columns != s->columns || anew || !s->lines) {
        locust__screen_line *lines = locust__memory_zalloc((size_t)rows * sizeof *lines);
        if (!lines)
            return false;
        LOCUST_FREE(s->lines);
        s->lines = lines;
        s->rows = rows;
        s->columns = columns;
        locust__buf_puts(&s->text, "\033[0m\033[2J");
    }
    return true;
}

/* Has the terminal another size than the last frame? */
static bool locust__screen_is_other(const locust__screen *s)
{
    int rows, columns;
    locust__os_terminal_size(&rows, &columns);
    return rows != s->rows || columns != s->columns;
}

/* The bytes of the first n characters. */
static size_t locust__screen_cut(locust__view text, int n)
{
    locust__view rest = text;
    uint32_t code;
    while (rest.len && n-- > 0)
        locust__text_next(&rest, &code);
    return text.len - rest.len;
}

/* How many characters a text has. */
static int locust__screen_width(locust__view text)
{
    uint32_t code;
    int n = 0;
    for (; text.len; n++)
        locust__text_next(&text, &code);
    return n;
}

/* Adds a line to the frame; what is wider than the screen, or below it, is cut off. Control
 * characters become blanks. */
static void locust__screen_put(locust__screen *s, enum locust__screen_style style, const char *text)
{
    locust__buf plain = {NULL, 0, 0, false};
    locust__view v;
    uint64_t hash;
    if (s->at >= s->rows)
        return;
    locust__buf_line(&plain, locust__view_of(text));
    s->text.failed |= plain.failed;
    v = (locust__view){plain.ptr, plain.len};
    v.len = locust__screen_cut(v, s->columns);
    hash = locust__text_hash((uint64_t)style + 1, v.len ? v.ptr : "", v.len);
    s->lines[s->at].next = hash;
    if (s->lines[s->at].shown != hash) {
        int width = locust__screen_width(v);
        const char *code =
            s->plain && style != LOCUST__SCREEN_BAR ? "" : locust__screen_codes[style];
        locust__buf_printf(&s->text, "\033[%d;1H%s", s->at + 1, code);
        locust__buf_add(&s->text, v.ptr, v.len);
        for (int i = width; style == LOCUST__SCREEN_BAR && i < s->columns; i++)
            locust__buf_puts(&s->text, " ");
        locust__buf_puts(&s->text, "\033[0m");
        if (width < s->columns)
            locust__buf_puts(&s->text, "\033[K"); // at the last column it would take that away
    }
    s->at++;
    locust__buf_free(&plain);
}

/* Ends the frame: lines below are emptied, and it is written. */
static void locust__screen_end(locust__screen *s)
{
    while (s->at < s->rows)
        locust__screen_put(s, LOCUST__SCREEN_PLAIN, "");
    if (s->text.failed)
        return;
    for (int i = 0; i < s->rows; i++)
        s->lines[i].shown = s->lines[i].next;
    if (s->text.len)
        locust__out_table(s->out, s->text.ptr, s->text.len);
}
