/* ============================================================================================
 * >>milvus_answer  messages from Milvus
 *
 * Purpose     the status of an answer, what was written or found, the fields of a collection; and
 *             the output fields of what was found as JSON.
 * Invariants  nothing is believed of counts that a message gives: what is there is counted.
 * Names       locust__milvus_
 * Uses        >>json >>pb >>milvus_message
 * Sources     Milvus's public milvus.proto, schema.proto, common.proto.
 * Limits      one vector is searched for, so there is one list of hits. Output fields of other
 *             types than those of >>milvus_message are null in the JSON.
 * ============================================================================================ */

enum { LOCUST__MILVUS_MOST = 64 }; // output fields that the JSON has

typedef struct locust__milvus_status {
    int64_t code;
    locust__view reason;
} locust__milvus_status;

/* Reads the status out of an answer, or an answer that is one. False: it is no
 * message. */
static bool locust__milvus_status_of(locust__view body, bool alone, locust__milvus_status *s)
{
    locust_pb_reader r = locust__pb_read(body.ptr, body.len);
    locust_pb_field f;
    int64_t old = 0;
    *s = (locust__milvus_status){0, {"", 0}};
    while (locust__pb_next(&r, &f)) {
        if (!alone && f.number == 1 &&
            (f.type != LOCUST_PB_BYTES ||
                !locust__milvus_status_of((locust__view){f.bytes, f.len}, true, s)))
            return false;
        if (alone && f.number == 1)
            old = (int64_t)f.value;
        else if (alone && f.number == 2)
            s->reason = (locust__view){f.bytes, f.len};
        else if (alone && f.number == 3)
            s->code = (int64_t)f.value;
    }
    s->code = s->code ? s->code : old;
    return !r.failed;
}

/* -- repeated values -- */

typedef struct locust__milvus_values_at { // walks through field 1 of an array,
                                          // packed or not
    locust_pb_reader outer, inner;
    int type; // of its elements on the wire
} locust__milvus_values_at;

static locust__milvus_values_at locust__milvus_walk(locust__view array, int type)
{
    return (locust__milvus_values_at){
        locust__pb_read(array.ptr, array.len), locust__pb_read("", 0), type};
}

static bool locust__milvus_step(locust__milvus_values_at *v, locust_pb_field *f)
{
    for (;;) {
        if (v->inner.at < v->inner.end) {
            *f = (locust_pb_field){.number = 1, .type = v->type, .bytes = ""};
            return v->type == LOCUST_PB_INT ? locust__pb_get_varint(&v->inner, &f->value)
                                            : locust__pb_get_fixed(&v->inner,
                                                  v->type == LOCUST_PB_32 ? 4 : 8, &f->value);
        }
        if (!locust__pb_next(&v->outer, f))
            return false;
        if (f->number == 1 && f->type == v->type)
            return true;
        if (f->number == 1 && f->type == LOCUST_PB_BYTES)
            v->inner = locust__pb_read(f->bytes, f->len);
    }
}

static size_t locust__milvus_count(locust__milvus_values_at v)
{
    locust_pb_field f;
    size_t n = 0;
    while (locust__milvus_step(&v, &f))
        n++;
    return n;
}

/* -- columns -- */

typedef struct locust__milvus_column { // a field of what was found
    locust__view name, array;
    int type, slot;
    bool dynamic;
    int64_t dimension;
    locust__view valid; // packed; empty: all rows have a value
    locust__milvus_values_at at, valid_at;
    bool dense; // there is a value for rows without one, too
} locust__milvus_column;

/* How values of a slot of ScalarField are encoded. */
static int locust__milvus_wire(int slot)
{
    return slot <= 3   ? LOCUST_PB_INT
           : slot == 4 ? LOCUST_PB_32
           : slot == 5 ? LOCUST_PB_64
                       : LOCUST_PB_BYTES;
}

