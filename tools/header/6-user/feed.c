/* ============================================================================================
 * >>feed  rows of files for users
 *
 * Purpose     LOCUST_FEEDER: accounts, search words and the like, from a file that is mapped once.
 * Invariants  a file is opened at the first use in a test and closed with its environment. Worker
 *             i of n sees rows i, i + n, ...; `number` of a row is its place in the whole file. A
 *             file is mapped, not copied: rows and fields are views into it until they are
 *             decoded.
 * Cost        8 bytes for each row, 16 when shuffled; a row is found in O(1), a field by a walk
 *             over its row.
 * Names       locust__feed_
 * Uses        >>stats >>user >>control
 * Sources     RFC 4180 (CSV); a line may end in LF or CR alone, and quotes may stand in an unquoted
 *             field, both as in Python's csv. What would swallow rows is refused as in Go's: a
 *             quote that is never closed, text behind a closing one.
 * ============================================================================================ */

/* Where the first row begins: behind a byte order mark, if the file has one. */
static size_t locust__feed_begin(const locust_feeder *f)
{
    return f->text && f->size >= 3 && memcmp(f->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

typedef struct locust__feed_form { // how a row is written
    size_t fields;
    const char *flaw; // NULL: it is well-formed
    size_t flaw_at;   // in the file
} locust__feed_form;

/* Where the row that begins at `at` ends, its line end included. A quoted field may contain line
 * ends; only a quote at the beginning of a field quotes it. */
static size_t locust__feed_row_end(const locust_feeder *f, size_t at, locust__feed_form *form)
{
    char separator = f->separator ? f->separator : ',';
    bool quoted = false, begins = !f->lines;
    *form = (locust__feed_form){.fields = 1};
    for (; at < f->size; at++) {
        char c = f->text[at], next = at + 1 < f->size ? f->text[at + 1] : '\n';
        if (quoted && c == '"' && next == '"' && at + 1 < f->size) {
            at++; // two quotes stand for one
        } else if (c == '"' && begins) {
            quoted = true;
            form->flaw_at = at;
        } else if (c == '"' && quoted) {
            quoted = false;
            if (!form->flaw && next != separator && next != '\n' && next != '\r') {
                form->flaw = "text follows a closing quote (a quote within quotes is doubled)";
                form->flaw_at = at;
            }
        } else if ((c == '\n' || c == '\r') && !quoted) {
            return at + 1 + (c == '\r' && at + 1 < f->size && next == '\n');
        }
        begins = c == separator && !quoted && !f->lines;
        form->fields += begins;
    }
    if (quoted && !form->flaw)
        form->flaw = "the quote that opens a field here is never closed";
    return at;
}

/* The number of the line, from 1, in which the byte at `at` stands. */
static size_t locust__feed_line(const locust_feeder *f, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += f->text[i] == '\n' || (f->text[i] == '\r' && f->text[i + 1] != '\n');
    return line;
}

/* The bytes of a row without its line end. */
static locust__view locust__feed_view(const locust_feeder *f, size_t start, size_t end)
{
    while (end > start && (f->text[end - 1] == '\n' || f->text[end - 1] == '\r'))
        end--;
    return (locust__view){f->text + start, end - start};
}

static void locust__feed_close(locust_feeder *f)
{
    if (f->text)
        locust__os_unmap(f->text, f->size);
    LOCUST_FREE(f->starts);
    LOCUST_FREE(f->shuffle);
    f->text = NULL;
    f->starts = f->shuffle = NULL;
    f->n = f->at = 0;
}

static void locust__feed_close_all(locust_feeder *f)
{
    for (locust_feeder *next; f; f = next) {
        next = f->next;
        locust__feed_close(f);
    }
}

/* Finds the rows of this process. Empty lines are not rows. False: no memory, or *flaw says what is
 * wrong with the file. */
static bool locust__feed_index(locust_feeder *f, const locust__users *all, locust__feed_form *flaw)
{
    size_t cap = 0, seen = 0, fields = 0, odd = 0, end;
    locust__feed_form form, first_odd = {.fields = 0};
    for (size_t begin = locust__feed_begin(f), at = begin; at < f->size; at = end) {
        size_t *starts;
        bool header = at == begin && !f->lines && !f->no_header, empty;
        end = locust__feed_row_end(f, at, &form);
        empty = !locust__feed_view(f, at, end).len;
        if (form.flaw) {
            *flaw = form;
            return false;
        }
        if (header)
            fields = form.fields;
        if (fields && !empty && form.fields != fields && !odd++)
            first_odd = (locust__feed_form){.fields = form.fields, .flaw_at = at};
        if (header || empty || seen++ % all->n_workers != all->worker)
            continue;
        starts = locust__memory_grow(f->starts, sizeof *starts, f->n, &cap);
        if (!starts)
            return false;
        f->starts = starts;
        f->starts[f->n++] = at;
    }
    if (odd)
        locust__say(
            "the data file %s: line %zu has %zu field%s, the header %zu (lines like that: %zu)",
            f->path, locust__feed_line(f, first_odd.flaw_at), first_odd.fields,
            first_odd.fields == 1 ? "" : "s", fields, odd);
    if (f->order == LOCUST_FEED_SHUFFLE && f->n) {
        f->shuffle = LOCUST_MALLOC(f->n * sizeof *f->shuffle);
        for (size_t i = 0; f->shuffle && i < f->n; i++)
            f->shuffle[i] = i;
    }
    return f->shuffle || f->order != LOCUST_FEED_SHUFFLE || !f->n;
}

/* Opens the file, and hangs it on the list that the environment closes. False: the test cannot go
 * on; *why says why not. */
static bool locust__feed_open(locust_feeder *f, locust__users *all, const char **why)
{
    char text[300];
    locust__feed_form flaw = {.flaw = NULL};
    int rc = locust__os_map(f->path, &f->text, &f->size);
    bool wide, indexed;
    LOCUST_ASSERT(rc < 0 || f->text || !f->size); // only an empty file has no text
    wide = rc >= 0 && f->size >= 2 &&
           (memcmp(f->text, "\xFF\xFE", 2) == 0 || memcmp(f->text, "\xFE\xFF", 2) == 0);
    indexed = rc >= 0 && !wide && locust__feed_index(f, all, &flaw);
    if (rc == -ESPIPE)
        snprintf(text, sizeof text, "the data file %.160s is a pipe: write it to a file", f->path);
    else if (rc < 0)
        snprintf(text, sizeof text, "cannot read the data file %.160s: %s", f->path, strerror(-rc));
    else if (wide)
        snprintf(text, sizeof text, "the data file %.160s is UTF-16: save it as UTF-8", f->path);
    else if (flaw.flaw)
        snprintf(text, sizeof text, "the data file %.160s, line %zu: %s", f->path,
            locust__feed_line(f, flaw.flaw_at), flaw.flaw);
    else if (!indexed)
        snprintf(text, sizeof text, "out of memory for the data file %.160s", f->path);
    else if (!f->starts)
        snprintf(text, sizeof text, "the data file %.160s has no row for this process", f->path);
    else {
        f->next = all->feeders;
        all->feeders = f;
        return true;
    }
    locust__feed_close(f);
    *why = locust__stats_text(all->services->recorder.stats, text);
    return false;
}

/* Puts the rows into a random order: Fisher and Yates. */
static void locust__feed_mix(locust_feeder *f, uint64_t *random)
{
    for (size_t i = f->n; i > 1; i--) {
        size_t k = (size_t)(locust__random_unit(random) * (double)i), was = f->shuffle[i - 1];
        f->shuffle[i - 1] = f->shuffle[k];
        f->shuffle[k] = was;
    }
}

LOCUST_API bool locust_feed(locust_user *u, locust_feeder *f, locust_feed_row *row)
{
    locust__user *user = locust__control_user(u, "locust_feed");
    locust__users *all = user->all;
    uint64_t *random = &all->services->loop->random;
    locust__feed_form form;
    const char *wrong;
    locust__view text;
    size_t i;
    if (!f->starts && !locust__feed_open(f, all, &wrong))
        locust__control_break(user, wrong);
    if (f->at == f->n && f->order == LOCUST_FEED_UNIQUE)
        return false;
    f->at = f->at == f->n ? 0 : f->at;
    if (f->at == 0 && f->shuffle)
        locust__feed_mix(f, random);
    i = f->order == LOCUST_FEED_RANDOM ? (size_t)(locust__random_unit(random) * (double)f->n)
                                       : f->at++;
    if (f->shuffle)
        i = f->shuffle[i];
    text = locust__feed_view(f, f->starts[i], locust__feed_row_end(f, f->starts[i], &form));
    *row = (locust_feed_row){text.ptr, text.len, i * all->n_workers + all->worker, f};
    return true;
}

/* Takes the next field off a row, decoded into out[size]. False: the row has no further field.
 * *fits: the field fitted into `out`. A row whose ptr is NULL is used up; one of len 0 still has
 * an empty field. */
static bool locust__feed_field(
    const locust_feeder *f, locust__view *row, char *out, size_t size, bool *fits)
{
    char separator = f->separator ? f->separator : ',';
    const char *p = row->ptr, *end;
    size_t n = 0;
    bool quoted = false;
    if (!p)
        return false;
    end = p + row->len;
    for (const char *start = p; p < end; p++) {
        if (*p == '"' && (p == start || quoted)) {
            if (quoted && p + 1 < end && p[1] == '"')
                p++; // two quotes stand for one
            else {
                quoted = !quoted;
                continue;
            }
        } else if (*p == separator && !quoted) {
            break;
        }
        if (n < size)
            out[n] = *p;
        n++;
    }
    *fits = n < size && !memchr(out, '\0', n);
    if (*fits)
        out[n] = '\0';
    *row = p < end ? (locust__view){p + 1, (size_t)(end - p) - 1} : (locust__view){NULL, 0};
    return true;
}

/* Decodes column `column`, from 0, into out[size]. False: there is none, or it does not fit. */
static bool locust__feed_column(const locust_feed_row *row, int column, char *out, size_t size)
{
    locust__view rest = {row->text, row->len};
    bool fits = false;
    if (row->feeder->lines) {
        fits = column == 0 && row->len < size && !memchr(row->text, '\0', row->len);
        if (fits) {
            memcpy(out, row->text, row->len);
            out[row->len] = '\0';
        }
        return fits;
    }
    for (int i = 0; column >= 0 && locust__feed_field(row->feeder, &rest, out, size, &fits); i++)
        if (i == column)
            return fits;
    return false;
}

LOCUST_API bool locust_field_at(const locust_feed_row *row, int column, char *out, size_t size)
{
    return locust__feed_column(row, column, out, size);
}

LOCUST_API bool locust_field(const locust_feed_row *row, const char *column, char *out, size_t size)
{
    const locust_feeder *f = row->feeder;
    size_t begin = locust__feed_begin(f);
    locust__feed_form form;
    locust__view header = locust__feed_view(f, begin, locust__feed_row_end(f, begin, &form));
    char name[256];
    bool fits;
    for (int i = 0;
         !f->lines && !f->no_header && locust__feed_field(f, &header, name, sizeof name, &fits);
         i++)
        if (fits && strcmp(name, column) == 0)
            return locust__feed_column(row, i, out, size);
    return false;
}
