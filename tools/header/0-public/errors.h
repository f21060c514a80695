/* ============================================================================================
 * >>errors  why a request has no good answer
 *
 * Purpose     one code and one sentence for each reason. A code carries its protocol, where it has
 *             one.
 * ============================================================================================ */

/* Why a request has no good answer. The text groups failures in reports, so it holds no port,
 * no number and no time of its own. */
#define LOCUST_ERRORS(X)                                                                        \
    X(LOCUST_OK, "ok")                                                                          \
    X(LOCUST_ERR_CANCELLED, "cancelled: the user is being stopped")                             \
    X(LOCUST_ERR_MEMORY, "out of memory")                                                       \
    X(LOCUST_ERR_FILES, "too many open files: raise ulimit -n")                                 \
    X(LOCUST_ERR_PORTS, "no local port left for this destination")                              \
    X(LOCUST_ERR_HTTP_REQUEST, "invalid request: forbidden character in its method or headers") \
    X(LOCUST_ERR_HTTP_BODIES, "invalid request: more than one of .body, .json, .form, "         \
                              ".form_fields, .parts, .body_path, .body_fn")                     \
    X(LOCUST_ERR_HTTP_BODY_LEN, "invalid request: .body_len without .body or .body_fn")         \
    X(LOCUST_ERR_HTTP_BODY_NO_LEN, "invalid request: .body without .body_len: for a text give " \
                                   "its strlen()")                                              \
    X(LOCUST_ERR_HTTP_AUTHS, "invalid request: both .auth and .bearer")                         \
    X(LOCUST_ERR_HTTP_CALLBACKS, "invalid request: both .on_body and .on_event")                \
    X(LOCUST_ERR_HTTP_EXPECT, "invalid request: .expect_body or .expect_json with .on_body or " \
                              ".on_event, which take the body")                                 \
    X(LOCUST_ERR_HTTP_STREAMS, "invalid request: .stream with .on_body or .expect_json, or "    \
                               "one of .on_mark and LOCUST_STREAM_MARKED alone")                \
    X(LOCUST_ERR_HTTP_REQUEST_SIZE, "request header too large")                                 \
    X(LOCUST_ERR_URL, "invalid URL")                                                            \
    X(LOCUST_ERR_SCHEME, "unknown URL scheme")                                                  \
    X(LOCUST_ERR_NAME, "host name not found")                                                   \
    X(LOCUST_ERR_NAME_SERVER, "host name lookup failed: no usable answer from a name server")   \
    X(LOCUST_ERR_NAME_TIMEOUT, "host name lookup timed out")                                    \
    X(LOCUST_ERR_REFUSED, "connection refused")                                                 \
    X(LOCUST_ERR_CONNECT_TIMEOUT, "connect timed out")                                          \
    X(LOCUST_ERR_HOST_UNREACHABLE, "host unreachable")                                          \
    X(LOCUST_ERR_NET_UNREACHABLE, "network unreachable")                                        \
    X(LOCUST_ERR_NO_SOCKET, "no such unix socket")                                              \
    X(LOCUST_ERR_PERMISSION, "permission denied by the system")                                 \
    X(LOCUST_ERR_RESET, "connection reset by peer")                                             \
    X(LOCUST_ERR_PIPE, "connection closed by peer while sending")                               \
    X(LOCUST_ERR_CLOSED, "connection closed by peer")                                           \
    X(LOCUST_ERR_NETWORK, "network error")                                                      \
    X(LOCUST_ERR_TIMEOUT, "timed out")                                                          \
    X(LOCUST_ERR_LINE_TOO_LONG, "line longer than the buffer")                                  \
    X(LOCUST_ERR_HTTP_NO_RESPONSE, "connection closed without a response")                      \
    X(LOCUST_ERR_HTTP_STRAY, "bytes on a kept connection that answer no request")               \
    X(LOCUST_ERR_HTTP_HEAD_CUT, "connection closed inside the response header")                 \
    X(LOCUST_ERR_HTTP_BODY_CUT, "connection closed inside the response body")                   \
    X(LOCUST_ERR_HTTP_BODY_RESET, "connection reset inside the response body")                  \
    X(LOCUST_ERR_HTTP_VERSION, "not an HTTP/1.x response")                                      \
    X(LOCUST_ERR_HTTP_STATUS_LINE, "malformed status line")                                     \
    X(LOCUST_ERR_HTTP_FIELD, "malformed header field")                                          \
    X(LOCUST_ERR_HTTP_HEAD_SIZE, "response header too large")                                   \
    X(LOCUST_ERR_HTTP_LENGTH, "invalid Content-Length")                                         \
    X(LOCUST_ERR_HTTP_LENGTH_TWICE, "both Content-Length and Transfer-Encoding")                \
    X(LOCUST_ERR_HTTP_ENCODING, "unsupported Transfer-Encoding")                                \
    X(LOCUST_ERR_HTTP_CHUNK, "malformed chunk")                                                 \
    X(LOCUST_ERR_HTTP_BODY_SIZE, "response body too large")                                     \
    X(LOCUST_ERR_HTTP_REDIRECTS, "more than 30 redirects")                                      \
    X(LOCUST_ERR_HTTP_LOCATION, "redirect to an invalid or unsupported location")               \
    X(LOCUST_ERR_HTTP_UPGRADE, "unexpected 101 Switching Protocols")                            \
    X(LOCUST_ERR_TLS_PORT, "the server speaks TLS on this port: use https://")                  \
    X(LOCUST_ERR_HTTP_CODED, "malformed or truncated compressed body")                          \
    X(LOCUST_ERR_HTTP_BODY_FILE, "cannot read the file of a request body")                      \
    X(LOCUST_ERR_HTTP_BODY_PIPE, "the file of a request body is a pipe: use .body_fn")          \
    X(LOCUST_ERR_HTTP_BODY_ONCE, "redirected, but a body from a function is sent once only")    \
    X(LOCUST_ERR_HTTP_BODY_FN, "the test's body function gave up")                              \
    X(LOCUST_ERR_HTTP_CALLBACK, "the test's on_body or on_event made a call that it may not")   \
    X(LOCUST_ERR_HTTP_STREAM, "the stream is broken")                                           \
    X(LOCUST_ERR_PROXY, "the proxy refused to connect")                                         \
    X(LOCUST_ERR_PROXY_NAME, "host name of the proxy not found")                                \
    X(LOCUST_ERR_PROXY_REFUSED, "connection refused by the proxy")                              \
    X(LOCUST_ERR_PROXY_AUTH, "the proxy wants other credentials")                               \
    X(LOCUST_ERR_SOURCE, "cannot use the source address")                                       \
    X(LOCUST_ERR_TLS_CERT_EXPIRED, "certificate has expired")                                   \
    X(LOCUST_ERR_TLS_CERT_FUTURE, "certificate is not valid yet")                               \
    X(LOCUST_ERR_TLS_CERT_HOST, "certificate is for another host")                              \
    X(LOCUST_ERR_TLS_CERT_SELF_SIGNED, "certificate is self-signed")                            \
    X(LOCUST_ERR_TLS_CERT_ISSUER, "certificate has an unknown issuer")                          \
    X(LOCUST_ERR_TLS_CERT_WEAK, "certificate has a weak key or signature")                      \
    X(LOCUST_ERR_TLS_CERT_USAGE, "certificate is not meant for servers")                        \
    X(LOCUST_ERR_TLS_CERT_FORM, "certificate cannot be read")                                   \
    X(LOCUST_ERR_TLS_CERT_SIZE, "certificate chain too large for this TLS library")             \
    X(LOCUST_ERR_TLS_CERT_CLIENT, "server wants a client certificate")                          \
    X(LOCUST_ERR_TLS_CERT_CLIENT_REFUSED, "server refused the client certificate")              \
    X(LOCUST_ERR_TLS_VERSION, "no TLS version in common")                                       \
    X(LOCUST_ERR_TLS_VERSION_13, "no TLS version in common: the server wants TLS 1.3, which "   \
                                 "this mbedTLS lacks: 3.6 has it")                              \
    X(LOCUST_ERR_TLS_CIPHER, "no TLS cipher or curve in common")                                \
    X(LOCUST_ERR_TLS_NAME, "server has no certificate for this host name")                      \
    X(LOCUST_ERR_TLS_ALPN, "server does not speak http/1.1 over TLS")                           \
    X(LOCUST_ERR_TLS_ALERT, "server ended TLS with a fatal alert")                              \
    X(LOCUST_ERR_TLS_RECORD, "corrupted TLS record")                                            \
    X(LOCUST_ERR_TLS_CLOSED, "connection closed inside the TLS handshake")                      \
    X(LOCUST_ERR_TLS_CUT, "connection closed without close_notify: the body may be cut")        \
    X(LOCUST_ERR_TLS_PLAIN, "server speaks plain HTTP on this port: use http://")               \
    X(LOCUST_ERR_TLS_NONE, "server does not speak TLS on this port")                            \
    X(LOCUST_ERR_TLS_RANDOM, "no random numbers for TLS from getrandom() or /dev/urandom")      \
    X(LOCUST_ERR_TLS, "TLS handshake failed")                                                   \
    X(LOCUST_ERR_HTTP2_NONE, "server does not speak HTTP/2 on this port")                       \
    X(LOCUST_ERR_HTTP2_ALPN, "server does not speak HTTP/2 over TLS")                           \
    X(LOCUST_ERR_HTTP2_FRAME, "malformed HTTP/2 frame")                                         \
    X(LOCUST_ERR_HTTP2_ORDER, "HTTP/2 frame out of order")                                      \
    X(LOCUST_ERR_HTTP2_FLOW, "the server broke HTTP/2's flow control")                          \
    X(LOCUST_ERR_HTTP2_HPACK, "malformed HTTP/2 header block")                                  \
    X(LOCUST_ERR_HTTP2_FLOOD, "the server floods the HTTP/2 connection")                        \
    X(LOCUST_ERR_HTTP2_GOAWAY, "the server ended the HTTP/2 connection with an error")          \
    X(LOCUST_ERR_HTTP2_CALM, "the server finds too much load: ENHANCE_YOUR_CALM")               \
    X(LOCUST_ERR_HTTP2_REFUSED, "stream refused by the server: REFUSED_STREAM")                 \
    X(LOCUST_ERR_HTTP2_CANCELLED, "stream reset by the server: CANCEL")                         \
    X(LOCUST_ERR_HTTP2_RESET_PROTOCOL, "stream reset by the server: PROTOCOL_ERROR")            \
    X(LOCUST_ERR_HTTP2_RESET_INTERNAL, "stream reset by the server: INTERNAL_ERROR")            \
    X(LOCUST_ERR_HTTP2_RESET_HTTP_1, "the server wants HTTP/1.1 for this: HTTP_1_1_REQUIRED")   \
    X(LOCUST_ERR_HTTP2_RESET, "stream reset by the server")

typedef enum locust_error {
#define LOCUST_ERROR_CONSTANT(name, text) name,
    LOCUST_ERRORS(LOCUST_ERROR_CONSTANT)
#undef LOCUST_ERROR_CONSTANT
        LOCUST_ERROR_COUNT
} locust_error;

/* The sentence of an error, as in the table above. Never NULL; owned by the library. */
LOCUST_API const char *locust_error_text(locust_error error);
