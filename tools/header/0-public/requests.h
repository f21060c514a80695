/* ============================================================================================
 * >>requests  requests and their answers
 *
 * Purpose     sends requests (locust_get, locust_post, ...), and reads and judges their answers.
 * ============================================================================================ */

typedef struct locust_part { // one part of a multipart/form-data body
    const char *name;
    const char *text; // the content, or
    const char *path; // a file to send
    const char *type; // Content-Type; NULL: none for text, application/octet-stream for a file
} locust_part;

/* Writes the next 1 to n bytes of a request's body to out. Returns how many; 0: the body is
 * complete, -1: give up. Runs on the user's stack and may not park. */
typedef ptrdiff_t (*locust_body_fn)(void *arg, void *out, size_t n);
/* Takes n bytes of a response's body. Returns false to end the response here: the connection is
 * closed, and the request counts as passed. May not park. */
typedef bool (*locust_chunk_fn)(void *arg, const char *bytes, size_t n);

typedef struct locust_sse_event { // of a stream of server-sent events (HTML standard, 9.2)
    const char *type;             // "message" if the server gave none
    const char *data;             // lines joined by '\n'
    const char *id;               // of the last event that had one; "" if none had
    int retry_ms;                 // the last "retry" of the stream; -1: none yet
} locust_sse_event;
/* Takes one event, which lives until the function returns. Returns false to end the response, as
 * above. May not park. */
typedef bool (*locust_sse_fn)(void *arg, const locust_sse_event *event);

/* One HTTP request. Everything is borrowed until the call returns. LOCUST_HEADERS and the like live
 * until the end of the block that they stand in, so a function cannot return one.
 *
 * Give at most one body (.body, .json, .form, .form_fields, .parts, .body_path, .body_fn), one of
 * .auth and .bearer, one of .on_body and .on_event, and .body_len with .body or .body_fn alone.
 * .stream goes with .on_event, not with .on_body or .expect_json.
 * A request that contradicts itself fails before it is sent, and the failure's sentence names the
 * fields. The task goes on, as after any failed request.
 *
 * Header fields by hand, of the request, the class or locust_set_header, go out as they are, but
 * for those that frame the message:
 *
 *   Content-Length,     written once, as the body has it. One that contradicts it is replaced,
 *   Transfer-Encoding   as in k6, and the end of the run says in how many requests.
 *   Host                the first one counts. To cookies it is the site, as in curl and requests; a
 *                       redirect to another host leaves it behind. TLS asks for the URL's host.
 *   Connection          "close" closes; "keep-alive" is not sent beside .no_keep_alive.
 *   Expect              100-continue is .expect_continue, and not sent without a body.
 *   Content-Type        of .parts: the type counts, the boundary is the kit's.
 */
typedef struct locust_request {
    const char *method;             // any token; NULL: "GET"
    const char *url;                // path below the user's host, or an absolute URL; required
    const char *name;               // row in the statistics; NULL: path and query as sent
    const locust_pair *headers;     // beside the class's; the same name replaces the class's field
    const void *body;               // raw body, body_len bytes
    size_t body_len;                // 0: body is ""; a text has strlen(text)
    const char *form;               // body as application/x-www-form-urlencoded, already encoded
    const char *json;               // body as application/json
    const locust_pair *params;      // added to the query, encoded by the library
    const locust_pair *form_fields; // body from fields, encoded by the library
    const locust_part *parts;       // body as multipart/form-data; files are streamed from disk
    const char *body_path;          // body from a file, streamed; no pipe or device
    locust_body_fn body_fn;         // body from a function: body_len bytes; 0: chunked, any length
    bool expect_continue;           // wait up to 1 s for "100 Continue" before sending the body
    const char *auth;               // "user:password": Basic, or Digest when the server asks for it
    const char *bearer;             // a token: "Authorization: Bearer TOKEN"
    locust_chunk_fn on_body;        // takes the body as it comes; response->body stays empty
    locust_sse_fn on_event;         // takes server-sent events; response->body stays empty
    locust_stream_fn stream; // what the events mean, as LOCUST_STREAM_OPENAI: see >>streamed;
                             // response->body becomes the text of the answer
    locust_mark_fn on_mark;  // of LOCUST_STREAM_MARKED: says what an event is
    double give_up_s;        // of .stream: leaves in mid-stream after so long, which is no
                             // failure; 0: never
    void *arg;               // first argument of body_fn, on_body, on_event, on_mark
    void *context;           // yours: listeners find it in the sample
    double timeout_s;        // connect to last byte; 0: 60, negative: none
    bool catch_response;     // the test gives the verdict: locust_success, locust_failure
    bool no_redirect;        // hand 3xx to the caller; false: follow up to 30 (HEAD: none)
    int expect_status;       // another status is a failure; 0: any below 400 passes
    const char *expect_body; // a body without this text is a failure
    bool expect_json;        // ask for JSON; another body is a failure
} locust_request;

