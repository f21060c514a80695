// Responses over a stream: whole, byte by byte, at every split in two, and cut. RFC 9110, RFC 9112.
// timeout: 600
// boards
#define LOCUST_MAX_HEADER 2048
#define LOCUST_MAX_BODY   5000
#include "../../locust.h"
#include "../check.h"

enum {
    GONE = 1,    // the connection must not be used again
    CLOSES = 2,  // the server closes behind the bytes
    TO_HEAD = 4, // the request was a HEAD
};

#define R(text)    text, sizeof(text) - 1
#define H11        "HTTP/1.1 200 OK\r\n"
#define H10        "HTTP/1.0 200 OK\r\n"
#define LENGTH2    "Content-Length: 2\r\n"
#define CHUNKED    H11 "Transfer-Encoding: chunked\r\n\r\n"
#define FAILS(why) 0, (why), NULL, GONE, NULL, NULL
#define CUT(why)   0, (why), NULL, GONE | CLOSES, NULL, NULL

typedef struct row {
    const char *name, *in;
    size_t n;
    int status;
    locust_error error;
    const char *body;
    int flags;
    const char *field, *value; // a header field, if not NULL
} row;

// clang-format off
static const row rows[] = {
    // -- bodies by length
    {"length", R(H11 "Content-Length: 5\r\n\r\nhello"), 200, LOCUST_OK, "hello", 0, "content-length", "5"},
    {"length 0", R(H11 "Content-Length: 0\r\n\r\n"), 200, LOCUST_OK, "", 0, NULL, NULL},
    {"length with zeros in front", R(H11 "Content-Length: 0005\r\n\r\nhello"), 200, LOCUST_OK, "hello", 0, NULL, NULL},
    {"length of 22 digits, most 0", R(H11 "Content-Length: 0000000000000000000005\r\n\r\nhello"), 200, LOCUST_OK, "hello", 0, NULL, NULL},
    {"length with white space around", R(H11 "Content-Length: \t 2 \t \r\n\r\nok"), 200, LOCUST_OK, "ok", 0, "content-length", "2"},
    {"length without white space", R(H11 "Content-Length:2\r\n\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"name of the length in capitals", R(H11 "CONTENT-LENGTH: 2\r\n\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"list of equal lengths", R(H11 "Content-Length: 2, 2,2\r\n\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"two fields of equal length", R(H11 LENGTH2 LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"two different lengths", R(H11 LENGTH2 "Content-Length: 3\r\n\r\nok!"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"list of different lengths", R(H11 "Content-Length: 2, 3\r\n\r\nok!"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"list with an empty length", R(H11 "Content-Length: 2,\r\n\r\nok"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"empty length", R(H11 "Content-Length:\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length with a plus", R(H11 "Content-Length: +5\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"negative length", R(H11 "Content-Length: -5\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"hexadecimal length", R(H11 "Content-Length: 0x5\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length with a point", R(H11 "Content-Length: 5.0\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length with an exponent", R(H11 "Content-Length: 5e0\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length of two words", R(H11 "Content-Length: 5 5\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length of letters", R(H11 "Content-Length: five\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length in quotes", R(H11 "Content-Length: \"5\"\r\n\r\nhello"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length 2^63", R(H11 "Content-Length: 9223372036854775808\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length 2^64 + 2", R(H11 "Content-Length: 18446744073709551618\r\n\r\nok"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length 2^128 + 2", R(H11 "Content-Length: 340282366920938463463374607431768211458\r\n\r\nok"), FAILS(LOCUST_ERR_HTTP_LENGTH)},
    {"length above the limit", R(H11 "Content-Length: 5001\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_BODY_SIZE)},
    {"length far above the limit", R(H11 "Content-Length: 999999999999999999\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_BODY_SIZE)},
    {"body of line ends", R(H11 "Content-Length: 6\r\n\r\n\r\n\r\n\n\n"), 200, LOCUST_OK, "\r\n\r\n\n\n", 0, NULL, NULL},

    // -- chunks
    {"chunks", R(CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 200, LOCUST_OK, "abcde", 0, NULL, NULL},
    {"no chunk but the last", R(CHUNKED "0\r\n\r\n"), 200, LOCUST_OK, "", 0, NULL, NULL},
    {"coding in capitals", R(H11 "transfer-ENCODING: ChUnKeD\r\n\r\n1\r\na\r\n0\r\n\r\n"), 200, LOCUST_OK, "a", 0, NULL, NULL},
    {"chunk size in small letters", R(CHUNKED "a\r\n0123456789\r\n0\r\n\r\n"), 200, LOCUST_OK, "0123456789", 0, NULL, NULL},
    {"chunk size in capitals", R(CHUNKED "0A\r\n0123456789\r\n0\r\n\r\n"), 200, LOCUST_OK, "0123456789", 0, NULL, NULL},
    {"zeros in front of a chunk size", R(CHUNKED "00000000000000000000001\r\na\r\n0000\r\n\r\n"), 200, LOCUST_OK, "a", 0, NULL, NULL},
    {"chunk of line ends", R(CHUNKED "6\r\n\r\n0\r\n\n\r\n0\r\n\r\n"), 200, LOCUST_OK, "\r\n0\r\n\n", 0, NULL, NULL},
    {"chunk extensions", R(CHUNKED "1;a\r\nx\r\n1;a=b;c=\"d;\\\"e\"\r\ny\r\n0;last\r\n\r\n"), 200, LOCUST_OK, "xy", 0, NULL, NULL},
    {"white space before an extension", R(CHUNKED "1 ;a\r\nx\r\n0\t;a\r\n\r\n"), 200, LOCUST_OK, "x", 0, NULL, NULL},
    {"trailers", R(CHUNKED "1\r\nx\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n"), 200, LOCUST_OK, "x", 0, "x-sum", NULL},
    {"trailer with a length is not believed", R(CHUNKED "1\r\nx\r\n0\r\nContent-Length: 7\r\n\r\n"), 200, LOCUST_OK, "x", 0, "content-length", NULL},
    {"trailer with a coding is not believed", R(CHUNKED "1\r\nx\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n"), 200, LOCUST_OK, "x", 0, NULL, NULL},
    {"no chunk size", R(CHUNKED "\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"extension without a size", R(CHUNKED ";a\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk size of other letters", R(CHUNKED "g\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk size with 0x", R(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk size with a plus", R(CHUNKED "+3\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"negative chunk size", R(CHUNKED "-1\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"space before the chunk size", R(CHUNKED " 3\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"two chunk sizes", R(CHUNKED "3 3\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk size 2^32 + 3", R(CHUNKED "100000003\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_BODY_SIZE)},
    {"chunk size 2^64 + 3", R(CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk size 2^64 - 1", R(CHUNKED "ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk above the limit", R(CHUNKED "1389\r\n"), FAILS(LOCUST_ERR_HTTP_BODY_SIZE)},
    {"second chunk above the limit", R(CHUNKED "1\r\nx\r\n1388\r\n"), FAILS(LOCUST_ERR_HTTP_BODY_SIZE)},
    {"no line end behind a chunk", R(CHUNKED "3\r\nabc0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk longer than its size", R(CHUNKED "3\r\nabcd\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"chunk shorter than its size", R(CHUNKED "4\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"bare LF behind a chunk", R(CHUNKED "3\r\nabc\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"bare LF behind a chunk size", R(CHUNKED "3\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"bare CR behind a chunk size", R(CHUNKED "3\rabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"control character in an extension", R(CHUNKED "3;a\x01\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"NUL in an extension", R(CHUNKED "3;a\0\r\nabc\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_CHUNK)},
    {"trailer without a colon", R(CHUNKED "0\r\nnonsense\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"trailer without a name", R(CHUNKED "0\r\n: x\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"space before a trailer's colon", R(CHUNKED "0\r\nX : x\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"control character in a trailer", R(CHUNKED "0\r\nX: \x02\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"bare CR in a trailer", R(CHUNKED "0\r\nX: a\rb\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_FIELD)},

    // -- framing in two ways, other codings
    {"length and chunks", R(H11 LENGTH2 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_LENGTH_TWICE)},
    {"chunks and length", R(H11 "Transfer-Encoding: chunked\r\n" LENGTH2 "\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_LENGTH_TWICE)},
    {"gzip", R(H11 "Transfer-Encoding: gzip\r\n\r\nx"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"gzip in chunks", R(H11 "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"chunked twice in one field", R(H11 "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"chunked in two fields", R(H11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"gzip and chunked in two fields", R(H11 "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"coding that begins like chunked", R(H11 "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"coding that ends like chunked", R(H11 "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"empty coding", R(H11 "Transfer-Encoding:\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_ENCODING)},
    {"control character before chunked", R(H11 "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_FIELD)},

    // -- bodies that end with the connection
    {"body up to the close", R(H11 "\r\nhello"), 200, LOCUST_OK, "hello", GONE | CLOSES, NULL, NULL},
    {"empty body up to the close", R(H11 "\r\n"), 200, LOCUST_OK, "", GONE | CLOSES, NULL, NULL},
    {"HTTP/1.0, body up to the close", R(H10 "\r\nhello"), 200, LOCUST_OK, "hello", GONE | CLOSES, NULL, NULL},
    {"HTTP/1.0, keep-alive, no length", R(H10 "Connection: keep-alive\r\n\r\nhello"), 200, LOCUST_OK, "hello", GONE | CLOSES, NULL, NULL},

    // -- answers without a body, whatever they say
    {"HEAD with a length", R(H11 "Content-Length: 5\r\n\r\n"), 200, LOCUST_OK, "", TO_HEAD, "content-length", "5"},
    {"HEAD with a length above the limit", R(H11 "Content-Length: 999999999\r\n\r\n"), 200, LOCUST_OK, "", TO_HEAD, NULL, NULL},
    {"HEAD with chunks", R(H11 "Transfer-Encoding: chunked\r\n\r\n"), 200, LOCUST_OK, "", TO_HEAD, NULL, NULL},
    {"HEAD without a length", R(H11 "\r\n"), 200, LOCUST_OK, "", TO_HEAD, NULL, NULL},
    {"HEAD, 404", R("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n"), 404, LOCUST_OK, "", TO_HEAD, NULL, NULL},
    {"204", R("HTTP/1.1 204 No Content\r\n\r\n"), 204, LOCUST_OK, "", 0, NULL, NULL},
    {"204 with a length", R("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), 204, LOCUST_OK, "", 0, NULL, NULL},
    {"304 with a length", R("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), 304, LOCUST_OK, "", 0, NULL, NULL},
    {"304 with chunks", R("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"), 304, LOCUST_OK, "", 0, NULL, NULL},
    {"100 first", R("HTTP/1.1 100 Continue\r\n\r\n" H11 LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"102, 103 and an unknown one first", R("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 177 What\r\n\r\n" H11 LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "link", NULL},
    {"103 with a length", R("HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n" H11 LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "content-length", "2"},
    {"100 with close is not the last word", R("HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" H11 LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"101", R("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_UPGRADE)},
    {"101 behind 100", R("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_UPGRADE)},
    {"100, then garbage", R("HTTP/1.1 100 Continue\r\n\r\ngarbage\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_VERSION)},

    // -- may the connection be kept?
    {"close", R(H11 "Connection: close\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"close in any case", R(H11 "CONNECTION: CloSE\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"close in a list", R(H11 "Connection: x, close ,y\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"close beats keep-alive", R(H11 "Connection: close, keep-alive\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"keep-alive does not beat close", R(H11 "Connection: close\r\nConnection: keep-alive\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"close in a second field", R(H11 "Connection: keep-alive\r\nConnection: close\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"close in a folded line", R(H11 "Connection: keep-alive,\r\n close\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, "connection", "keep-alive, close"},
    {"empty elements in Connection", R(H11 "Connection: ,, close\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"a word that contains close", R(H11 "Connection: closed, x-close\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"keep-alive", R(H11 "Connection: keep-alive\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"chunks and close", R(H11 "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"), 200, LOCUST_OK, "x", GONE, NULL, NULL},
    {"204 and close", R("HTTP/1.1 204 No\r\nConnection: close\r\n\r\n"), 204, LOCUST_OK, "", GONE, NULL, NULL},
    {"HTTP/1.0", R(H10 LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"HTTP/1.0, keep-alive", R(H10 "Connection: keep-alive\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"HTTP/1.0, Keep-Alive in a list", R(H10 "Connection: x,Keep-Alive\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"HTTP/1.0, keep-alive and close", R(H10 "Connection: keep-alive, close\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
    {"HTTP/1.0 with chunks", R(H10 "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"), 200, LOCUST_OK, "x", GONE, NULL, NULL},

    // -- heads
    {"no field", R("HTTP/1.1 204 No Content\r\n\r\n"), 204, LOCUST_OK, "", 0, "x", NULL},
    {"head with bare LF", R("HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nok"), 200, LOCUST_OK, "ok", 0, "a", "b"},
    {"head with both line ends", R("HTTP/1.1 200 OK\nContent-Length: 2\r\nA: b\n\r\nok"), 200, LOCUST_OK, "ok", 0, "a", "b"},
    {"empty line of LF behind CRLF", R("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok"), 200, LOCUST_OK, "ok", 0, NULL, NULL},
    {"obs-fold", R(H11 "A: b\r\n c\r\n\t d \r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "a", "b c d"},
    {"obs-fold at the end", R(H11 LENGTH2 "A: b\r\n c\r\n\r\nok"), 200, LOCUST_OK, "ok", 0, "a", "b c"},
    {"fold before the first field", R(H11 " A: b\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"folded length", R(H11 "Content-Length: 2\r\n 2\r\n\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"folded coding", R(H11 "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"control character in a fold", R(H11 "A: b\r\n c\x01\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"space before the colon", R(H11 "A : b\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"space before the length's colon", R(H11 "Content-Length : 2\r\n\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"tab before the colon", R(H11 "A\t: b\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"empty name", R(H11 ": b\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"no colon", R(H11 "nonsense\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"space in a name", R(H11 "A b: c\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"NUL in a name", R(H11 "A\0: c\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"parenthesis in a name", R(H11 "A(: c\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"byte above 127 in a name", R(H11 "\xc4: c\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"every mark that a name may have", R(H11 "!#$%&'*+-.^_`|~9Az: c\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "!#$%&'*+-.^_`|~9aZ", "c"},
    {"NUL in a value", R(H11 "A: b\0c\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"control character in a value", R(H11 "A: b\x01\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"DEL in a value", R(H11 "A: b\x7f\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"bare CR in a value", R(H11 "A: b\rc\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"CR twice behind a value", R(H11 "A: b\r\r\n" LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_FIELD)},
    {"tab in a value", R(H11 "A: b\tc\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "a", "b\tc"},
    {"bytes above 127 in a value", R(H11 "A: \xc3\xa4\xff\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "A", "\xc3\xa4\xff"},
    {"empty value", R(H11 "A:\r\nB: \r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "a", ""},
    {"colons in a value", R(H11 "A: b:c: d\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "a", "b:c: d"},
    {"the first of two fields", R(H11 "A: 1\r\na: 2\r\n" LENGTH2 "\r\nok"), 200, LOCUST_OK, "ok", 0, "a", "1"},

    // -- status lines
    {"no reason", R("HTTP/1.1 204 \r\n\r\n"), 204, LOCUST_OK, "", 0, NULL, NULL},
    {"no reason, no space", R("HTTP/1.1 204\r\n\r\n"), 204, LOCUST_OK, "", 0, NULL, NULL},
    {"reason of several words", R("HTTP/1.1 404 Not Found Here\r\nContent-Length: 0\r\n\r\n"), 404, LOCUST_OK, "", 0, NULL, NULL},
    {"reason of bytes above 127", R("HTTP/1.1 204 \xc3\xa4\r\n\r\n"), 204, LOCUST_OK, "", 0, NULL, NULL},
    {"unknown status", R("HTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n"), 299, LOCUST_OK, "", 0, NULL, NULL},
    {"status 999", R("HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"), 999, LOCUST_OK, "", 0, NULL, NULL},
    {"letters in the status", R("HTTP/1.1 2x4 No\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"status of letters", R("HTTP/1.1 abc No\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"status of two digits", R("HTTP/1.1 20 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"status of four digits", R("HTTP/1.1 2000 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"status 0", R("HTTP/1.1 000 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"status with a sign", R("HTTP/1.1 +20 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"no status", R("HTTP/1.1\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"two spaces before the status", R("HTTP/1.1  200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"reason right behind the status", R("HTTP/1.1 200OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"tab before the status", R("HTTP/1.1\t200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"NUL in the reason", R("HTTP/1.1 200 O\0K\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"control character in the reason", R("HTTP/1.1 200 O\x01K\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"bare CR in the reason", R("HTTP/1.1 200 O\rK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"version of two digits", R("HTTP/1.10 200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"version with a letter", R("HTTP/1.x 200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_STATUS_LINE)},
    {"HTTP/2", R("HTTP/2 200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"HTTP/2.0", R("HTTP/2.0 200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"HTTP/0.9", R("<html>hello</html>\r\n"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"small letters", R("http/1.1 200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"ICY", R("ICY 200 OK\r\n\r\n"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"garbage", R("\x16\x03\x01\x02\0\x01\0"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"garbage of one byte", R("\xff"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"empty line first", R("\r\n" H11 LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_VERSION)},
    {"space first", R(" " H11 LENGTH2 "\r\nok"), FAILS(LOCUST_ERR_HTTP_VERSION)},

    // -- cut
    {"nothing", R(""), CUT(LOCUST_ERR_HTTP_NO_RESPONSE)},
    {"cut in the version", R("HTT"), CUT(LOCUST_ERR_HTTP_HEAD_CUT)},
    {"cut in the status line", R("HTTP/1.1 20"), CUT(LOCUST_ERR_HTTP_HEAD_CUT)},
    {"cut in a field", R(H11 "Content-Le"), CUT(LOCUST_ERR_HTTP_HEAD_CUT)},
    {"cut before the empty line", R(H11 "Content-Length: 0\r\n"), CUT(LOCUST_ERR_HTTP_HEAD_CUT)},
    {"cut in the empty line", R(H11 "Content-Length: 0\r\n\r"), CUT(LOCUST_ERR_HTTP_HEAD_CUT)},
    {"cut before the body", R(H11 LENGTH2 "\r\n"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut in the body", R(H11 LENGTH2 "\r\no"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut in a chunk size", R(CHUNKED "3"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut in a chunk", R(CHUNKED "3\r\nab"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut behind a chunk", R(CHUNKED "3\r\nabc"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut in a chunk's line end", R(CHUNKED "3\r\nabc\r"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut before the last chunk", R(CHUNKED "3\r\nabc\r\n"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut before the trailers", R(CHUNKED "0\r\n"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut in the trailers", R(CHUNKED "0\r\nX: y\r\n"), CUT(LOCUST_ERR_HTTP_BODY_CUT)},
    {"cut behind 100", R("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20"), CUT(LOCUST_ERR_HTTP_HEAD_CUT)},
};
// clang-format on

enum { ROWS = sizeof rows / sizeof *rows };

/* -- a stream that is fed in pieces -- */

static struct {
    locust__loop loop;
    locust__log log;
    locust__net net;
} kit;

typedef struct feed { // one response, on its way through a pair of sockets
    const char *in;
    size_t n, cuts[2], n_cuts; // where the pieces end, beside the end
    size_t room;               // that an answer before it has left
    bool bytes, closes, to_head;
    locust_stream stream;
    int fd;
    bool done, slow;
    // what came out
    locust_error error;
    locust__http_head head;
    locust__buf kept;
    size_t body_at;
    bool reusable;
} feed;

static void feed_read(void *arg)
{
    feed *f = arg;
    int64_t deadline_ns = locust__os_now_ns() + 20 * LOCUST__S, first_ns = 0;
    size_t budget = LOCUST_MAX_HEADER;
    if (f->room && !locust__buf_reserve(&f->kept, f->room))
        abort();
    f->error = locust__receive_final(
        &f->stream, &f->head, &f->kept, f->kept.len, &budget, &first_ns, deadline_ns);
    f->body_at = f->kept.len;
    if (!f->error)
        f->error = locust__receive_body(
            &f->stream, f->to_head, &f->head, &f->kept, NULL, budget, &f->reusable, deadline_ns);
    if (!f->error && locust__buf_reserve(&f->kept, 1))
        f->kept.ptr[f->kept.len] = '\0';
    f->done = true;
}

/* Waits until the reader has taken all that was sent. */
static void feed_wait(feed *f)
{
    int unread = 1;
    while (!f->done) {
        locust__co_yield(&kit.loop);
        if (ioctl(f->stream.fd.watch.fd, FIONREAD, &unread) == 0 && unread == 0)
            break;
    }
}

static void feed_write(void *arg)
{
    feed *f = arg;
    size_t at = 0;
    for (size_t piece = 0; at < f->n && !f->done; piece++) {
        size_t end = f->bytes ? at + 1 : piece < f->n_cuts ? f->cuts[piece] : f->n;
        while (at < end && !f->done) {
            ssize_t sent = send(f->fd, f->in + at, end - at, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0)
                at += (size_t)sent;
            else
                locust__co_yield(&kit.loop);
        }
        feed_wait(f);
    }
    if (f->closes)
        shutdown(f->fd, SHUT_WR);
}

/* Call from a coroutine; then look at what came out, and feed_free. */
static void feed_run(feed *f)
{
    locust__wait_group both = {0, {NULL, NULL}};
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        abort();
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    locust__stream_init(&f->stream, &kit.net);
    if (locust__stream_adopt(&f->stream, fds[0]))
        abort();
    f->fd = fds[1];
    if (!locust__co_start(&kit.loop, "reader", 0, feed_read, f, &both) ||
        !locust__co_start(&kit.loop, "writer", 0, feed_write, f, &both))
        abort();
    locust__wait_group_join(&kit.loop, &both, LOCUST__NEVER);
}

static void feed_free(feed *f)
{
    locust__stream_close(&f->stream);
    close(f->fd);
    locust__buf_free(&f->kept);
}

static feed feed_of(const row *r)
{
    feed f = {.in = r->in, .n = r->n, .closes = r->flags & CLOSES, .to_head = r->flags & TO_HEAD};
    f.room = r->n;
    return f;
}

/* The field of that name among the kept ones. */
static const char *kept_field(const feed *f, const char *name)
{
    const char *p = f->kept.ptr + strlen(f->kept.ptr) + 1;
    while (*p) {
        const char *value = p + strlen(p) + 1;
        if (strcasecmp(p, name) == 0)
            return value;
        p = value + strlen(value) + 1;
    }
    return NULL;
}

/* Runs fn in a coroutine of a fresh loop. */
static void with_loop(void (*fn)(void *arg))
{
    if (locust__loop_open(&kit.loop) < 0)
        abort();
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    if (!locust__co_start(&kit.loop, "test", 262144, fn, NULL, NULL))
        abort();
    locust__loop_run(&kit.loop);
    CHECK_INT(kit.net.open, 0);
    locust__loop_close(&kit.loop);
    locust__log_close(&kit.log);
}

/* False: something differs. */
static bool judge(const row *r, const feed *f)
{
    size_t n = f->error ? 0 : f->kept.len - f->body_at;
    int bad = check_now.n_bad;
    CHECK_STR(locust__error_text(f->error), locust__error_text(r->error));
    if (f->error || r->error) {
        CHECK(!f->reusable);
        return bad == check_now.n_bad;
    }
    CHECK_INT(f->head.status, r->status);
    if (CHECK_INT(n, strlen(r->body)))
        CHECK(memcmp(f->kept.ptr + f->body_at, r->body, n) == 0);
    CHECK_INT(f->kept.ptr[f->kept.len], 0);
    CHECK_INT(f->reusable, !(r->flags & GONE));
    if (r->field)
        CHECK_STR(kept_field(f, r->field), r->value);
    return bad == check_now.n_bad;
}

static void run_whole(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2 * ROWS; i++) {
        const row *r = &rows[i / 2];
        feed f = feed_of(r);
        f.room = i % 2 ? r->n : 0;
        CHECK_ROW(r->name);
        feed_run(&f);
        judge(r, &f);
        feed_free(&f);
    }
}

static void whole(void)
{
    with_loop(run_whole);
}

static void run_bytes(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROWS; i++) {
        feed f = feed_of(&rows[i]);
        f.bytes = true;
        CHECK_ROW(rows[i].name);
        feed_run(&f);
        judge(&rows[i], &f);
        feed_free(&f);
    }
}

static void byte_by_byte(void)
{
    with_loop(run_bytes);
}

static void run_splits(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROWS; i++) {
        bool good = true;
        for (size_t at = 1; at < rows[i].n && good; at++) { // the first bad split tells enough
            feed f = feed_of(&rows[i]);
            char name[128];
            f.cuts[0] = at;
            f.n_cuts = 1;
            snprintf(name, sizeof name, "%s, split at %zu", rows[i].name, at);
            CHECK_ROW(name);
            feed_run(&f);
            good = judge(&rows[i], &f);
            feed_free(&f);
        }
    }
    CHECK_ROW(NULL);
}

static void every_split(void)
{
    with_loop(run_splits);
}

/* Whatever complete message is cut anywhere, it is a failure and never a short success. */
static void run_cuts(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROWS; i++)
        for (size_t n = 0; n < rows[i].n; n++) {
            feed f = feed_of(&rows[i]);
            char name[128];
            if (rows[i].flags & CLOSES)
                break;
            f.n = n;
            f.closes = true;
            snprintf(name, sizeof name, "%s, cut at %zu", rows[i].name, n);
            CHECK_ROW(name);
            feed_run(&f);
            CHECK(f.error != LOCUST_OK);
            CHECK(f.error != LOCUST_ERR_TIMEOUT);
            if (!rows[i].error)
                CHECK(f.error == LOCUST_ERR_HTTP_NO_RESPONSE ||
                      f.error == LOCUST_ERR_HTTP_HEAD_CUT || f.error == LOCUST_ERR_HTTP_BODY_CUT);
            feed_free(&f);
        }
    CHECK_ROW(NULL);
}

static void every_cut(void)
{
    with_loop(run_cuts);
}

/* -- limits: exactly so much passes, one byte more does not -- */

static char big[1 << 17];

/* Feeds what big[] holds, whole and then in pieces of 1000 bytes and the rest. */
static void feed_big(const char *name, size_t n, bool closes, locust_error error, size_t body_len)
{
    for (size_t pieces = 0; pieces < 3; pieces++) {
        feed f = {.in = big, .n = n, .closes = closes, .n_cuts = pieces};
        f.cuts[0] = n < 1000 ? n : 1000;
        f.cuts[1] = n - 1;
        CHECK_ROW(name);
        feed_run(&f);
        CHECK_STR(locust__error_text(f.error), locust__error_text(error));
        if (!f.error && !error)
            CHECK_INT(f.kept.len - f.body_at, body_len);
        CHECK(f.kept.cap < 32768);
        feed_free(&f);
    }
}

/* A head of n bytes, its empty line included, for an empty body. */
static size_t big_head(size_t n)
{
    size_t at = (size_t)sprintf(big, H11 "Content-Length: 0\r\nA: ");
    memset(big + at, 'x', n - at - 4);
    memcpy(big + n - 4, "\r\n\r\n", 4);
    return n;
}

static size_t big_body(const char *head, size_t n, const char *tail)
{
    size_t at = (size_t)sprintf(big, "%s", head);
    memset(big + at, 'b', n);
    return at + n + (size_t)sprintf(big + at + n, "%s", tail);
}

/* `before`, n bytes of `fill`, `after` */
static size_t big_fill(const char *before, const char *fill, size_t n, const char *after)
{
    size_t at = (size_t)sprintf(big, "%s", before), len = strlen(fill);
    for (size_t i = 0; i < n; i++)
        big[at++] = fill[i % len];
    return at + (size_t)sprintf(big + at, "%s", after);
}

static void run_limits(void *arg)
{
    static const char chunk[] = CHUNKED "1388\r\n", a[] = CHUNKED "1\r\nx\r\n0;",
                      b[] = CHUNKED "0\r\n";
    const size_t max = LOCUST_MAX_HEADER, head = strlen(CHUNKED);
    (void)arg;
    feed_big("head at the limit", big_head(max), false, LOCUST_OK, 0);
    feed_big("head above the limit", big_head(max + 1), false, LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("head far above the limit", big_head(100000), false, LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("many fields", big_fill(H11, "A: b\r\n", 6 * 10000, "\r\n"), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless reason", big_fill("HTTP/1.1 200 ", "x", 100000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless interim answers",
        big_fill("", "HTTP/1.1 100 Continue\r\n\r\n", 25 * 1000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless fold", big_fill(H11 "A: b\r\n", " c\r\n", 4 * 10000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);

    feed_big("body at the limit", big_body(H11 "Content-Length: 5000\r\n\r\n", 5000, ""), false,
        LOCUST_OK, 5000);
    feed_big("chunk at the limit", big_body(chunk, 5000, "\r\n0\r\n\r\n"), false, LOCUST_OK, 5000);
    feed_big("one more byte in a second chunk", big_body(chunk, 5000, "\r\n1\r\nx\r\n0\r\n\r\n"),
        false, LOCUST_ERR_HTTP_BODY_SIZE, 0);
    feed_big(
        "body to the close, at the limit", big_body(H11 "\r\n", 5000, ""), true, LOCUST_OK, 5000);
    feed_big("body to the close, above the limit", big_body(H11 "\r\n", 5001, ""), true,
        LOCUST_ERR_HTTP_BODY_SIZE, 0);
    feed_big("endless body without a close", big_body(H11 "\r\n", 100000, ""), false,
        LOCUST_ERR_HTTP_BODY_SIZE, 0);

    feed_big("chunk-size line of 4096 bytes", big_fill(a, "y", 4096 - 4, "\r\n\r\n"), false,
        LOCUST_OK, 1);
    feed_big("chunk-size line of 4097 bytes", big_fill(a, "y", 4097 - 4, "\r\n\r\n"), false,
        LOCUST_ERR_HTTP_CHUNK, 0);
    feed_big(
        "endless chunk extension", big_fill(a, "y", 100000, ""), false, LOCUST_ERR_HTTP_CHUNK, 0);
    feed_big(
        "endless chunk size", big_fill(CHUNKED, "0", 100000, ""), false, LOCUST_ERR_HTTP_CHUNK, 0);

    feed_big("trailers at the limit", big_fill(b, "A: bcd\r\n", (max - head) / 8 * 8 - 8, "\r\n"),
        false, LOCUST_OK, 0);
    feed_big("trailers above the limit", big_fill(b, "A: bcd\r\n", max - head + 8, "\r\n"), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless trailers", big_fill(b, "A: bcd\r\n", 80000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big(
        "endless trailer", big_fill(b, "A: bcd", 100000, ""), false, LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big(
        "long trailer", big_fill(CHUNKED "0\r\nA: ", "b", 600, "\r\n\r\n"), false, LOCUST_OK, 0);
    feed_big("long trailer without a colon", big_fill(b, "b", 600, "\r\n\r\n"), false,
        LOCUST_ERR_HTTP_FIELD, 0);
    feed_big("long trailer with a control character",
        big_fill(CHUNKED "0\r\nA: ", "b\x01", 600, "\r\n\r\n"), false, LOCUST_ERR_HTTP_FIELD, 0);
    feed_big("long trailer with a space in its name",
        big_fill(CHUNKED "0\r\nA : ", "b", 600, "\r\n\r\n"), false, LOCUST_ERR_HTTP_FIELD, 0);
}

static void limits(void)
{
    with_loop(run_limits);
}

/* -- bytes of every value in a body -- */

static void run_binary(void *arg)
{
    (void)arg;
    for (int closes = 0; closes < 2; closes++) {
        size_t at = (size_t)sprintf(big, closes ? H11 "\r\n" : H11 "Content-Length: 256\r\n\r\n");
        feed f = {.in = big, .n = at + 256, .bytes = true, .closes = closes};
        for (int i = 0; i < 256; i++)
            big[at + (size_t)i] = (char)i;
        feed_run(&f);
        CHECK_INT(f.error, LOCUST_OK);
        if (CHECK_INT(f.kept.len - f.body_at, 256))
            CHECK(memcmp(f.kept.ptr + f.body_at, big + at, 256) == 0);
        CHECK_INT(f.reusable, !closes);
        feed_free(&f);
    }
}

static void binary(void)
{
    with_loop(run_binary);
}

/* -- bytes behind the answer -- */

static void run_surplus(void *arg)
{
    static const row surplus[] = {
        {"behind a length", R(H11 LENGTH2 "\r\nok!"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
        {"behind length 0", R(H11 "Content-Length: 0\r\n\r\n\n"), 200, LOCUST_OK, "", GONE, NULL,
            NULL},
        {"behind chunks", R(CHUNKED "1\r\nx\r\n0\r\n\r\n\r\n"), 200, LOCUST_OK, "x", GONE, NULL,
            NULL},
        {"a second answer", R(H11 LENGTH2 "\r\nok" H11 LENGTH2 "\r\nno"), 200, LOCUST_OK, "ok",
            GONE, NULL, NULL},
        {"a body behind 204", R("HTTP/1.1 204 No\r\n" LENGTH2 "\r\nno"), 204, LOCUST_OK, "", GONE,
            NULL, NULL},
        {"a body behind 304", R("HTTP/1.1 304 No\r\n" LENGTH2 "\r\nno"), 304, LOCUST_OK, "", GONE,
            NULL, NULL},
        {"a body behind HEAD", R(H11 LENGTH2 "\r\nno"), 200, LOCUST_OK, "", GONE | TO_HEAD, NULL,
            NULL},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof surplus / sizeof *surplus; i++) {
        feed f = feed_of(&surplus[i]);
        CHECK_ROW(surplus[i].name);
        feed_run(&f);
        judge(&surplus[i], &f);
        feed_free(&f);
    }
}

static void surplus(void)
{
    with_loop(run_surplus);
}

/* -- changed rows: every way to feed one gives the same -- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t mutate(const row *r, uint64_t *state, char *out)
{
    static const char bytes[] = "\r\n\r\n :;,\0\t0123abfAF\x7f\xff-+HTx";
    size_t n = r->n;
    memcpy(out, r->in, n);
    for (uint64_t k = 1 + next_random(state) % 3; k > 0 && n > 0; k--) {
        size_t at = (size_t)(next_random(state) % n);
        char byte = bytes[next_random(state) % (sizeof bytes - 1)];
        switch (next_random(state) % 3) {
        case 0:
            out[at] = byte;
            break;
        case 1:
            memmove(out + at + 1, out + at, n++ - at);
            out[at] = byte;
            break;
        default:
            memmove(out + at, out + at + 1, --n - at);
        }
    }
    return n;
}

static void run_mutations(void *arg)
{
    static char in[4096];
    const char *slow = getenv("TEST_SLOW");
    int rounds = slow && atoi(slow) > 1 ? 3 : 20;
    (void)arg;
    for (uint64_t seed = 1; seed <= (uint64_t)(rounds * ROWS); seed++) {
        const row *r = &rows[seed % ROWS];
        uint64_t state = seed * 0x9E3779B97F4A7C15u;
        feed f[4];
        char name[128];
        size_t n = mutate(r, &state, in);
        snprintf(name, sizeof name, "%s, seed %llu", r->name, (unsigned long long)seed);
        CHECK_ROW(name);
        for (int how = 0; how < 4; how++) {
            f[how] = (feed){.in = in, .n = n, .closes = true, .to_head = r->flags & TO_HEAD};
            f[how].bytes = how == 1;
            f[how].n_cuts = how == 2;
            f[how].room = how == 3 ? n : 0;
            f[how].cuts[0] = n / 2;
            feed_run(&f[how]);
            CHECK(f[how].error != LOCUST_ERR_TIMEOUT && f[how].error != LOCUST_ERR_MEMORY);
            CHECK_STR(locust__error_text(f[how].error), locust__error_text(f[0].error));
            if (f[how].error || f[0].error)
                continue;
            CHECK_INT(f[how].head.status, f[0].head.status);
            if (CHECK_INT(f[how].kept.len, f[0].kept.len))
                CHECK(memcmp(f[how].kept.ptr, f[0].kept.ptr, f[0].kept.len) == 0);
        }
        for (int how = 0; how < 4; how++)
            feed_free(&f[how]);
    }
    CHECK_ROW(NULL);
}

static void mutations(void)
{
    with_loop(run_mutations);
}

/* -- the pure functions, against a page that cannot be read -- */

/* The end of the first head, looked for in the simplest way. */
static size_t simple_head_end(const char *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (p[i] == '\n' && p[i + 1] == '\n')
            return i + 2;
        if (p[i] == '\n' && p[i + 1] == '\r' && i + 2 < n && p[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

static void head_end(void)
{
    for (int i = 0; i < ROWS; i++) {
        size_t scanned = 0;
        CHECK_ROW(rows[i].name);
        for (size_t n = 0; n <= rows[i].n; n++) {
            char *p = check_guarded(rows[i].in, n);
            size_t fresh = 0, want = simple_head_end(p, n), got;
            CHECK_INT(locust__http_head_end(p, n, &fresh), want);
            got = locust__http_head_end(p, n, &scanned);
            CHECK_INT(got, want);
            check_guarded_free(p, n);
            if (got)
                break;
        }
    }
}

/* Each head by itself: its last byte is the last one that can be read, and room for as many bytes is
 * enough. */
static void parse_head(void)
{
    for (int i = 0; i < ROWS; i++) {
        size_t n = simple_head_end(rows[i].in, rows[i].n), used = 0;
        locust__buf kept;
        locust__http_head h;
        locust_error error;
        char *p;
        if (!n)
            continue;
        CHECK_ROW(rows[i].name);
        p = check_guarded(rows[i].in, n);
        kept = (locust__buf){check_guarded(p, n), 0, n, false};
        error = locust__http_parse_head(p, n, &h, &kept, &used);
        if (!rows[i].error)
            CHECK_INT(error, LOCUST_OK);
        CHECK(error || h.status < 200 || rows[i].error || h.status == rows[i].status);
        CHECK(error || (kept.len <= n && used == n));
        check_guarded_free(kept.ptr, n);
        check_guarded_free(p, n);
    }
}

/* A head that lacks its end is never taken for a whole one; what comes behind one changes nothing. */
static void parse_parts_of_a_head(void)
{
    for (int i = 0; i < ROWS; i++) {
        size_t n = simple_head_end(rows[i].in, rows[i].n), used = 0;
        locust__buf whole = {NULL, 0, 0, false}, kept = {NULL, 0, 0, false};
        locust__http_head h;
        CHECK_ROW(rows[i].name);
        CHECK(locust__buf_reserve(&whole, n + 1) && locust__buf_reserve(&kept, rows[i].n + 1));
        if (n && locust__http_parse_head(rows[i].in, n, &h, &whole, &used) == LOCUST_OK) {
            for (size_t k = 0; k < n; k++) {
                char *p = check_guarded(rows[i].in, k);
                CHECK(locust__http_parse_head(p, k, &h, &kept, &used) != LOCUST_OK);
                CHECK_INT(kept.len, 0);
                check_guarded_free(p, k);
            }
            CHECK_INT(locust__http_parse_head(rows[i].in, rows[i].n, &h, &kept, &used), LOCUST_OK);
            CHECK_INT(used, n);
            CHECK_INT(kept.len, whole.len);
            CHECK(memcmp(kept.ptr, whole.ptr, whole.len) == 0);
        }
        locust__buf_free(&whole);
        locust__buf_free(&kept);
    }
}

static void reasons(void)
{
    static const struct {
        const char *head, *reason;
    } lines[] = {
        {"HTTP/1.1 404 Not Found\r\n\r\n", "Not Found"},
        {"HTTP/1.1 404 Not Found\n\n", "Not Found"},
        {"HTTP/1.1 404 \r\n\r\n", ""},
        {"HTTP/1.1 404\r\n\r\n", ""},
        {"HTTP/1.0 404 \xc3\xa4\tb\r\nA: b\r\n\r\n", "\xc3\xa4\tb"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t n = strlen(lines[i].head), used;
        char *p = check_guarded(lines[i].head, n);
        locust__buf kept = {NULL, 0, 0, false};
        locust__http_head h;
        CHECK_ROW(lines[i].head);
        CHECK(locust__buf_reserve(&kept, n));
        if (CHECK_INT(locust__http_parse_head(p, n, &h, &kept, &used), LOCUST_OK)) {
            CHECK_INT(h.status, 404);
            CHECK_STR(kept.ptr, lines[i].reason);
        }
        check_guarded_free(p, n);
        locust__buf_free(&kept);
    }
}

static void chunk_sizes(void)
{
    static const struct {
        const char *line;
        locust_error error;
        uint64_t size;
    } lines[] = {
        {"0", LOCUST_OK, 0},
        {"00", LOCUST_OK, 0},
        {"9", LOCUST_OK, 9},
        {"fF", LOCUST_OK, 255},
        {"deadBEEF", LOCUST_OK, 0xdeadbeef},
        {"0000000000000000000000000000001", LOCUST_OK, 1},
        {"fffffffffffffff", LOCUST_OK, 0xfffffffffffffff},
        {"1;", LOCUST_OK, 1},
        {"1;a=b", LOCUST_OK, 1},
        {"1 ;a=b", LOCUST_OK, 1},
        {"1\t;a=\"b;c\"", LOCUST_OK, 1},
        {"", LOCUST_ERR_HTTP_CHUNK, 0},
        {" ", LOCUST_ERR_HTTP_CHUNK, 0},
        {" 1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1 1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1,1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1.0", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1h", LOCUST_ERR_HTTP_CHUNK, 0},
        {"0x1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"+1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"-1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"g", LOCUST_ERR_HTTP_CHUNK, 0},
        {";a", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1\r", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1;\r", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1;a\x7f", LOCUST_ERR_HTTP_CHUNK, 0},
        {"10000000000000000", LOCUST_ERR_HTTP_CHUNK, 0},
        {"10000000000000001", LOCUST_ERR_HTTP_CHUNK, 0},
        {"fffffffffffffffff", LOCUST_ERR_HTTP_CHUNK, 0},
        {"100000000000000000000000000000000", LOCUST_ERR_HTTP_CHUNK, 0},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t n = strlen(lines[i].line);
        char *p = check_guarded(lines[i].line, n);
        uint64_t size = 99;
        CHECK_ROW(lines[i].line);
        CHECK_INT(locust__receive_chunk_size((locust__view){p, n}, &size), lines[i].error);
        if (!lines[i].error)
            CHECK_INT(size, lines[i].size);
        check_guarded_free(p, n);
    }
}

static void kinds(void)
{
    static const struct {
        const char *name;
        locust__http_head head;
        bool to_head;
        enum locust__body kind;
    } heads[] = {
        {"nothing", {.status = 200}, false, LOCUST__BODY_CLOSE},
        {"length", {.status = 200, .sized = true, .length = 1}, false, LOCUST__BODY_SIZED},
        {"chunked", {.status = 200, .chunked = true}, false, LOCUST__BODY_CHUNKED},
        {"404", {.status = 404}, false, LOCUST__BODY_CLOSE},
        {"205", {.status = 205, .sized = true}, false, LOCUST__BODY_SIZED},
        {"HEAD", {.status = 200, .sized = true, .length = 1}, true, LOCUST__BODY_NONE},
        {"100", {.status = 100, .sized = true, .length = 1}, false, LOCUST__BODY_NONE},
        {"204", {.status = 204, .chunked = true}, false, LOCUST__BODY_NONE},
        {"304", {.status = 304, .sized = true, .length = 1}, false, LOCUST__BODY_NONE},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        CHECK_ROW(heads[i].name);
        CHECK_INT(locust__body_kind(&heads[i].head, heads[i].to_head), heads[i].kind);
    }
}

TESTS({"whole", whole}, {"byte by byte", byte_by_byte}, {"every split", every_split},
    {"every cut", every_cut}, {"limits", limits}, {"binary", binary}, {"surplus", surplus},
    {"mutations", mutations}, {"head end", head_end}, {"parse head", parse_head},
    {"parts of a head", parse_parts_of_a_head}, {"reasons", reasons}, {"chunk sizes", chunk_sizes},
    {"kinds", kinds})
