/* ============================================================================================
 * >>pg_answer  the answer to a query of PostgreSQL
 *
 * Purpose     takes the messages of a server one by one, and makes a locust_pg_result of them.
 * Invariants  a message that cannot come at this point, or is malformed, ends the connection. Of a
 *             result no more than max_bytes is kept: the rest is read and dropped, and the query
 *             has failed. What an answer needs is kept for the next one, unless it was large.
 * Cost        a row: a copy of its values, and 4 bytes for each.
 * Names       locust__pg_answer locust__pg_answer_ locust__pg_keeps locust__pg_malformed
 *             locust__pg_null locust__pg_phase locust__pg_phase_ locust__pg_row_ locust__pg_too_
 *             locust__pg_unexpected
 * Uses        >>pg_message
 * Sources     PostgreSQL 15's manual, 55.2 (flow), 55.7 (formats); servers of the world: H2 says
 *             "SELECT" without a count, and nothing of an empty query; QuestDB leaves a
 *             CommandComplete out in front of an error.
 * ============================================================================================ */

enum locust__pg_phase {      // what the server may say
    LOCUST__PG_PHASE_IDLE,   // nothing is asked: notices, parameters, and why it goes
    LOCUST__PG_PHASE_SIMPLE, // the answer to a Query
    LOCUST__PG_PHASE_EXTENDED,
};

typedef struct locust__pg_answer {
    locust_pg_result as; // first: what the test sees
    enum locust__pg_phase phase;
    bool ready;          // it is complete
    bool fatal;          // the server ends the connection
    bool too_large;      // rows were dropped
    bool wants_copy;     // the server waits for the data of a COPY
    bool copies;         // it sends those of one
    bool described;      // the columns of the rows to come are known
    int n_params;        // of a statement that was prepared
    size_t max_bytes;    // that are kept of a result
    size_t bytes;        // of all messages
    int64_t rows;        // of the statement whose rows are coming
    locust__buf text;    // values, each with a '\0' behind it
    locust__buf cells;   // uint32_t: where each value begins, row by row; LOCUST__PG_NULL
    locust__buf names;   // of columns, each with a '\0' behind it
    const char *columns; // the names of the result: those, or a prepared statement's
    locust__buf words;   // of the first error: sentence, SQLSTATE, message, detail, hint
    locust__buf notice;  // the last one
    char tag[64];        // of the last statement
} locust__pg_answer;

#define LOCUST__PG_NULL UINT32_MAX

static const char locust__pg_malformed[] = "malformed message of the server";
static const char locust__pg_unexpected[] = "unexpected message of the server";
static const char locust__pg_too_long[] = "message of the server too long";
static const char locust__pg_too_large[] =
    "the result is larger than .max_result, which is LOCUST_MAX_BODY by default";

enum { LOCUST__PG_KEEPS = 4096 }; // bytes that an answer leaves for the next

static void locust__pg_answer_shrink(locust__buf *b)
{
    if (b->cap > LOCUST__PG_KEEPS)
        locust__buf_free(b);
    b->len = 0;
    b->failed = false;
}

/* Drops the rows so far. */
static void locust__pg_answer_clear(locust__pg_answer *a)
{
    locust__pg_answer_shrink(&a->text);
    locust__pg_answer_shrink(&a->cells);
    a->as.n_rows = 0;
    a->too_large = false;
}

/* Begins an answer. */
static void locust__pg_answer_begin(
    locust__pg_answer *a, enum locust__pg_phase phase, size_t max_bytes)
{
    a->phase = phase;
    a->ready = a->fatal = a->wants_copy = a->copies = a->described = false;
    a->max_bytes = max_bytes < UINT32_MAX ? max_bytes : UINT32_MAX - 1;
    a->bytes = 0;
    a->rows = 0;
    a->n_params = 0;
    a->tag[0] = '\0';
    a->columns = NULL;
    locust__pg_answer_clear(a);
    locust__pg_answer_shrink(&a->names);
    locust__pg_answer_shrink(&a->words);
    locust__pg_answer_shrink(&a->notice);
    a->as = (locust_pg_result){
        .sqlstate = "", .message = "", .detail = "", .hint = "", .command = a->tag, .notice = ""};
}

static void locust__pg_answer_free(locust__pg_answer *a)
{
    locust__buf_free(&a->text);
    locust__buf_free(&a->names);
    locust__buf_free(&a->words);
    locust__buf_free(&a->notice);
    locust__buf_free(&a->cells);
}

/* -- rows -- */