typedef struct locust_phases { // of the last hop, in ms; 0 where it did not happen
    double name_ms;            // name lookup
    double connect_ms;         // TCP, and a proxy's CONNECT
    double tls_ms;             // TLS handshake
    double wait_ms;            // from the first byte sent to the first byte received
    double receive_ms;         // from there to the last byte
} locust_phases;

/* What came back. Lives until this user's next request or the end of the user; free nothing. */
struct locust_response {
    const char *error;  // NULL, or one short, stable sentence: there is no answer, status is 0; or
                        // a part of one came before that, whose status, fields and body are here
    locust_error code;  // the same, to compare
    int status;         // 100 to 999
    const char *reason; // reason phrase of the status line; may be empty
    const char *body;   // body[body_len] is '\0'
    size_t body_len;
    uint64_t length;   // bytes of body, those of a streamed one too; decoded
    const char *url;   // absolute URL of this answer
    double elapsed_ms; // see locust_send
    locust_phases phases;
    locust_streamed stream; // of a request with .stream
    bool reused;            // the connection had served an earlier request
    locust_user *user;
};

/* Sends one request and waits for the whole response.
 *
 * Call from    a user.
 * Returns      a response that lives until this user's next request; never NULL.
 * Errors       never aborts. response->error says why there is no whole answer; the failure is in
 *              the statistics already (with catch_response: at this user's next request or the end
 *              of the task).
 * Time         from right before the first byte is sent (on a new connection: before the name
 *              lookup and the connect) to the arrival of the last byte at this machine, as its
 *              kernel noted (SO_TIMESTAMPNS): how long the generator then takes to read it is not
 *              the server's time. Where the kernel does not say: to right after the last byte is
 *              parsed.
 * Retries      once, on a new connection, when a kept one was closed by the server before the first
 *              byte of the answer and the method is idempotent (RFC 9110 9.2.2, RFC 9112 9.3.1).
 * Like         HttpSession.request() of Locust.
 */
LOCUST_API locust_response *locust_send(locust_user *u, const locust_request *req);
#define locust_send(...) (LOCUST_AT_("a request"), locust_send(__VA_ARGS__))

/* URL first, then fields of locust_request: locust_get(u, "/", .timeout_s = 2) */
#define locust_get(u, ...)             LOCUST_SEND_(u, "GET", __VA_ARGS__)
#define locust_post(u, ...)            LOCUST_SEND_(u, "POST", __VA_ARGS__)
#define locust_put(u, ...)             LOCUST_SEND_(u, "PUT", __VA_ARGS__)
#define locust_patch(u, ...)           LOCUST_SEND_(u, "PATCH", __VA_ARGS__)
#define locust_delete(u, ...)          LOCUST_SEND_(u, "DELETE", __VA_ARGS__)
#define locust_head(u, ...)            LOCUST_SEND_(u, "HEAD", __VA_ARGS__)
#define locust_options_request(u, ...) LOCUST_SEND_(u, "OPTIONS", __VA_ARGS__)
/* JSON in, JSON out: locust_rest(u, "POST", "/items", .json = "{}"). An answer that is not JSON is
 * a failure. Like rest() of Locust's FastHttpUser. */
