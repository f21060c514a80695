/* responses.h - responses, good and bad, with what is to become of them. RFC 9110, RFC 9112. */
#ifndef RESPONSES_H
#define RESPONSES_H
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

/* The end of the first head, looked for in the simplest way. */
static inline size_t simple_head_end(const char *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (p[i] == '\n' && p[i + 1] == '\n')
            return i + 2;
        if (p[i] == '\n' && p[i + 1] == '\r' && i + 2 < n && p[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}
#endif
