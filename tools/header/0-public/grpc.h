/* ============================================================================================
 * >>grpc  gRPC
 *
 * Purpose     calls over HTTP/2, at the user's host: unary, and streams in either direction or
 *             both. A user's calls, and those of its coroutines, share its connection.
 *
 * Rows        method "grpc", name: the path. A status that is not OK is a failure, in the words
 *             "UNAVAILABLE: what the server says".
 * ============================================================================================ */

/* Takes a message of a stream. Returns false to end the call here, which is no failure. May not
 * park. */
typedef bool (*locust_grpc_message_fn)(void *arg, const void *message, size_t len);
/* Writes the next message of a stream. Returns false: there is none. May not park. */
typedef bool (*locust_grpc_next_fn)(void *arg, locust_pb_writer *message);

typedef struct locust_grpc_request {
    const char *path;                  // "/package.Service/Method"
    const locust_pb_writer *message;   // of the request; NULL with .next: none before the stream's
    locust_grpc_next_fn next;          // further messages of the request; NULL: there are none
    locust_pb_writer *room;            // where .next writes, emptied before; required with it
    bool in_turn;                      // .next waits until each message has had one in answer
    locust_grpc_message_fn on_message; // takes messages as they come; reply->body stays empty
    void *arg;                         // of .next and .on_message
    const locust_pair *metadata;       // a name that ends in -bin has a value in base64
    const char *name;                  // of the row; NULL: the path
    double timeout_s;   // the deadline, which the server learns; 0: 60, negative: none
    bool gzip;          // compress messages, with LOCUST_ZLIB
    int expect_status;  // another one is the failure; 0: OK
    size_t max_message; // bytes of an answer; 0: LOCUST_MAX_BODY
    void *context;      // yours: listeners find it in the sample
} locust_grpc_request;

typedef struct locust_grpc_reply { // lives until this user's next call or request
    const char *error;             // NULL, or what failed: the sentence in the reports
    int status;                    // 0: OK, 1 to 16 as in gRPC
    const char *message;           // grpc-message, decoded; ""
    const char *body; // the message of the answer; of a stream without .on_message the last
    size_t body_len;
    size_t messages; // that came
    double elapsed_ms;
} locust_grpc_reply;

/* One call: locust_grpc_call(u, "/helloworld.Greeter/SayHello", &request, .timeout_s = 2) */
LOCUST_API locust_grpc_reply *locust_grpc_send(locust_user *u, const locust_grpc_request *request);
#define locust_grpc_call(u, path_, ...) \
    (LOCUST_AT_("locust_grpc_call"),    \
        locust_grpc_send((u), &(locust_grpc_request){.path = (path_), .message = __VA_ARGS__}))
/* A piece of metadata of the last reply, of its beginning or its end; NULL: there is none. */
LOCUST_API const char *locust_grpc_metadata(locust_user *u, const char *name);
/* The name of a status: "UNAVAILABLE". */
LOCUST_API const char *locust_grpc_status_name(int status);
