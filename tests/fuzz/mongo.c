// BSON, Extended JSON and messages of MongoDB servers. Input: 'B' and the bytes of a document, 'J' and a text of JSON,
// 'M' and a message without its head.
#include "../../locust.h"
#include "../check.h"

/* A document that was taken is JSON, which is taken again; a second turn gives the same text. */
static void check_document(const unsigned char *p)
{
    locust__buf json = {NULL, 0, 0, false}, back = json, again = json;
    const char *wrong;
    locust__extjson_put(&json, p);
    MUST(!json.failed);
    locust__buf_add(&json, "", 1);
    wrong = locust__extjson_read(&back, (locust__view){json.ptr, json.len - 1}, false);
    if (!wrong) { // a document whose first name is that of a type, such as {"$oid": 5}, is refused
        MUST(locust__bson_is_valid((unsigned char *)back.ptr, back.len));
        locust__extjson_put(&again, (unsigned char *)back.ptr);
        locust__buf_add(&again, "", 1);
        locust__buf_free(&back);
        if (!locust__extjson_read(&back, (locust__view){again.ptr, again.len - 1}, false)) {
            locust__buf twice = {NULL, 0, 0, false};
            locust__extjson_put(&twice, (unsigned char *)back.ptr);
            MUST(twice.len == again.len - 1 && memcmp(twice.ptr, again.ptr, twice.len) == 0);
            locust__buf_free(&twice);
        }
    }
    for (locust__bson_element e = locust__bson_first(p); e.type; e = locust__bson_next(&e))
        locust__bson_int(&e, 0);
    locust__buf_free(&json);
    locust__buf_free(&back);
    locust__buf_free(&again);
}

static void check_json(const char *text, size_t n)
{
    locust__buf out = {NULL, 0, 0, false};
    const char *wrong =
        locust__extjson_read(&out, (locust__view){text, n}, n && text[n - 1] == ']');
    if (!wrong) {
        MUST(locust__bson_is_valid((unsigned char *)out.ptr, out.len));
        check_document((unsigned char *)out.ptr);
    }
    locust__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t left = n ? n - 1 : 0;
    char *bytes = malloc(left + 1);
    memcpy(bytes, data + (n > 0), left);
    bytes[left] = '\0';
    if (n && *data == 'J') {
        check_json(bytes, left);
    } else if (n) {
        unsigned char *exact = left ? memcpy(malloc(left), bytes, left) : NULL;
        const char *why;
        if (*data == 'M' && locust__mongo_read_frame(exact, left, &why))
            check_document(exact + 5);
        else if (*data == 'B' && locust__bson_is_valid(exact, left))
            check_document(exact);
        free(exact);
    }
    free(bytes);
    return 0;
}
