/* ============================================================================================
 * >>milvus_message  messages to Milvus
 *
 * Purpose     writes what a test asks of Milvus: fields of a collection, and rows as the columns
 *             that Milvus takes.
 * Invariants  the first thing that is wrong with what the test gave is kept, in words, and nothing
 *             is sent. A message that does not fit is written anew into twice the room.
 * Cost        of rows: each is looked through once for each field of the collection.
 * Names       locust__milvus_
 * Uses        >>json >>pb
 * Sources     Milvus's public milvus.proto, schema.proto, common.proto; what pymilvus 3.0 sends.
 * Limits      fields of the types below, others are refused; numbers as the nearest double of their
 *             first 15 digits. A column has as many values as there are rows that have one: the
 *             others are marked in valid_data.
 * ============================================================================================ */

enum { // types of fields
    LOCUST__MILVUS_BOOL = 1,
    LOCUST__MILVUS_INT8 = 2,
    LOCUST__MILVUS_INT16 = 3,
    LOCUST__MILVUS_INT32 = 4,
    LOCUST__MILVUS_INT64 = 5,
    LOCUST__MILVUS_FLOAT = 10,
    LOCUST__MILVUS_DOUBLE = 11,
    LOCUST__MILVUS_STRING = 20,
    LOCUST__MILVUS_VARCHAR = 21,
    LOCUST__MILVUS_ARRAY = 22,
    LOCUST__MILVUS_JSON = 23,
    LOCUST__MILVUS_VECTOR = 101
};

typedef struct locust__milvus_field { // of a collection
    const char *name;
    int type, element; // of an array
    bool primary, auto_id, nullable, computed;
    int64_t dimension;
} locust__milvus_field;

typedef struct locust__milvus_schema { // a collection as its server described
                                       // it
    struct locust__milvus_schema *next;
    const void *origin;
    const char *database, *collection;
    locust__view bytes; // of its message: the same ones are the same fields
    locust__milvus_field *fields;
    size_t n_fields;
    bool dynamic;
    int64_t asked_ns; // when it was described
    bool stale;       // an insert failed since
} locust__milvus_schema;

typedef struct locust__milvus_message { // one that is being written
    locust_pb_writer w;
    char wrong[96]; // with what the test gave; "": nothing
} locust__milvus_message;

LOCUST__PRINTF(2, 3)
static void locust__milvus_blame(locust__milvus_message *m, const char *format, ...)
{
    va_list args;
    if (*m->wrong)
        return;
    va_start(args, format);
    vsnprintf(m->wrong, sizeof m->wrong, format, args);
    va_end(args);
    locust__text_plain(m->wrong, strlen(m->wrong));
}

static void locust__milvus_text(locust_pb_writer *w, int field, const char *text)
{
    if (text && *text)
        locust__pb_put_bytes(w, field, text, strlen(text));
}

static void locust__milvus_pair(
    locust_pb_writer *w, int field, locust__view key, locust__view value)
{
    size_t at = locust__pb_begin(w, field);
    locust__pb_put_bytes(w, 1, key.ptr, key.len);
    locust__pb_put_bytes(w, 2, value.ptr, value.len);
    locust__pb_end(w, at);
}

static void locust__milvus_pair_int(locust_pb_writer *w, int field, const char *key, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    locust__milvus_pair(w, field, locust__view_of(key), locust__view_of(text));
}

/* Adds a text of JSON, decoded, as a field. */
static void locust__milvus_decoded(locust_pb_writer *w, int field, locust__view json)
{
    size_t at = locust__pb_begin(w, field);
    if (!w->failed && locust__json_decode(json, w->bytes + w->len, w->cap - w->len))
        w->len += strlen(w->bytes + w->len);
    else
        w->failed = true;
    locust__pb_end(w, at);
}

static bool locust__milvus_is_text(locust__view v)
{
    return v.len >= 2 && *v.ptr == '"';
}

/* Reads a number that something else follows, as all in an array or object. */
static bool locust__milvus_number(locust__view v, double *out)
{
    bool minus = v.len && *v.ptr == '-';
    const char *at = v.ptr + minus;
    if (!locust__json_is_number(v))
        return false;
    *out = locust__number_decimal(&at);
    *out = minus ? -*out : *out;
    return true;
}

/* -- values of rows -- */

