/* ============================================================================================
 * >>dns_api  public calls of the client of name servers
 *
 * Purpose     locust_dns_query and what reads its answer.
 * Names       locust__dns_api_
 * Uses        >>misuse >>allowance >>user >>retry >>control >>protocol >>dns_type
 *             >>dns_message >>dns_text >>dns_line >>dns_client >>dns_http
 * ============================================================================================ */

static locust_dns_answer locust__dns_api_none; // of a user without memory for a client

/* Makes a row of what failed before there was anything to send. */
static void locust__dns_api_fail(
    locust__user *user, const char *row, locust_error error) LOCUST__PARKS
{
    locust__operation o = locust__operation_begin(user, "DNS", row);
    locust__retry_note(user, error);
    locust__operation_end(&o, NULL, locust__error_text(error), 0);
}

/* The number of the type that is asked for; fails the task if there is none. */
static unsigned locust__dns_api_type(const locust_dns_question *q)
{
    int type = q->type ? locust__dns_type_number(q->type) : -1;
    if (!q->question)
        locust__misuse("locust_dns_query was called without a name to ask for");
    if (type < 0)
        locust__misuse("locust_dns_query knows no type \"%.40s\": write one such as \"A\", "
                       "\"HTTPS\" or \"TYPE65280\"",
            q->type ? q->type : "");
    if (type == LOCUST__DNS_TYPE_AXFR || type == LOCUST__DNS_TYPE_IXFR)
        locust__misuse(
            "locust_dns_query asks for one answer, and a zone transfer (%s) is many", q->type);
    return (unsigned)type;
}

LOCUST_API locust_dns_answer *(locust_dns_ask)(locust_user *u, const locust_dns_question *q)
{
    locust__user *user = locust__control_waiting(u, "locust_dns_query");
    unsigned type = locust__dns_api_type(q);
    locust__dns_client *c = locust__dns_client_find(user);
    char row[288];
    const char *name = q->name;
    locust_error error = LOCUST_OK;
    bool cut = false;
    if (!name) {
        snprintf(row, sizeof row, "%.16s %.255s", q->type, q->question);
        name = row;
    }
    if (!c) {
        locust__dns_api_fail(user, name, LOCUST_ERR_MEMORY);
        memset(&locust__dns_api_none, 0, sizeof locust__dns_api_none);
        locust__dns_api_none.error = locust__error_text(LOCUST_ERR_MEMORY);
        locust__dns_api_none.rcode = -1;
        locust__dns_api_none.user = u;
        return &locust__dns_api_none;
    }
    locust__protocol_enter(&c->as);
    locust__dns_client_begin(c);
    c->type = type;
    if (!c->origin)
        error = locust__dns_client_aim(c, NULL);
    if (error) {
        c->answer.error = locust__error_text(error);
        locust__dns_api_fail(user, name, error);
    } else if (c->wire == LOCUST__DNS_WIRE_HTTP) {
        cut = !locust__dns_http_query(c, q, name);
    } else {
        locust__dns_client_query(c, q, name);
    }
    locust__protocol_leave(&c->as, cut ? LOCUST_ERR_CANCELLED : LOCUST_OK);
    return &c->answer;
}

LOCUST_API bool(locust_dns_connect_with)(locust_user *u, const locust_dns_options *options)
{
    locust__user *user = locust__control_waiting(u, "locust_dns_connect");
    locust__dns_client *c = locust__dns_client_find(user);
    const char *url = options->url ? options->url : u->host ? u->host : "";
    char row[32];
    locust__operation o;
    locust__allowance a = {0, 0};
    locust_error error = LOCUST_ERR_MEMORY;
    snprintf(row, sizeof row, "connect %.*s", (int)strcspn(url, ":") % 16, url);
    o = locust__operation_begin(user, "DNS", options->name ? options->name : row);
    if (c) {
        locust__protocol_enter(&c->as);
        c->sharing = options->sharing;
        c->get = options->get;
        error = locust__dns_client_aim(c, options->url);
        locust__dns_client_deadline(c, options->timeout_s, &a);
        if (!error && c->wire != LOCUST__DNS_WIRE_HTTP)
            error = locust__dns_client_open(c, &a);
    }
    o.start_ns += a.generator_ns;
    if (error == LOCUST_ERR_CANCELLED) {
        locust__operation_cut(&o);
    } else {
        locust__retry_note(user, error);
        locust__operation_end(&o, NULL, error ? locust__error_text(error) : NULL, 0);
    }
    if (c)
        locust__protocol_leave(&c->as, error);
    return !error;
}