/* Reads a FieldData. False: it is none. */
static bool locust__milvus_column_of(locust__view body, locust__milvus_column *c)
{
    locust_pb_reader r = locust__pb_read(body.ptr, body.len), inner;
    locust_pb_field f, g;
    memset(c, 0, sizeof *c);
    c->name = c->array = c->valid = (locust__view){"", 0};
    while (locust__pb_next(&r, &f)) {
        if (f.number == 1)
            c->type = (int)f.value;
        else if (f.number == 2)
            c->name = (locust__view){f.bytes, f.len};
        else if (f.number == 6)
            c->dynamic = f.value != 0;
        else if (f.number == 7)
            c->valid = (locust__view){f.bytes, f.len};
        if (f.number != 3 && f.number != 4)
            continue;
        inner = locust__pb_read(f.bytes, f.len);
        while (locust__pb_next(&inner, &g)) {
            if (f.number == 4 && g.number == 1) {
                c->dimension = (int64_t)g.value;
            } else if (f.number == 3 ? g.number <= 9 : g.number == 2) {
                c->slot = f.number == 3 ? g.number : 4;
                c->array = (locust__view){g.bytes, g.len};
            }
        }
        r.failed = r.failed || inner.failed;
    }
    c->at = locust__milvus_walk(c->array, locust__milvus_wire(c->slot));
    c->valid_at = locust__milvus_walk((locust__view){"", 0}, LOCUST_PB_INT);
    c->valid_at.inner = locust__pb_read(c->valid.ptr, c->valid.len);
    if (c->valid.len)
        c->dense =
            locust__milvus_count(c->at) ==
            locust__milvus_count(c->valid_at) *
                (size_t)(c->type == LOCUST__MILVUS_VECTOR && c->dimension > 0 ? c->dimension : 1);
    return !r.failed;
}

/* Rows that a column has. */
static size_t locust__milvus_height(const locust__milvus_column *c)
{
    size_t n = locust__milvus_count(c->valid.len ? c->valid_at : c->at);
    return c->type == LOCUST__MILVUS_VECTOR && !c->valid.len
               ? (c->dimension > 0 ? n / (size_t)c->dimension : 0)
               : n;
}

static void locust__milvus_put_number(locust__buf *out, double n, int digits)
{
    if (n - n != 0) // NaN and infinity are no JSON
        locust__buf_puts(out, "null");
    else
        locust__buf_printf(out, "%.*g", digits, n);
}

/* Writes one value of a slot as JSON; an array's are in an array. */
static void locust__milvus_put(locust__buf *out, int slot, const locust_pb_field *f)
{
    switch (slot) {
    case 1:
        locust__buf_puts(out, f->value ? "true" : "false");
        break;
    case 2:
    case 3:
        locust__buf_printf(out, "%lld", (long long)f->value);
        break;
    case 4:
    case 5:
        locust__milvus_put_number(out, locust__pb_double(f), slot == 4 ? 9 : 17);
        break;
    case 6:
        locust__json_put_view(out, (locust__view){f->bytes, f->len});
        break;
    case 9:
        if (f->len && locust__json_is_valid((locust__view){f->bytes, f->len}))
            locust__buf_add(out, f->bytes, f->len);
        else
            locust__buf_puts(out, "null");
        break;
    default:
        locust__buf_puts(out, "null");
    }
}

static void locust__milvus_put_array(locust__buf *out, const locust_pb_field *f)
{
    locust_pb_reader r = locust__pb_read(f->bytes, f->len);
    locust_pb_field array, one;
    bool any = false;
    locust__buf_puts(out, "[");
    while (locust__pb_next(&r, &array)) {
        int slot = array.number;
        locust__milvus_values_at at =
            locust__milvus_walk((locust__view){array.bytes, array.len}, locust__milvus_wire(slot));
        for (; slot <= 9 && slot != 8 && locust__milvus_step(&at, &one); any = true) {
            locust__buf_puts(out, any ? ", " : "");
            locust__milvus_put(out, slot, &one);
        }
    }
    locust__buf_puts(out, "]");
}