static int64_t locust__milvus_most(int type)
{
    return type == LOCUST__MILVUS_INT8    ? INT8_MAX
           : type == LOCUST__MILVUS_INT16 ? INT16_MAX
           : type == LOCUST__MILVUS_INT32 ? INT32_MAX
                                          : INT64_MAX;
}

/* The number of ScalarField's array for a type; 0: the kit does not write it.
 */
static int locust__milvus_slot(int type)
{
    switch (type) {
    case LOCUST__MILVUS_BOOL:
        return 1;
    case LOCUST__MILVUS_INT8:
    case LOCUST__MILVUS_INT16:
    case LOCUST__MILVUS_INT32:
        return 2;
    case LOCUST__MILVUS_INT64:
        return 3;
    case LOCUST__MILVUS_FLOAT:
        return 4;
    case LOCUST__MILVUS_DOUBLE:
        return 5;
    case LOCUST__MILVUS_STRING:
    case LOCUST__MILVUS_VARCHAR:
        return 6;
    case LOCUST__MILVUS_ARRAY:
        return 8;
    case LOCUST__MILVUS_JSON:
        return 9;
    default:
        return 0;
    }
}

/* Adds one value to a packed array of numbers, or as a field of its own. False:
 * it has another type. */
static bool locust__milvus_scalar(locust_pb_writer *w, int type, locust__view v)
{
    int64_t n = 0, most = locust__milvus_most(type);
    double d = 0;
    float f;
    uint32_t narrow;
    uint64_t wide;
    switch (type) {
    case LOCUST__MILVUS_BOOL:
        n = locust__view_is(v, "true");
        locust__pb_add_varint(w, (uint64_t)n);
        return n || locust__view_is(v, "false");
    case LOCUST__MILVUS_FLOAT:
        if (!locust__milvus_number(v, &d))
            return false;
        f = (float)d;
        memcpy(&narrow, &f, sizeof narrow);
        locust__pb_add_fixed(w, narrow, 4);
        return true;
    case LOCUST__MILVUS_DOUBLE:
        if (!locust__milvus_number(v, &d))
            return false;
        memcpy(&wide, &d, sizeof wide);
        locust__pb_add_fixed(w, wide, 8);
        return true;
    case LOCUST__MILVUS_STRING:
    case LOCUST__MILVUS_VARCHAR:
        if (!locust__milvus_is_text(v))
            return false;
        locust__milvus_decoded(w, 1, v);
        return true;
    case LOCUST__MILVUS_JSON:
        locust__pb_put_bytes(w, 1, v.ptr, v.len);
        return true;
    default:
        if (!locust__json_int(v, &n) || n > most || n < -most - 1)
            return false;
        locust__pb_add_varint(w, (uint64_t)n);
        return true;
    }
}

/* Are values of this type fields of their own, rather than packed numbers? */
static bool locust__milvus_is_apart(int type)
{
    return type == LOCUST__MILVUS_STRING || type == LOCUST__MILVUS_VARCHAR ||
           type == LOCUST__MILVUS_JSON || type == LOCUST__MILVUS_ARRAY;
}

/* Adds an array of JSON as a ScalarField in field 1. */
static bool locust__milvus_array(locust_pb_writer *w, int element, locust__view v)
{
    size_t outer = locust__pb_begin(w, 1), inner, packed = 0;
    const char *p = NULL;
    locust__view one;
    bool good = v.len && *v.ptr == '[' && element != LOCUST__MILVUS_ARRAY;
    int slot = locust__milvus_slot(element);
    if (!good || !slot)
        return false;
    inner = locust__pb_begin(w, slot);
    if (!locust__milvus_is_apart(element))
        packed = locust__pb_begin(w, 1);
    while (good && locust__json_element(v, &p, &one))
        good = locust__milvus_scalar(w, element, one);
    if (packed)
        locust__pb_end(w, packed);
    locust__pb_end(w, inner);
    locust__pb_end(w, outer);
    return good;
}

/* Adds a vector's numbers. */
static bool locust__milvus_vector(locust_pb_writer *w, int64_t dimension, locust__view v)
{
    const char *p = NULL;
    locust__view one;
    bool good = true;
    int64_t n = 0;
    for (; good && locust__json_element(v, &p, &one); n++)
        good = locust__milvus_scalar(w, LOCUST__MILVUS_FLOAT, one);
    return good && n == dimension;
}