/* Copies a text, and ends it. Returns its length. */
static size_t locust__dns_api_copy(locust__buf *text, char *out, size_t size)
{
    size_t len = text->failed ? 0 : text->len, n = len < size ? len : size ? size - 1 : 0;
    if (n)
        memcpy(out, text->ptr, n);
    if (size)
        out[n] = '\0';
    locust__buf_free(text);
    return len;
}

/* The i-th record of an answer, of those of that type in the answer section or (type 0) of all. */
static bool locust__dns_api_find(
    const locust_dns_answer *a, int i, unsigned type, locust__dns_rr *record)
{
    locust__dns_walk w;
    if (!a->message || a->rcode < 0 || i < 0)
        return false;
    w = locust__dns_walk_of(a->message, a->size);
    while (locust__dns_walk_next(&w, record)) {
        bool asked = type == LOCUST__DNS_TYPE_ANY || record->type == type;
        if (record->type != LOCUST__DNS_TYPE_OPT &&
            (!type || (record->section == LOCUST_DNS_ANSWER && asked)) && !i--)
            return true;
    }
    return false;
}

LOCUST_API size_t locust_dns_text(const locust_dns_answer *a, int i, char *out, size_t size)
{
    const locust__dns_client *c =
        locust__dns_client_of((locust__protocol_client *)(uintptr_t)locust__protocol_find(
            (locust__user *)(void *)a->user, &locust__dns_client_kind));
    locust__buf text = {NULL, 0, 0, false};
    locust__dns_rr record;
    if (c && locust__dns_api_find(a, i, c->type, &record))
        locust__dns_data_read(a->message, &record, &text);
    return locust__dns_api_copy(&text, out, size);
}

LOCUST_API bool locust_dns_record_at(const locust_dns_answer *a, int i, locust_dns_record *out)
{
    locust__dns_rr record;
    if (!locust__dns_api_find(a, i, 0, &record))
        return false;
    *out = (locust_dns_record){record.section, (int)record.type, (int)record.rclass, record.ttl,
        a->message + record.data_at, record.data_len};
    return true;
}

LOCUST_API size_t locust_dns_record_text(const locust_dns_answer *a, int i, char *out, size_t size)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__dns_rr record;
    if (locust__dns_api_find(a, i, 0, &record)) {
        locust__dns_data d = {a->message, 0, 0, &text, 0, false};
        size_t at = record.name_at;
        locust__dns_name_read(a->message, a->size, &at, &text);
        locust__buf_printf(&text, " %lu ", (unsigned long)record.ttl);
        if (record.rclass == 1 || record.rclass == 3)
            locust__buf_puts(&text, record.rclass == 1 ? "IN " : "CH ");
        else
            locust__buf_printf(&text, "CLASS%u ", record.rclass); // RFC 3597 5
        locust__dns_data_type(&d, record.type);
        locust__buf_add(&text, " ", 1);
        locust__dns_data_read(a->message, &record, &text);
    }
    return locust__dns_api_copy(&text, out, size);
}

LOCUST_API const unsigned char *locust_dns_option(const locust_dns_answer *a, int code, size_t *len)
{
    locust__dns_sum sum;
    *len = 0;
    if (!a->message || a->rcode < 0 || !locust__dns_sum_read(&sum, a->message, a->size, 0))
        return NULL;
    return locust__dns_edns_find(a->message + sum.opt_at, sum.opt_len, (unsigned)code, len);
}

LOCUST_API const char *locust_dns_rcode_name(int rcode)
{
    static char other[16];
    const char *said, *name = locust__dns_rcode_of(rcode, &said);
    if (!name)
        locust__dns_rcode_text(rcode, other);
    return name ? name : other;
}