/* Writes the next row's value of a column. */
static void locust__milvus_put_next(locust__buf *out, locust__milvus_column *c)
{
    locust_pb_field f, valid;
    bool there = !c->valid.len || (locust__milvus_step(&c->valid_at, &valid) && valid.value);
    int64_t times = c->type == LOCUST__MILVUS_VECTOR ? c->dimension : 1;
    size_t from = out->len;
    if (c->type == LOCUST__MILVUS_VECTOR)
        locust__buf_puts(out, "[");
    for (int64_t i = 0; (there || c->dense) && i < times && locust__milvus_step(&c->at, &f); i++) {
        locust__buf_puts(out, i ? ", " : "");
        if (c->slot == 8)
            locust__milvus_put_array(out, &f);
        else
            locust__milvus_put(out, c->slot, &f);
    }
    if (!there)
        out->len = from;
    if (c->type == LOCUST__MILVUS_VECTOR && there)
        locust__buf_puts(out, "]");
    if (out->len == from)
        locust__buf_puts(out, "null");
}

/* -- what was found -- */

typedef struct locust__milvus_found {
    locust__view fields[LOCUST__MILVUS_MOST]; // FieldData
    size_t n_fields;
    locust__view ids, texts;            // arrays, of an IDs message
    locust__milvus_values_at distances; // float
    locust__view key;                   // name of the primary field; empty: not told
    int64_t n[3];                       // inserted, deleted, upserted
    int64_t failed;                     // rows of an insert
} locust__milvus_found;

static void locust__milvus_read_ids(locust__milvus_found *found, const locust_pb_field *f)
{
    locust_pb_reader r = locust__pb_read(f->bytes, f->len);
    locust_pb_field g;
    while (locust__pb_next(&r, &g))
        if (g.number == 1)
            found->ids = (locust__view){g.bytes, g.len};
        else if (g.number == 2)
            found->texts = (locust__view){g.bytes, g.len};
}

static void locust__milvus_add_field(locust__milvus_found *found, const locust_pb_field *f)
{
    if (found->n_fields < LOCUST__MILVUS_MOST)
        found->fields[found->n_fields++] = (locust__view){f->bytes, f->len};
}

/* Reads a SearchResultData. */
static void locust__milvus_read_hits(locust__milvus_found *found, const locust_pb_field *hits)
{
    locust_pb_reader r = locust__pb_read(hits->bytes, hits->len);
    locust_pb_field f;
    while (locust__pb_next(&r, &f)) {
        if (f.number == 3)
            locust__milvus_add_field(found, &f);
        else if (f.number == 4 && f.type == LOCUST_PB_BYTES)
            found->distances.inner = locust__pb_read(f.bytes, f.len);
        else if (f.number == 5)
            locust__milvus_read_ids(found, &f);
        else if (f.number == 13)
            found->key = (locust__view){f.bytes, f.len};
    }
}

typedef enum locust__milvus_kind { // of an answer
    LOCUST__MILVUS_STATUS,
    LOCUST__MILVUS_MUTATION,
    LOCUST__MILVUS_SEARCH,
    LOCUST__MILVUS_QUERY,
    LOCUST__MILVUS_OTHER
} locust__milvus_kind;