/* Keeps the names of columns. Returns what is wrong with the message. */
static const char *locust__pg_row_describe(locust__pg_answer *a, locust__view body)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    unsigned n = locust__bytes_get_u16(&r);
    locust__pg_answer_clear(a);
    a->names.len = 0;
    a->as.n_columns = 0;
    for (unsigned i = 0; i < n && !r.failed; i++) {
        const char *name = locust__pg_text_take(&r);
        locust__bytes_skip(&r, 4 + 2 + 4 + 2 + 4); // table, column, type, its length and modifier
        if (locust__bytes_get_u16(&r) != 0)        // a format that was not asked for
            r.failed = true;
        if (name)
            locust__buf_add_tight(&a->names, name, strlen(name) + 1);
    }
    if (r.failed || r.left)
        return locust__pg_malformed;
    if (a->names.failed)
        return locust__error_text(LOCUST_ERR_MEMORY);
    a->as.n_columns = (int)n;
    a->described = true;
    return NULL;
}

/* Keeps a row, or only counts it if it is too much. Returns what is wrong with the message. */
static const char *locust__pg_row_take(locust__pg_answer *a, locust__view body)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    unsigned n = locust__bytes_get_u16(&r);
    bool keeps = !a->too_large;
    uint32_t cell;
    if (!a->described || (int)n != a->as.n_columns)
        return locust__pg_malformed;
    a->rows++;
    if (keeps && a->text.len + body.len + n + a->cells.len + n * sizeof cell > a->max_bytes)
        keeps = !(a->too_large = true);
    for (unsigned i = 0; i < n && !r.failed; i++) {
        uint32_t len = locust__bytes_get_u32(&r);
        const unsigned char *value = len == UINT32_MAX ? NULL : locust__bytes_take(&r, len);
        if (r.failed || !keeps)
            continue;
        cell = value ? (uint32_t)a->text.len : LOCUST__PG_NULL;
        locust__buf_add_tight(&a->cells, &cell, sizeof cell);
        if (!value)
            continue;
        locust__buf_add_tight(&a->text, value, len);
        locust__buf_add_tight(&a->text, "", 1);
    }
    if (r.failed || r.left)
        return locust__pg_malformed;
    if (a->cells.failed || a->text.failed)
        return locust__error_text(LOCUST_ERR_MEMORY);
    if (keeps && a->as.n_rows < INT_MAX)
        a->as.n_rows++;
    return NULL;
}

/* -- the rest -- */

/* Reads what was done: "INSERT 0 1", "SELECT 3", "CREATE TABLE". */
static const char *locust__pg_answer_complete(locust__pg_answer *a, locust__view body)
{
    const char *count;
    int64_t n;
    if (!locust__pg_text_are(body, 1))
        return locust__pg_malformed;
    snprintf(a->tag, sizeof a->tag, "%s", body.ptr);
    count = strrchr(body.ptr, ' ');
    n = count ? locust__number_of(locust__view_of(count + 1)) : -1;
    n = n >= 0 ? n : a->rows;
    a->as.affected = n > INT64_MAX - a->as.affected ? INT64_MAX : a->as.affected + n;
    a->rows = 0;
    a->copies = false;
    a->described = false;
    return NULL;
}

/* Keeps the first error: what follows it is its consequence. */
static const char *locust__pg_answer_error(locust__pg_answer *a, locust__view body)
{
    locust__pg_report e;
    char sentence[LOCUST__PG_SENTENCE];
    if (!locust__pg_report_read(body, &e))
        return locust__pg_malformed;
    a->fatal |= locust__pg_report_is_fatal(&e);
    a->wants_copy = a->copies = a->described = false;
    if (a->words.len)
        return NULL;
    locust__pg_report_sentence(&e, sentence);
    locust__buf_add_tight(&a->words, sentence, strlen(sentence) + 1);
    locust__buf_add_tight(&a->words, e.code, strlen(e.code) + 1);
    locust__buf_add_tight(&a->words, e.message, strlen(e.message) + 1);
    locust__buf_add_tight(&a->words, e.detail, strlen(e.detail) + 1);
    locust__buf_add_tight(&a->words, e.hint, strlen(e.hint) + 1);
    return a->words.failed ? locust__error_text(LOCUST_ERR_MEMORY) : NULL;
}

static const char *locust__pg_answer_notice(locust__pg_answer *a, locust__view body)
{
    locust__pg_report e;
    if (!locust__pg_report_read(body, &e))
        return locust__pg_malformed;
    if (a->phase == LOCUST__PG_PHASE_IDLE) // of no query
        return NULL;
    a->notice.len = 0;
    locust__buf_add_tight(&a->notice, e.message, strlen(e.message) + 1);
    if (a->as.n_notices < INT_MAX)
        a->as.n_notices++;
    return a->notice.failed ? locust__error_text(LOCUST_ERR_MEMORY) : NULL;
}

/* Takes a message that may come at any time. *taken: it is one of those. */
static const char *locust__pg_answer_any(
    locust__pg_answer *a, char type, locust__view body, bool *taken)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    *taken = true;
    switch (type) {
    case 'S': // ParameterStatus
        return locust__pg_text_are(body, 2) ? NULL : locust__pg_malformed;
    case 'A': // NotificationResponse
        locust__bytes_skip(&r, 4);
        locust__pg_text_take(&r);
        locust__pg_text_take(&r);
        return r.failed || r.left ? locust__pg_malformed : NULL;
    case 'N':
        return locust__pg_answer_notice(a, body);
    case 'E':
        return locust__pg_answer_error(a, body);
    default:
        *taken = false;
        return NULL;
    }
}