static bool locust__milvus_member(locust__view row, const char *name, locust__view *value)
{
    const char *p = NULL;
    locust__view key;
    while (locust__json_member(row, &p, &key, value))
        if (locust__json_is_key(key, locust__view_of(name), false))
            return true;
    return false;
}

/* Adds the values of one field. */
static void locust__milvus_values(
    locust__milvus_message *m, const locust__milvus_field *f, locust__view rows)
{
    const char *p = NULL;
    locust__view row, value;
    while (!*m->wrong && locust__json_element(rows, &p, &row)) {
        bool given = locust__milvus_member(row, f->name, &value), good;
        if (!given || locust__view_is(value, "null")) {
            if (!f->nullable)
                locust__milvus_blame(m, "invalid rows: one is without \"%.40s\"", f->name);
            continue;
        }
        if (f->type == LOCUST__MILVUS_VECTOR)
            good = locust__milvus_vector(&m->w, f->dimension, value);
        else if (f->type == LOCUST__MILVUS_ARRAY)
            good = locust__milvus_array(&m->w, f->element, value);
        else
            good = locust__milvus_scalar(&m->w, f->type, value);
        if (!good && f->type == LOCUST__MILVUS_VECTOR)
            locust__milvus_blame(
                m, "invalid rows: \"%.40s\" is not %lld numbers", f->name, (long long)f->dimension);
        else if (!good)
            locust__milvus_blame(m, "invalid rows: \"%.40s\" has a value of another type", f->name);
    }
}

/* Adds which rows have a value, for a field that may be without. */
static void locust__milvus_valid(
    locust_pb_writer *w, const locust__milvus_field *f, locust__view rows)
{
    size_t at = locust__pb_begin(w, 7);
    const char *p = NULL;
    locust__view row, value;
    while (locust__json_element(rows, &p, &row))
        locust__pb_add_varint(
            w, locust__milvus_member(row, f->name, &value) && !locust__view_is(value, "null"));
    locust__pb_end(w, at);
}

/* Adds a field's values of all rows: a FieldData in field 5 of an
 * InsertRequest. */
static void locust__milvus_add_column(
    locust__milvus_message *m, const locust__milvus_field *f, locust__view rows)
{
    locust_pb_writer *w = &m->w;
    bool vector = f->type == LOCUST__MILVUS_VECTOR;
    int slot = vector ? 2 : locust__milvus_slot(f->type);
    size_t column, holder, array, packed = 0;
    if (!slot || (f->type == LOCUST__MILVUS_ARRAY && !locust__milvus_slot(f->element))) {
        locust__milvus_blame(
            m, "invalid rows: the kit does not write fields such as \"%.40s\"", f->name);
        return;
    }
    column = locust__pb_begin(w, 5);
    locust__pb_put_int(w, 1, f->type);
    locust__milvus_text(w, 2, f->name);
    holder = locust__pb_begin(w, vector ? 4 : 3);
    if (vector)
        locust__pb_put_int(w, 1, f->dimension);
    array = locust__pb_begin(w, slot);
    if (!locust__milvus_is_apart(f->type))
        packed = locust__pb_begin(w, 1);
    locust__milvus_values(m, f, rows);
    if (packed)
        locust__pb_end(w, packed);
    if (f->type == LOCUST__MILVUS_ARRAY)
        locust__pb_put_int(w, 2, f->element);
    locust__pb_end(w, array);
    locust__pb_end(w, holder);
    if (f->nullable)
        locust__milvus_valid(w, f, rows);
    locust__pb_end(w, column);
}

static bool locust__milvus_has_field(const locust__milvus_schema *s, locust__view key)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (locust__json_is_key(key, locust__view_of(s->fields[i].name), false))
            return true;
    return false;
}

/* Adds the members of all rows that are no fields, where a collection takes
 * them: an object of JSON for each row. */