#define locust_rest(u, verb, ...) \
    locust_send((u), &(locust_request){.method = (verb), .expect_json = true, .url = __VA_ARGS__})
#define LOCUST_SEND_(u, verb, ...) \
    locust_send((u), &(locust_request){.method = (verb), .url = __VA_ARGS__})

#define LOCUST_HEADERS(...) ((const locust_pair[]){__VA_ARGS__, {NULL, NULL}})
#define LOCUST_PARAMS(...)  ((const locust_pair[]){__VA_ARGS__, {NULL, NULL}})
#define LOCUST_PARTS(...)   ((const locust_part[]){__VA_ARGS__, {NULL, NULL, NULL, NULL}})

/* The value of the first response header field of that name, in any case; NULL if there is none.
 * Lives as long as the response. */
LOCUST_API const char *locust_header(const locust_response *r, const char *name);

/* Judge a request that was made with .catch_response = true. The last verdict counts; without one,
 * the usual rule applies: a status below 400 passes. Reports group failures by this text: keep ids
 * out of it; 255 bytes at most. Of any other request that fails the task. */
LOCUST_API void locust_success(locust_response *r);
#define locust_success(...) (LOCUST_AT_("locust_success"), locust_success(__VA_ARGS__))
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
LOCUST_API void
locust_failure(locust_response *r, const char *format, ...);
#define locust_failure(...) (LOCUST_AT_("locust_failure"), locust_failure(__VA_ARGS__))

/* Copy a value out of a body, for the next request: from a path of a JSON body, from a group of a
 * regular expression (0 is the whole match), or from between two texts. Each returns false if there
 * is no such value, it has another type, or its text and a '\0' do not fit into out[size]; *out of
 * a number or bool then stays as it was. Call these while the response lives.
 *
 * A path is "user.ids[0]" or "[2].name"; "" is the whole body. One that begins with '/' is a JSON
 * Pointer (RFC 6901), which can name any key: "/user/ids/0"; "/a.b" for "a.b", "/a~1b" for "a/b",
 * "/a~0b" for "a~b". Keys are compared decoded, "\u00e9" with the same letter as it stands.
 * locust_json_number gives a double, exact to 15 digits; locust_json_int a whole number, exact in
 * all its digits, or false; locust_json_string a string decoded (half a surrogate pair is U+FFFD),
 * or a number as it is written. locust_json_length counts elements of an array, or members.
 *
 * A regular expression means what it does in Perl, and in Python's re with re.ASCII: literals, .
 * (no newline), [a-z] [^a-z] [[:alpha:]], \d \w \s \D \W \S (of ASCII), \b \B, ^ $ \A \z, \t \n
 * \r \xHH \uHHHH, (...) (?:...) (?P<name>...), |, * + ? {m,n} and the lazy *? +? ?? {m,n}?, and
 * the flags (?i) (letters a to z), (?s), (?m). The leftmost match wins, there the first alternative
 * and not the longest as in POSIX. It takes time in proportion to the body, whatever the pattern.
 * What it has not (references such as \1, lookahead and lookbehind, possessive repeats, \p) or
 * what is wrong fails the task, with a sentence that names it and its place. */
LOCUST_API bool locust_json_number(const locust_response *r, const char *path, double *out);
LOCUST_API bool locust_json_int(const locust_response *r, const char *path, int64_t *out);
LOCUST_API bool locust_json_length(const locust_response *r, const char *path, size_t *out);
LOCUST_API bool locust_json_bool(const locust_response *r, const char *path, bool *out);
LOCUST_API bool locust_json_string(
    const locust_response *r, const char *path, char *out, size_t size);
LOCUST_API bool locust_match(
    const locust_response *r, const char *regex, int group, char *out, size_t size);
#define locust_match(...) (LOCUST_AT_("locust_match"), locust_match(__VA_ARGS__))
LOCUST_API bool locust_find_between(
    const locust_response *r, const char *left, const char *right, char *out, size_t size);
