/* ============================================================================================
 * >>protobuf  messages of Protocol Buffers
 *
 * Purpose     writing and reading messages field by field, by the numbers in their .proto file:
 *             without generated code.
 * ============================================================================================ */

typedef struct locust_pb_writer { // make it with LOCUST_PB_WRITER(array)
    char *bytes;
    size_t len, cap;
    bool failed; // something did not fit: a call with it fails in words
} locust_pb_writer;
#define LOCUST_PB_WRITER(array)                  \
    {                                            \
        (char *)(array), 0, sizeof(array), false \
    }

LOCUST_API void locust_pb_put_int(
    locust_pb_writer *w, int field, int64_t n); // int32, int64, uint32,
                                                // uint64, enum
LOCUST_API void locust_pb_put_sint(locust_pb_writer *w, int field, int64_t n); // sint32, sint64
LOCUST_API void locust_pb_put_bool(locust_pb_writer *w, int field, bool yes);
LOCUST_API void locust_pb_put_double(locust_pb_writer *w, int field, double n);
LOCUST_API void locust_pb_put_float(locust_pb_writer *w, int field, float n);
LOCUST_API void locust_pb_put_fixed32(locust_pb_writer *w, int field, uint32_t n);
LOCUST_API void locust_pb_put_fixed64(locust_pb_writer *w, int field, uint64_t n);
LOCUST_API void locust_pb_put_text(locust_pb_writer *w, int field, const char *text);
LOCUST_API void locust_pb_put_bytes(locust_pb_writer *w, int field, const void *bytes, size_t n);
/* What is written between the two is the message of a field:
 *     size_t at = locust_pb_begin(&w, 3); ... locust_pb_end(&w, at); */
LOCUST_API size_t locust_pb_begin(locust_pb_writer *w, int field);
LOCUST_API void locust_pb_end(locust_pb_writer *w, size_t begun);

typedef struct locust_pb_reader {
    const char *at, *end;
    bool failed; // what follows is no message
} locust_pb_reader;

enum { LOCUST_PB_INT = 0, LOCUST_PB_64 = 1, LOCUST_PB_BYTES = 2, LOCUST_PB_32 = 5 };

typedef struct locust_pb_field {
    int number;
    int type;          // LOCUST_PB_INT ...
    uint64_t value;    // of an integer, or the bits of 32 and 64
    const char *bytes; // of a text, bytes or a message, which locust_pb_read(bytes, len) reads; ""
    size_t len;
} locust_pb_field;

/* Reads fields one by one, in the order in which they come; those that stand at their defaults are
 * mostly left out. What is read lives as long as the bytes. */
LOCUST_API locust_pb_reader locust_pb_read(const void *bytes, size_t n);
LOCUST_API bool locust_pb_next(locust_pb_reader *r, locust_pb_field *field);
LOCUST_API double locust_pb_double(const locust_pb_field *field); // of double and float
LOCUST_API int64_t locust_pb_sint(const locust_pb_field *field);  // of sint32 and sint64