static void locust__milvus_dynamic(
    locust__milvus_message *m, const locust__milvus_schema *s, locust__view rows)
{
    locust_pb_writer *w = &m->w;
    const char *p = NULL, *q;
    locust__view row, key, value;
    size_t column = 0, holder = 0, array = 0, one;
    if (s->dynamic) {
        column = locust__pb_begin(w, 5);
        locust__pb_put_int(w, 1, LOCUST__MILVUS_JSON);
        holder = locust__pb_begin(w, 3);
        array = locust__pb_begin(w, 9);
    }
    while (locust__json_element(rows, &p, &row)) {
        bool any = false;
        one = s->dynamic ? locust__pb_begin(w, 1) : 0;
        if (one)
            locust__pb_add(w, "{", 1);
        for (q = NULL; locust__json_member(row, &q, &key, &value); any = true) {
            if (locust__milvus_has_field(s, key))
                continue;
            if (!one) {
                locust__milvus_blame(
                    m, "invalid rows: the collection has no field \"%.*s\"", (int)key.len, key.ptr);
                return;
            }
            if (any && w->len && w->bytes[w->len - 1] != '{')
                locust__pb_add(w, ",", 1);
            locust__pb_add(w, key.ptr - 1, key.len + 2); // with its quotes
            locust__pb_add(w, ":", 1);
            locust__pb_add(w, value.ptr, value.len);
        }
        if (one) {
            locust__pb_add(w, "}", 1);
            locust__pb_end(w, one);
        }
    }
    if (s->dynamic) {
        locust__pb_end(w, array);
        locust__pb_end(w, holder);
        locust__pb_put_bool(w, 6, true);
        locust__pb_end(w, column);
    }
}

/* Writes an InsertRequest or an UpsertRequest, which begin alike. */
static void locust__milvus_add_rows(locust__milvus_message *m, const locust_milvus_rows *req,
    const locust__milvus_schema *s, bool upsert)
{
    locust__view rows = locust__view_of(req->rows ? req->rows : ""), row;
    const char *p = NULL;
    int64_t n = 0;
    rows.len -= (size_t)(locust__json_blank(rows.ptr, rows.ptr + rows.len) - rows.ptr);
    rows.ptr = locust__json_blank(rows.ptr, rows.ptr + strlen(rows.ptr));
    if (!rows.len || *rows.ptr != '[' || !locust__json_is_valid(rows)) {
        locust__milvus_blame(m, "invalid rows: no JSON array");
        return;
    }
    for (; locust__json_element(rows, &p, &row); n++)
        if (*row.ptr != '{')
            locust__milvus_blame(m, "invalid rows: one is no JSON object");
    if (!n)
        locust__milvus_blame(m, "invalid rows: none");
    if (*m->wrong)
        return;
    locust__milvus_text(&m->w, 2, req->database);
    locust__milvus_text(&m->w, 3, req->collection);
    locust__milvus_text(&m->w, 4, req->partition);
    for (size_t i = 0; i < s->n_fields; i++) {
        const locust__milvus_field *f = &s->fields[i];
        if (!f->computed && !(f->primary && f->auto_id && !upsert))
            locust__milvus_add_column(m, f, rows);
    }
    locust__milvus_dynamic(m, s, rows);
    locust__pb_put_int(&m->w, 7, n);
}

/* -- collections -- */

static const struct {
    const char *name;
    int type;
} locust__milvus_types[] = {{"Bool", LOCUST__MILVUS_BOOL}, {"Int8", LOCUST__MILVUS_INT8},
    {"Int16", LOCUST__MILVUS_INT16}, {"Int32", LOCUST__MILVUS_INT32},
    {"Int64", LOCUST__MILVUS_INT64}, {"Float", LOCUST__MILVUS_FLOAT},
    {"Double", LOCUST__MILVUS_DOUBLE}, {"VarChar", LOCUST__MILVUS_VARCHAR},
    {"Array", LOCUST__MILVUS_ARRAY}, {"JSON", LOCUST__MILVUS_JSON},
    {"FloatVector", LOCUST__MILVUS_VECTOR}};

/* The type that a text of JSON names; 0: none. */
static int locust__milvus_type(locust__view v)
{
    char name[24];
    if (locust__json_decode(v, name, sizeof name))
        for (size_t i = 0; i < sizeof locust__milvus_types / sizeof *locust__milvus_types; i++)
            if (strcasecmp(name, locust__milvus_types[i].name) == 0)
                return locust__milvus_types[i].type;
    return 0;
}

