// Milvus: rows of JSON as the columns that milvus.proto and schema.proto ask for.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"
#include "hex.h"

static locust__milvus_field fields[] = {{.name = "id", .type = 5, .primary = true},
    {.name = "v", .type = 101, .dimension = 2}, {.name = "f", .type = 2, .nullable = true}};
static const locust__milvus_schema schema = {.fields = fields, .n_fields = 3, .dynamic = true};
static char bytes[512];

static locust__milvus_message rows(const char *json, size_t cap, bool dynamic)
{
    locust__milvus_schema s = schema;
    const locust_milvus_rows req = {.collection = "c", .rows = json};
    locust__milvus_message m;
    memset(&m, 0, sizeof m);
    m.w = (locust_pb_writer){bytes, 0, cap, false};
    s.dynamic = dynamic;
    locust__milvus_add_rows(&m, &req, &s, false);
    return m;
}

static void columns(void)
{
    locust__milvus_message m =
        rows("[{\"v\": [1, -0.5], \"id\": 300, \"x\": [1]}, {\"id\": 2, \"v\":[0,0], \"f\": -1}]",
            512, true);
    CHECK(!m.w.failed && !*m.wrong);
    CHECK(is_hex((const unsigned char *)m.w.bytes, m.w.len,
        "1a 01 63 "                                           // collection_name
        "2a 0f 08 05 12 02 69 64 1a 07 1a 05 0a 03 ac 02 02 " // id: Int64, 300 and 2
        "2a 1d 08 65 12 01 76 22 16 08 02 12 12 0a 10 "       // v: FloatVector, dim 2
        "00 00 80 3f 00 00 00 bf 00 00 00 00 00 00 00 00 "
        "2a 19 08 02 12 01 66 1a 0e 12 0c 0a 0a ff ff ff ff ff ff ff ff ff 01 3a 02 00 01 " // f
        "2a 17 08 17 1a 11 4a 0f 0a 09 7b 22 78 22 3a 5b 31 5d 7d 0a 02 7b 7d 30 01 " // the rest
        "38 02"));                                                                    // num_rows
}

static void wrong(void)
{
    static const struct {
        const char *rows, *why;
    } table[] = {{"", "invalid rows: no JSON array"}, {"{}", "invalid rows: no JSON array"},
        {"[1", "invalid rows: no JSON array"}, {"[]", "invalid rows: none"},
        {"[1]", "invalid rows: one is no JSON object"},
        {"[{\"v\":[1,2]}]", "invalid rows: one is without \"id\""},
        {"[{\"id\":null,\"v\":[1,2]}]", "invalid rows: one is without \"id\""},
        {"[{\"id\":1.5,\"v\":[1,2]}]", "invalid rows: \"id\" has a value of another type"},
        {"[{\"id\":1,\"v\":[1]}]", "invalid rows: \"v\" is not 2 numbers"},
        {"[{\"id\":1,\"v\":5}]", "invalid rows: \"v\" is not 2 numbers"},
        {"[{\"id\":1,\"v\":[1,2],\"f\":128}]", "invalid rows: \"f\" has a value of another type"},
        {"[{\"id\":1,\"v\":[1,2],\"x\":1}]", "invalid rows: the collection has no field \"x\""}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        locust__milvus_message m = rows(table[i].rows, 512, false);
        CHECK(strcmp(m.wrong, table[i].why) == 0);
    }
}

static void small(void) // every room that is too small says so
{
    size_t whole = rows("[{\"id\":1,\"v\":[1,2],\"x\":1}]", 512, true).w.len;
    for (size_t cap = 0; cap < whole; cap++)
        CHECK(rows("[{\"id\":1,\"v\":[1,2],\"x\":1}]", cap, true).w.failed);
}

TESTS({"columns", columns}, {"wrong rows", wrong}, {"a small room", small})
