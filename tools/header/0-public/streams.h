/* ============================================================================================
 * >>streams  protocols of your own
 *
 * Purpose     connections for a protocol that the kit does not speak, and operations that a test
 *             times itself.
 * ============================================================================================ */

/* Connects to tcp://host:port, tls://host:port (with the class's certificates), udp://host:port or
 * unix:/path. Call from a user. Returns a stream, yours (end it with locust_close); NULL if memory
 * ran out. If connecting failed, every read and write of the stream fails, and locust_stream_error
 * says why. Each read and write takes at most 60 s (locust_set_timeout), and so does connecting,
 * once its turn has come. With udp:// a write sends one datagram, and a read receives one, cut to n
 * bytes; empty datagrams are skipped. */
LOCUST_API locust_stream *locust_connect(locust_user *u, const char *url);
#define locust_connect(...) (LOCUST_AT_("locust_connect"), locust_connect(__VA_ARGS__))
/* Writes all n bytes. Returns false on an error: see locust_stream_error. */
LOCUST_API bool locust_write(locust_stream *s, const void *bytes, size_t n);
/* Reads 1 to n bytes. Returns how many, 0 at the end of the stream, -1 on an error. */
LOCUST_API ptrdiff_t locust_read(locust_stream *s, void *out, size_t n);
/* Reads exactly n bytes. Returns false on an error, or if the stream ended before: see
 * locust_stream_error. */
LOCUST_API bool locust_read_exact(locust_stream *s, void *out, size_t n);
/* Limits each later read and write of this stream to that time; negative: no limit. */
LOCUST_API void locust_set_timeout(locust_stream *s, double seconds);
/* Reads up to and including the byte `end`, and adds a '\0'. Returns the length without the '\0';
 * -1 if the stream ended or failed before `end`, or the text does not fit. */
LOCUST_API ptrdiff_t locust_read_until(locust_stream *s, char end, char *out, size_t size);
/* Why the last read or write failed: a stable sentence; NULL if it did not. */
LOCUST_API const char *locust_stream_error(const locust_stream *s);
/* Closes and frees; NULL is fine. */
LOCUST_API void locust_close(locust_stream *s);

typedef struct locust_measure { // one measured operation; set `error` and `length` inside the block
    const char *error;          // NULL: success; grouping text, copied
    size_t length;              // bytes received
    locust_user *user;
    const char *method, *name;
    int64_t start_ns;
    bool open;
    struct locust_measure *outer; // the measure around it
} locust_measure;

LOCUST_API locust_measure locust_measure_start(
    locust_user *u, const char *method, const char *name);
/* Shows a measure to its user until it is stopped: if the user is cut before, the operation counts
 * as unanswered. Returns m. */
LOCUST_API locust_measure *locust_measure_watch(locust_measure *m);
LOCUST_API void locust_measure_stop(locust_measure *m); // once: a second call does nothing

/* LOCUST_MEASURE(u, "ECHO", "line", m) { ... m->error = ...; m->length = ...; }
 * Times the block and records it as a request when it ends: by its end, continue, break, return or
 * goto. If the user is cut in it, it counts as unanswered, as a request does; if the task fails in
 * it, it is not recorded. */
// clang-format off
#define LOCUST_MEASURE(u, method_, name_, m)                                   \
    for (locust_measure m##_measure __attribute__((cleanup(locust_measure_stop))) = \
             locust_measure_start((u), (method_), (name_)),                    \
         *m = locust_measure_watch(&m##_measure);                              \
         m->open; locust_measure_stop(m))
// clang-format on