/* Adds one field of a new collection: a FieldSchema. */
static void locust__milvus_new_field(locust__milvus_message *m, locust__view json)
{
    static const char *const flags[] = {"primary", "auto_id", "partition_key", "nullable"};
    static const int numbers[] = {3, 8, 13, 15};
    locust_pb_writer *w = &m->w;
    const char *p = NULL;
    locust__view key, value;
    size_t at = locust__pb_begin(w, 4);
    bool named = false;
    int type = 0, i;
    while (locust__json_member(json, &p, &key, &value)) {
        for (i = 0; i < 4 && !locust__json_is_key(key, locust__view_of(flags[i]), false); i++)
            ;
        if (i < 4) {
            locust__pb_put_bool(w, numbers[i], locust__view_is(value, "true"));
        } else if (locust__view_is(key, "name") && locust__milvus_is_text(value)) {
            locust__milvus_decoded(w, 2, value);
            named = true;
        } else if (locust__view_is(key, "type")) {
            type = locust__milvus_type(value);
            locust__pb_put_int(w, 5, type);
        } else if (locust__view_is(key, "element_type")) {
            locust__pb_put_int(w, 10, locust__milvus_type(value));
        } else {
            if (locust__milvus_is_text(value))
                value = (locust__view){value.ptr + 1, value.len - 2};
            locust__milvus_pair(w, 6, key, value);
        }
    }
    locust__pb_end(w, at);
    if (!named || !type)
        locust__milvus_blame(m, "invalid .fields: one has no \"name\", or no \"type\" of Milvus");
}

/* Is this the text of a JSON object, or array? */
static bool locust__milvus_json(const char *text, char open)
{
    return *locust__json_blank(text, text + strlen(text)) == open &&
           locust__json_is_valid(locust__view_of(text));
}

/* The fields of a new collection, as JSON. */
static locust__view locust__milvus_fields(
    locust__milvus_message *m, const locust_milvus_collection *c, char *room, size_t size)
{
    if (!c->fields) {
        if (c->dimension < 1)
            locust__milvus_blame(m, "invalid collection: no .dimension");
        snprintf(room, size,
            "[{\"name\":\"id\",\"type\":\"Int64\",\"primary\":true},"
            "{\"name\":\"vector\",\"type\":\"FloatVector\",\"dim\":%d}]",
            c->dimension);
        return locust__view_of(room);
    }
    if (!locust__milvus_json(c->fields, '['))
        locust__milvus_blame(m, "invalid .fields: no JSON array");
    return locust__view_of(locust__json_blank(c->fields, c->fields + strlen(c->fields)));
}

/* Writes a CreateCollectionRequest. */
static void locust__milvus_new(locust__milvus_message *m, const locust_milvus_collection *c)
{
    char room[128];
    locust__view fields = locust__milvus_fields(m, c, room, sizeof room), one;
    const char *p = NULL;
    size_t at;
    if (*m->wrong)
        return;
    locust__milvus_text(&m->w, 2, c->database);
    locust__milvus_text(&m->w, 3, c->collection);
    at = locust__pb_begin(&m->w, 4);
    locust__milvus_text(&m->w, 1, c->collection);
    while (locust__json_element(fields, &p, &one))
        locust__milvus_new_field(m, one);
    if (!c->no_dynamic)
        locust__pb_put_bool(&m->w, 5, true);
    locust__pb_end(&m->w, at);
    locust__pb_put_int(&m->w, 6, 2); // "Bounded", as pymilvus has it
}

/* Writes a CreateIndexRequest for a field. */
static void locust__milvus_index(
    locust__milvus_message *m, const locust_milvus_collection *c, const char *field)
{
    locust_pb_writer *w = &m->w;
    if (c->params && !locust__milvus_json(c->params, '{'))
        locust__milvus_blame(m, "invalid .params: no JSON object");
    locust__milvus_text(w, 2, c->database);
    locust__milvus_text(w, 3, c->collection);
    locust__milvus_text(w, 4, field);
    locust__milvus_pair(
        w, 5, locust__view_of("index_type"), locust__view_of(c->index ? c->index : "AUTOINDEX"));
    locust__milvus_pair(
        w, 5, locust__view_of("metric_type"), locust__view_of(c->metric ? c->metric : "COSINE"));
    if (c->params)
        locust__milvus_pair(w, 5, locust__view_of("params"), locust__view_of(c->params));
    locust__milvus_text(w, 6, field);
}
