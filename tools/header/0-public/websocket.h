/* ============================================================================================
 * >>websocket  WebSocket
 *
 * Purpose     one connection for each user, or coroutine of a user, over which messages go both
 *             ways: RFC 6455, with the compression of RFC 7692 where LOCUST_ZLIB is set.
 *
 * Call from a user. Rows: "WS connect" is the opening handshake; "WS ping" a ping and its pong; of
 * "WS send" and "WS close" only what goes wrong is counted. What a message and its answer took is
 * for the test to measure (LOCUST_MEASURE).
 *
 * The first call connects to the user's host, if locust_ws_connect did not before. A connection
 * that has ended is not opened again, but by locust_ws_connect: until then every call says why it
 * ended. The end of the user closes it. While a user does something else its pings are answered and
 * messages kept for it, up to .max_message bytes.
 * ============================================================================================ */

typedef struct locust_ws_options {
    const char *url;          // ws://, wss://, http:// or https://; a path: below the user's host,
                              // which may have any of these; NULL: the host itself
    const char *name;         // row of the handshake; NULL: "connect"
    const char *subprotocols; // offered: "chat.v2, chat.v1"; NULL: none
    const locust_pair *headers; // beside the class's and the user's
    const char *origin;         // field Origin; NULL: none, as browsers alone must send one
    const char *auth;           // "user:password": Basic, or Digest when the server asks for it
    const char *bearer;         // a token: "Authorization: Bearer TOKEN"
    double timeout_s;           // of the handshake, and of each send; 0: 60, negative: none
    double ping_s;              // silence after which a ping is sent; without an answer for as long
                                // again the connection has failed; 0: none are sent
    size_t max_message;         // bytes, decompressed; 0: LOCUST_MAX_BODY
    bool compress; // offer permessage-deflate. What it takes is up to 300 KB for a connection
} locust_ws_options;

typedef struct locust_ws_message { // lives until this user's next receive, ping, close or connect
    const char *data;              // data[len] is '\0'
    size_t len;
    bool binary; // false: text, which is valid UTF-8
} locust_ws_message;

/* Connects. Cookies and fields of the session go with the handshake, and those that it sets are
 * kept; redirects are followed. What was open is closed. Returns false if it failed: that is
 * counted, and locust_ws_error says why. */
LOCUST_API bool locust_ws_connect(locust_user *u, const locust_ws_options *options);
/* URL first, then fields of locust_ws_options: locust_ws_connect(u, "/chat", .origin = "http://a")
 */
#define locust_ws_connect(u, ...)     \
    (LOCUST_AT_("locust_ws_connect"), \
        locust_ws_connect((u), &(locust_ws_options){.url = __VA_ARGS__}))

/* Sends one message: a text, or n bytes. Returns false on an error. */
LOCUST_API bool locust_ws_send(locust_user *u, const char *text);
#define locust_ws_send(...) (LOCUST_AT_("locust_ws_send"), locust_ws_send(__VA_ARGS__))
LOCUST_API bool locust_ws_send_bytes(locust_user *u, const void *bytes, size_t n);
#define locust_ws_send_bytes(...) \
    (LOCUST_AT_("locust_ws_send_bytes"), locust_ws_send_bytes(__VA_ARGS__))
/* Sends a fragment of a message: its next n bytes; `last` ends it. `binary` counts in the first
 * one. */
LOCUST_API bool locust_ws_send_part(
    locust_user *u, const void *bytes, size_t n, bool binary, bool last);
#define locust_ws_send_part(...) \
    (LOCUST_AT_("locust_ws_send_part"), locust_ws_send_part(__VA_ARGS__))

/* Takes the next message. Waits that many seconds for it: 0: takes what is there, negative: no
 * limit. Returns false if none came, or the connection has ended: see locust_ws_error. */
LOCUST_API bool locust_ws_receive(locust_user *u, locust_ws_message *out, double seconds);
#define locust_ws_receive(...) (LOCUST_AT_("locust_ws_receive"), locust_ws_receive(__VA_ARGS__))

/* Sends a ping, and waits for its pong: row "WS ping". Messages that come meanwhile are kept. */
LOCUST_API bool locust_ws_ping(locust_user *u, double seconds);
#define locust_ws_ping(...) (LOCUST_AT_("locust_ws_ping"), locust_ws_ping(__VA_ARGS__))

/* Closes with a code (1000 to 1003, 1007 to 1014, 3000 to 4999; 0: none) and a reason of up to 123
 * bytes (NULL: none), and waits up to a second for the peer's Close. Messages that come meanwhile,
 * or were not received, are dropped. */
LOCUST_API bool locust_ws_close(locust_user *u, int code, const char *reason);
#define locust_ws_close(...) (LOCUST_AT_("locust_ws_close"), locust_ws_close(__VA_ARGS__))

/* Why the last call failed: a stable sentence; NULL if it did not. */
LOCUST_API const char *locust_ws_error(locust_user *u);
/* The subprotocol that the server chose; "": none. Lives as long as the connection. */
LOCUST_API const char *locust_ws_subprotocol(locust_user *u);
/* The code of the peer's Close: 1005: it had none, 0: none came. *reason (NULL: not wanted) lives
 * until the next connect. */
LOCUST_API int locust_ws_close_code(locust_user *u, const char **reason);