/* Takes a message of the extended protocol. */
static const char *locust__pg_answer_extended(locust__pg_answer *a, char type, locust__view body)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    switch (type) {
    case '1': // ParseComplete
    case '2': // BindComplete
    case '3': // CloseComplete
        return body.len ? locust__pg_malformed : NULL;
    case 'n': // NoData
        a->as.n_columns = 0;
        return body.len ? locust__pg_malformed : NULL;
    case 't': // ParameterDescription
        a->n_params = (int)locust__bytes_get_u16(&r);
        locust__bytes_skip(&r, (size_t)a->n_params * 4);
        return r.failed || r.left ? locust__pg_malformed : NULL;
    default:
        return locust__pg_unexpected;
    }
}

/* Takes the head of a COPY: its format, and that of each column. */
static const char *locust__pg_answer_copy(bool *begins, locust__view body)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    locust__bytes_skip(&r, 1);
    locust__bytes_skip(&r, (size_t)locust__bytes_get_u16(&r) * 2);
    *begins = true;
    return r.failed || r.left ? locust__pg_malformed : NULL;
}

/* Takes a message. Returns why the connection has to end; NULL: it goes on. */
static const char *locust__pg_answer_take(locust__pg_answer *a, char type, locust__view body)
{
    bool taken;
    const char *fault = locust__pg_answer_any(a, type, body, &taken);
    if (taken)
        return fault;
    if (a->phase == LOCUST__PG_PHASE_IDLE)
        return "the server sent an answer that nobody asked for";
    switch (type) {
    case 'T':
        return locust__pg_row_describe(a, body);
    case 'D':
        return locust__pg_row_take(a, body);
    case 'C':
        return locust__pg_answer_complete(a, body);
    case 'I': // EmptyQueryResponse
        return body.len ? locust__pg_malformed : NULL;
    case 'G': // CopyInResponse
        return locust__pg_answer_copy(&a->wants_copy, body);
    case 'H': // CopyOutResponse
        return locust__pg_answer_copy(&a->copies, body);
    case 'd': // CopyData
        return a->copies ? NULL : locust__pg_unexpected;
    case 'c': // CopyDone
        return a->copies && !body.len ? NULL : locust__pg_malformed;
    case 'Z': // ReadyForQuery
        if (body.len != 1 || (*body.ptr != 'I' && *body.ptr != 'T' && *body.ptr != 'E'))
            return locust__pg_malformed;
        a->as.transaction = *body.ptr;
        a->ready = true;
        a->phase = LOCUST__PG_PHASE_IDLE;
        return NULL;
    default:
        return a->phase == LOCUST__PG_PHASE_EXTENDED ? locust__pg_answer_extended(a, type, body)
                                                     : locust__pg_unexpected;
    }
}

/* Ends an answer: points the result at its texts. `why`: it has none; NULL: as the server says. */
static void locust__pg_answer_end(locust__pg_answer *a, const char *why)
{
    const char **to[] = {&a->as.error, &a->as.sqlstate, &a->as.message, &a->as.detail, &a->as.hint};
    const char *at = a->words.ptr;
    for (size_t i = 0; i < sizeof to / sizeof *to && a->words.len && !a->words.failed; i++) {
        *to[i] = at;
        at += strlen(at) + 1;
    }
    if (a->notice.len && !a->notice.failed)
        a->as.notice = a->notice.ptr;
    if (why)
        a->as.error = why;
    else if (a->too_large && !a->as.error)
        a->as.error = locust__pg_too_large;
    if (why || a->too_large)
        locust__pg_answer_clear(a);
    if (!a->columns)
        a->columns = a->names.ptr;
}

LOCUST_API const char *locust_pg_value(const locust_pg_result *r, int row, int column)
{
    const locust__pg_answer *a = (const locust__pg_answer *)(const void *)r;
    uint32_t cell;
    if (row < 0 || row >= r->n_rows || column < 0 || column >= r->n_columns)
        return NULL;
    memcpy(&cell,
        a->cells.ptr + ((size_t)row * (size_t)r->n_columns + (size_t)column) * sizeof cell,
        sizeof cell);
    return cell == LOCUST__PG_NULL ? NULL : a->text.ptr + cell;
}

LOCUST_API const char *locust_pg_column(const locust_pg_result *r, int column)
{
    const locust__pg_answer *a = (const locust__pg_answer *)(const void *)r;
    const char *name = a->columns;
    if (column < 0 || column >= r->n_columns || !name)
        return NULL;
    while (column-- > 0)
        name += strlen(name) + 1;
    return name;
}