/* Takes apart an answer that finds or writes something. */
static void locust__milvus_read(
    locust__milvus_found *found, locust__view body, locust__milvus_kind kind)
{
    locust_pb_reader r = locust__pb_read(body.ptr, body.len);
    locust_pb_field f;
    memset(found, 0, sizeof *found);
    found->distances = locust__milvus_walk((locust__view){"", 0}, LOCUST_PB_32);
    while (locust__pb_next(&r, &f)) {
        if (kind == LOCUST__MILVUS_SEARCH && f.number == 2)
            locust__milvus_read_hits(found, &f);
        else if (kind == LOCUST__MILVUS_QUERY && f.number == 2)
            locust__milvus_add_field(found, &f);
        else if (kind == LOCUST__MILVUS_QUERY && f.number == 6)
            found->key = (locust__view){f.bytes, f.len};
        else if (kind == LOCUST__MILVUS_MUTATION && f.number == 2)
            locust__milvus_read_ids(found, &f);
        else if (kind == LOCUST__MILVUS_MUTATION && f.number == 4)
            found->failed += f.type == LOCUST_PB_INT || f.len ? 1 : 0;
        else if (kind == LOCUST__MILVUS_MUTATION && f.number >= 6 && f.number <= 8)
            found->n[f.number - 6] = (int64_t)f.value;
    }
}

/* Which column has the primary keys of what a query found. */
static bool locust__milvus_keys(const locust__milvus_found *found, locust__milvus_column *c)
{
    for (size_t i = 0; i < found->n_fields; i++)
        if (locust__milvus_column_of(found->fields[i], c) && c->slot == 3 &&
            (found->key.len ? found->key.len == c->name.len &&
                                  memcmp(found->key.ptr, c->name.ptr, c->name.len) == 0
                            : locust__view_is(c->name, "id")))
            return true;
    return false;
}

/* How many entities were found. */
static size_t locust__milvus_size(const locust__milvus_found *found, locust__milvus_kind kind)
{
    locust__milvus_column c;
    if (kind == LOCUST__MILVUS_SEARCH)
        return found->ids.len
                   ? locust__milvus_count(locust__milvus_walk(found->ids, LOCUST_PB_INT))
                   : locust__milvus_count(locust__milvus_walk(found->texts, LOCUST_PB_BYTES));
    return found->n_fields && locust__milvus_column_of(found->fields[0], &c)
               ? locust__milvus_height(&c)
               : 0;
}

/* Writes what was found as a JSON array of objects. */
static void locust__milvus_write(locust__buf *out, const locust__milvus_found *found, size_t n,
    bool hits, locust__milvus_column *columns)
{
    locust__milvus_values_at scores = found->distances;
    locust__milvus_values_at keys = found->ids.len
                                        ? locust__milvus_walk(found->ids, LOCUST_PB_INT)
                                        : locust__milvus_walk(found->texts, LOCUST_PB_BYTES);
    bool keyed = !hits;
    locust_pb_field f;
    for (size_t i = 0; i < found->n_fields; i++) {
        locust__milvus_column_of(found->fields[i], &columns[i]);
        keyed |= found->key.len
                     ? columns[i].name.len == found->key.len &&
                           memcmp(columns[i].name.ptr, found->key.ptr, found->key.len) == 0
                     : locust__view_is(columns[i].name, "id");
    }
    locust__buf_puts(out, "[");
    for (size_t row = 0; row < n; row++) {
        const char *comma = row ? ", {" : "{";
        if (locust__milvus_step(&keys, &f) && !keyed) {
            locust__buf_puts(out, comma);
            locust__json_put_view(out, found->key.len ? found->key : locust__view_of("id"));
            locust__buf_puts(out, ": ");
            locust__milvus_put(out, found->ids.len ? 3 : 6, &f);
            comma = ", ";
        }
        if (hits && locust__milvus_step(&scores, &f)) {
            locust__buf_puts(out, comma);
            locust__buf_puts(out, "\"distance\": ");
            locust__milvus_put(out, 4, &f);
            comma = ", ";
        }
        for (size_t i = 0; i < found->n_fields; i++) {
            locust__buf_puts(out, comma);
            locust__json_put_view(out, columns[i].name);
            locust__buf_puts(out, ": ");
            locust__milvus_put_next(out, &columns[i]);
            comma = ", ";
        }
        locust__buf_puts(out, *comma == ',' && comma[2] == '\0' ? "}" : "{}");
    }
    locust__buf_puts(out, "]");
}
