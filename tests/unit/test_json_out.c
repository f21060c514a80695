// JSON as Python's json.dumps lays it out, on one line and with indent=2.
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static void write_all(locust__json_out *j)
{
    locust__json_out_begin(j, '{');
    locust__json_out_name(j, "a");
    locust__json_out_begin(j, '[');
    locust__json_out_int(j, -1);
    locust__json_out_begin(j, '{');
    locust__json_out_end(j, '}');
    locust__json_out_begin(j, '[');
    locust__json_out_bool(j, true);
    locust__json_out_text(j, NULL);
    locust__json_out_end(j, ']');
    locust__json_out_end(j, ']');
    locust__json_out_name(j, "b\"");
    locust__json_out_text(j, "x\ny");
    locust__json_out_end(j, '}');
    locust__buf_add(j->out, "", 1);
}

static void layouts(void)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__json_out j = {.out = &out};
    write_all(&j); // json.dumps({"a": [-1, {}, [True, None]], 'b"': "x\ny"})
    CHECK_STR(out.ptr, "{\"a\": [-1, {}, [true, null]], \"b\\\"\": \"x\\u000ay\"}");
    out.len = 0;
    j = (locust__json_out){.out = &out, .lines = true};
    write_all(&j); // the same with indent=2
    CHECK_STR(out.ptr,
        "{\n  \"a\": [\n    -1,\n    {},\n    [\n      true,\n      null\n    ]\n  ],\n"
        "  \"b\\\"\": \"x\\u000ay\"\n}");
    CHECK(locust__json_is_valid((locust__view){out.ptr, out.len - 1}));
    locust__buf_free(&out);
}

TESTS({"layouts", layouts})
