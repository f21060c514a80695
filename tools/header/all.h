/* locust.h 0.1.0 - load tests in one C header - MIT license, at the end of this file
 *
 * Simulates users of a network service, by the hundred thousand, from one small static program:
 * a test is one C file in the shape of a Locust test, and its figures come in Locust's own tables.
 * This file is joined from the parts in tools/header: edit those, or this and run `make header`.
 *
 *     #include "locust.h"
 *
 *     static void index_page(locust_user *u)
 *     {
 *         locust_get(u, "/");
 *         locust_get(u, "/item?id=7", .name = "/item?id=[id]");
 *     }
 *
 *     LOCUST_USER(Visitor,
 *         .host = "http://127.0.0.1:8080",
 *         .wait_time = LOCUST_BETWEEN(1, 3),
 *         .tasks = LOCUST_TASKS(LOCUST_TASK(index_page)));
 *
 *     LOCUST_MAIN(.users = { &Visitor })
 *
 *     cc -O2 test.c -o test && ./test --headless --users 100 --spawn-rate 10 --run-time 1m
 *
 * ---------------------------------------------------------------------------------------------
 * Settings: macros, defined before the include (or by -D). The defaults suit most tests.
 *
 *   LOCUST_IMPLEMENTATION     in one file of a program of several: implementation, external linkage
 *   LOCUST_NO_IMPLEMENTATION  in its other files: declarations only
 *                             (neither: declarations and implementation, all static)
 *   LOCUST_TLS                0    1: https by mbedTLS 2.28, 3.6 or 4; link -lmbedtls -lmbedx509
 *                                  -lmbedcrypto
 *   LOCUST_ZLIB               0    1: asks for gzip and deflate, and decodes them; link -lz
 *   LOCUST_HTTP2              0    1: --http2 works in a test that names no .http_version, too
 *   LOCUST_CA_PEM             none      certificates to trust, as a string literal, for a host
 *                                       without files; used where no file was named
 *   LOCUST_POLL               0    1: poll() in place of the system's own poller
 *   LOCUST_KQUEUE             0    1: kqueue, on Linux by libkqueue; the default on macOS and BSD
 *   LOCUST_UCONTEXT           0    1: the C library's ucontext in place of the assembly of >>ctx
 *   LOCUST_VALGRIND           0    1: tell valgrind about stacks (needs <valgrind/memcheck.h>)
 *   LOCUST_MALLOC(n)          malloc    these three together, or none: where all memory comes
 *   LOCUST_REALLOC(p, n)      realloc   from; they may fail, and may not park
 *   LOCUST_FREE(p)            free
 *   LOCUST_STACK_SIZE         65536     bytes of address space for one user's stack; 16 KB of it
 *                                       guard. Only touched pages cost memory, and a user has a
 *                                       stack in its tasks alone. Per class: .stack_size
 *   LOCUST_MAX_HEADER         65536     bytes of response header taken before the request fails
 *   LOCUST_MAX_BODY           67108864  bytes of response body taken before the request fails
 *   LOCUST_MAX_ROWS           10000     rows of statistics; later names share the row "(other)"
 *   LOCUST_BUFFER_SIZE        65536     the one buffer that all users receive into and build a
 *                                       request's head in, which it limits; 4096 or more
 *   LOCUST_HIST_BITS          7         4 to 10: times are kept to 1 part in 2^(bits+1), so 7 is
 *                                       0.4 %. A row takes 2^(bits+3) bytes for each doubling of
 *                                       its times
 *   LOCUST_NO_REPORTS         0    1: no tables and no files, --compact's lines alone
 *   LOCUST_NO_COOKIES         0    1: no user keeps or sends cookies
 *   LOCUST_NO_DIGEST          0    1: no Digest authentication; Basic and bearer tokens remain
 *   LOCUST_NO_SHORT           0    1: no short way for plain requests, with the same results: see
 *                                     >>short
 *   LOCUST_NO_RECORDS         0    1: mbedTLS keeps every TLS connection, at 24 KB and more each,
 *                                  in place of the kit's own records behind its handshake
 *   LOCUST_NO_FLEET           0    1: no --worker, --master and --processes; messages to
 *                                  this process alone
 *   LOCUST_NO_EXPORT          0    1: no figures for Prometheus, OpenTelemetry, InfluxDB, statsd
 *   LOCUST_NO_WEB             0    1: no web interface; a test runs as with --headless
 *
 * On a small host: LOCUST_STACK_SIZE 16384 saves 48 KB of address space for each user that runs a
 * task, not memory.
 * LOCUST_BUFFER_SIZE 4096 saves up to 60 KB, LOCUST_HIST_BITS 5 768 bytes for each doubling of a
 * row's times (3 KB for most rows), LOCUST_MAX_ROWS 100 all the memory of rows beyond (8 KB each),
 * LOCUST_NO_REPORTS 115 KB of program (62 KB of them the page of --html), LOCUST_NO_COOKIES 4 KB,
 * LOCUST_NO_DIGEST 5 KB, LOCUST_NO_FLEET 22 KB, LOCUST_NO_EXPORT 17 KB, LOCUST_NO_WEB 41 KB. No
 * setting changes a type or a function of the public part.
 *
 * Contents: the public part first (all that a test's author reads), then the implementation, in
 * which a part uses only what stands above it. Each is a file of tools/header.
 *
 *   0-public
 *     >>api               types that all of the public part uses
 *     >>errors            why a request has no good answer
 *     >>waits             waits between two tasks
 *     >>arrivals          the open model
 *     >>users             tasks and user classes
 *     >>streamed          answers that come in events
 *     >>requests          requests and their answers
 *     >>sessions          the session of a user
 *     >>control           inside a user
 *     >>values            random numbers, identifiers and texts
 *     >>coroutines        coroutines of a user
 *     >>locals            coroutine-local data
 *     >>streams           protocols of your own
 *     >>websocket         WebSocket
 *     >>socketio          Socket.IO
 *     >>name_servers      questions to name servers
 *     >>mqtt              MQTT
 *     >>mongodb           MongoDB
 *     >>qdrant            Qdrant
 *     >>postgres          PostgreSQL
 *     >>protobuf          messages of Protocol Buffers
 *     >>grpc              gRPC
 *     >>milvus            Milvus
 *     >>feeds             data from files
 *     >>events            samples, shapes and events
 *     >>messages          messages between a master and its workers
 *     >>routes            pages of a test's own in the web interface
 *     >>test              a test
 *     >>options           how to run a test
 *     >>environment       running a test, and its figures
 *     >>macros            making tests
 *   1-ground
 *     >>config            settings made uniform, system headers
 *     >>time              units of time
 *     >>memory            allocation, growing, arenas, fetching ahead
 *     >>text              views, growing buffers, UTF-8, base64
 *     >>say               sentences on standard error, and the end of the program
 *     >>bytes             reading and writing the bytes of a wire format
 *     >>number            numbers in and out, random numbers
 *     >>error             the sentence of each error
 *     >>hash              MD5, SHA-1 and SHA-256
 *     >>hmac              HMAC and PBKDF2, with the digests of >>hash
 *     >>ctx               the context switch, in assembly, one part for each machine
 *     >>ctx_x86_64        the context switch on x86-64
 *     >>ctx_i386          the context switch on i386
 *     >>ctx_aarch64       the context switch on AArch64
 *     >>ctx_arm           the context switch on ARM, 32 bits
 *     >>ctx_riscv         the context switch on RISC-V, 32 and 64 bits
 *     >>ctx_mips          the context switch on MIPS: o32, n32, n64
 *     >>ctx_powerpc       the context switch on PowerPC, 32 and 64 bits
 *     >>ctx_s390x         the context switch on s390x
 *     >>ctx_m68k          the context switch on m68k
 *     >>ctx_loongarch     the context switch on LoongArch, 64 bits
 *     >>ctx_ucontext      the context switch by the C library
 *     >>ctx_make          a new stack for the switches in assembly
 *     >>ctx_allowed       may stacks be switched?
 *     >>os                what the operating system is asked for, the poller first
 *     >>os_posix          what every system has
 *     >>os_epoll          the poller of Linux
 *     >>os_kqueue         the poller of macOS and the BSDs
 *     >>os_poll           the poller of last resort
 *     >>os_linux          what only Linux has
 *     >>os_others         what other programs on this machine take, by Linux
 *     >>os_unix           what Linux has and this system has not
 *     >>os_macos          macOS
 *     >>os_bsd            FreeBSD, NetBSD, OpenBSD, DragonFly
 *     >>os_plain          any other POSIX system
 *     >>os_aes            has this processor instructions for AES?
 *     >>os_socket         sockets and the limit on descriptors
 *     >>os_packets        several datagrams by one system call
 *     >>os_stack          address space for stacks, and what guards it
 *     >>os_signal         faults and stop signals
 *     >>os_terminal       a terminal taken over, and given back whatever happens
 *     >>out               text for a terminal or a pipe that nobody may be reading
 *     >>log               diagnostics in Locust's log format
 *     >>hist              latency histogram: under 0.4 % error by default, 1 us to 1 h
 *     >>regex             regular expressions: the search
 *     >>regex_parse       regular expressions: the pattern
 *   2-loop
 *     >>co                coroutines, queues of them, and the state of the loop
 *     >>misuse            calls that break a rule, functions that may not wait
 *     >>timer             timers of coroutines
 *     >>co_pool           memory of coroutines
 *     >>stack             stacks of coroutines
 *     >>switch            starting, parking, waking, cancelling
 *     >>fd                descriptors and who waits for them
 *     >>loop              turns of the loop
 *     >>sync              queues, semaphores and groups of coroutines
 *     >>local             coroutine-local data
 *     >>context           context variables, and stacks of values
 *   3-measure
 *     >>entry             what was counted of one (method, name)
 *     >>stats             the statistics of a test: entries, failures, failed tasks
 *     >>record            from a finished request to all that count it
 *   4-net
 *     >>address           addresses of sockets
 *     >>source            local addresses to connect from
 *     >>port              local ports to connect from
 *     >>net               what all connections of a test share
 *     >>stream            reading and writing a connection, through layers
 *     >>allowance         how long an operation may take
 *     >>connect           connecting
 *     >>listen            servers, for tools and the kit's own endpoints
 *     >>resolve           what is known of host names, and the files that say more
 *     >>dns               messages of DNS
 *     >>question          asking name servers
 *     >>lookup            a host name on its way to a connection
 *     >>tls               TLS 1.2 and 1.3 by mbedTLS
 *     >>tls_key           the keys of a connection whose records the kit makes
 *     >>tls_record        one protected record: sealed and opened
 *     >>tls_after         what a server says after the handshake
 *     >>tls_pool          small blocks that stay
 *     >>tls_state         what TLS keeps: of a test, a configuration, a connection
 *     >>tls_export        what mbedTLS tells of a handshake's secrets
 *     >>tls_version       versions and ciphers
 *     >>tls_config        configurations
 *     >>tls_trust         certificates to trust
 *     >>tls_verify        verification
 *     >>tls_bind          channel binding
 *     >>tls_socket        between TLS and the socket
 *     >>tls_error         what went wrong
 *     >>tls_own           reading and writing records of our own
 *     >>tls_take          taking a connection's records from mbedTLS
 *     >>tls_layer         reads and writes through TLS
 *     >>tls_handshake     the handshake
 *     >>tls_none          no TLS compiled in
 *     >>url               URLs and origins
 *   5-http
 *     >>head              heads of HTTP/1.1 messages
 *     >>response_head     the head of a response
 *     >>request_head      the head of a request, as a server reads it
 *     >>receive           reading messages from a stream
 *     >>httpd             the server's half of HTTP/1.1
 *     >>write             writing the head of a message
 *     >>json              JSON, read and written
 *     >>json_out          writing JSON
 *     >>extract           values out of a response: patterns, text between
 *     >>cookie            the cookies of one user
 *     >>auth              HTTP authentication: Basic, Digest
 *     >>upload            bodies of requests, in pieces
 *     >>sse               server-sent events
 *     >>body_out          where the body of a response goes
 *     >>proxy             proxies
 *     >>connect_to        --connect-to
 *     >>route             how requests reach servers
 *     >>manners           what a server does with its connections
 *     >>services          what the users of one test share
 *     >>trace             --traceparent: the trace context of requests
 *     >>pool              connections of users to origins
 *     >>dial              opening a connection to an origin
 *     >>base_url          a user's host, taken apart once
 *     >>session           the session of a user
 *     >>client            a user's client: its response, verdict and record
 *     >>flow              what an exchange asks of a streamed answer
 *     >>head_out          the head of a request
 *     >>head_known        heads of requests that were built before
 *     >>exchange          one exchange on a connection
 *     >>request           a whole request
 *     >>short             the short way of a request
 *     >>response          what a test does with a response
 *     >>h2_huffman        the Huffman code of HPACK
 *     >>h2_hpack          HPACK: fields of HTTP/2 heads, compressed
 *     >>h2_frame          frames of HTTP/2
 *     >>h2_conn           an HTTP/2 connection: what it keeps, and what goes out
 *     >>h2_read           what comes on an HTTP/2 connection
 *     >>h2_talk           requests on an HTTP/2 connection
 *     >>h2                exchanges over HTTP/2
 *   6-user
 *     >>fault             what is wrong with a test before it runs
 *     >>wait              what is wrong with a wait
 *     >>task              tasks and task sets as a test runs them
 *     >>class             user classes as a test runs them
 *     >>user              a user, its coroutines, all users of a test
 *     >>user_text         texts that live as long as a task
 *     >>retry             pauses after requests that reached no server
 *     >>arrive            arrivals of the open model, as users take them
 *     >>life              the life of a user
 *     >>start             starting and ending users
 *     >>control           what a task says to its user
 *     >>user_value        random numbers, identifiers and texts for a test
 *     >>coroutine         coroutines that a user starts
 *     >>measure           operations that the test measures itself
 *     >>user_stream       streams of the test's own
 *     >>feed              rows of files for users
 *   7-protocol
 *     >>protocol          clients of protocols
 *     >>scram             logins by SCRAM
 *     >>ws_frame          frames of WebSocket
 *     >>ws_deflate        permessage-deflate
 *     >>ws                a WebSocket connection
 *     >>ws_talk           waiting on a WebSocket
 *     >>ws_opening        the opening handshake of WebSocket
 *     >>websocket_client  the WebSocket of a user
 *     >>ws_layer          a stream of bytes over WebSocket
 *     >>sio_packet        packets of Socket.IO
 *     >>sio               a Socket.IO connection
 *     >>socketio_client   the Socket.IO of a user
 *     >>dns_type          types of DNS records, and rcodes
 *     >>dns_message       questions with EDNS, and what an answer consists of
 *     >>dns_text          records as text, and whether they are well-formed
 *     >>dns_line          sockets and connections that carry questions to a name server
 *     >>dns_client        a user's client of name servers
 *     >>dns_http          questions over HTTPS
 *     >>dns_api           public calls of the client of name servers
 *     >>mqtt_packet       packets of MQTT 3.1.1 and 5
 *     >>mqtt_client       what an MQTT client keeps; what it sends; publications under way
 *     >>mqtt_message      messages that an MQTT client receives
 *     >>mqtt_keep         an MQTT client looks after its connection
 *     >>mqtt_connect      an MQTT client waits, and connects
 *     >>mqtt_subscribe    an MQTT client subscribes, and goes on after a connect
 *     >>mqtt_user         MQTT: what a test calls
 *     >>mongo_bson        BSON, checked, read and written
 *     >>mongo_decimal     decimal numbers of 128 bits
 *     >>mongo_to_json     BSON as JSON
 *     >>mongo_from_json   BSON from JSON
 *     >>mongo_url         MongoDB's connection strings
 *     >>mongo_client      what a MongoDB client keeps; messages to and from the server
 *     >>mongo_login       a MongoDB client connects and logs in
 *     >>mongo_operation   MongoDB: operations, their answers and cursors
 *     >>mongo_user        MongoDB: what a test calls
 *     >>flow_tally        what is counted of streamed answers
 *     >>flow_take         a streamed answer while it comes
 *     >>flow_read         what events of streamed answers mean
 *     >>qdrant_client     Qdrant over REST
 *     >>pg_message        messages of PostgreSQL's protocol 3.0
 *     >>pg_url            URLs of PostgreSQL
 *     >>pg_answer         the answer to a query of PostgreSQL
 *     >>pg_client         what a client of PostgreSQL keeps; what it receives
 *     >>pg_open           opening a connection to PostgreSQL
 *     >>pg_login          logging in to PostgreSQL
 *     >>pg_query          queries to PostgreSQL, and what a test calls
 *     >>pb                Protocol Buffers
 *     >>grpc_client       gRPC of a user
 *     >>milvus_message    messages to Milvus
 *     >>milvus_answer     messages from Milvus
 *     >>milvus_client     Milvus over gRPC
 *     >>milvus_rows       collections of Milvus, and what is written to them
 *   8-run
 *     >>process           one of several processes of a command
 *     >>stages            --stages
 *     >>dispatch          which class the next user has
 *     >>env               the environment of a test
 *     >>target            --target-pid and --target-cgroup
 *     >>usage             what the generator itself used
 *     >>stall             when nothing ran, and why
 *     >>blocked           which task kept the loop to itself
 *     >>warm_up           from when on requests count
 *     >>ramp              from the users that there are to those asked for
 *     >>pace              the schedule of arrivals
 *     >>step              .setup and .teardown of a test
 *     >>runner            a test from its first user to its last
 *     >>config_users      --config-users
 *     >>classes           the user classes of a run
 *     >>ask               what somebody asks of a test while it runs, or before its next one
 *     >>listeners         a test's events, and the functions that are told of them
 *     >>message           messages of the test
 *     >>own_option        options that a test declares
 *     >>unused            options without effect
 *     >>setup             making an environment
 *     >>env_api           public calls on an environment
 *     >>fleet_msgpack     MessagePack, read and written
 *     >>fleet_seal        proof that both ends know a secret
 *     >>fleet_zmtp        ZMTP 3: messages on a TCP connection, as ZeroMQ has them
 *     >>fleet_envelope    the form of all messages between master and workers
 *     >>fleet_plus        what our own masters and workers say beyond Locust
 *     >>fleet_report      what a worker counted, as Locust's master adds it up
 *     >>fleet_pulse       a heartbeat from a process that is busy
 *     >>fleet_link        a worker's connection to its master
 *     >>fleet_job         what a master asks a worker for
 *     >>fleet_worker      the tests of a worker
 *     >>fleet_serve       a worker and its master
 *     >>fleet_merge       what workers counted, added up
 *     >>fleet_crew        the workers of a master
 *     >>fleet_gate        the connections of a master
 *     >>fleet_order       what a master asks its workers for
 *     >>fleet_hear        what workers say to their master
 *     >>fleet_share       users by what workers can bear
 *     >>fleet_roll        what a master says of its workers
 *     >>fleet_forks       --processes: workers of one command
 *     >>fleet_master      a test whose users are on workers
 *   9-outside
 *     >>generator         the generator's verdict on itself
 *     >>server_cpu        the server's CPU beside the generator's
 *     >>since             what was counted since the last look
 *     >>figures           what a row shows
 *     >>extra             reports of what only some tests have
 *     >>check             checks
 *     >>check_why         what is wrong with a check
 *     >>baseline          comparison with an earlier run
 *     >>find              --find-max
 *     >>remarks           what a run says of itself at its end
 *     >>result            what a run is judged by
 *     >>table             tables and compact lines
 *     >>csv               Locust's CSV files
 *     >>summary           --summary
 *     >>history           a run over time, in slices
 *     >>told              the run as the page sees it
 *     >>page              the web page, generated
 *     >>html              the tables of a report
 *     >>document          --html
 *     >>junit             --junit
 *     >>hgrm              --hgrm
 *     >>hlog              a log of HdrHistogram, beside --hgrm
 *     >>locust_json       --json and --json-file
 *     >>files             files for other programs
 *     >>github            annotations of GitHub Actions
 *     >>tui_screen        lines on a terminal, of which those that changed are written
 *     >>tui_view          what the terminal shows of a run
 *     >>tui_run           --tui
 *     >>export_buckets    histograms with few, fixed buckets
 *     >>export_prometheus the text that Prometheus scrapes
 *     >>export_otlp       metrics for OpenTelemetry
 *     >>export_spans      sampled requests as spans of OpenTelemetry
 *     >>export_influx     line protocol of InfluxDB
 *     >>export_statsd     metrics for statsd
 *     >>export_post       texts to a program that collects figures
 *     >>export            figures for programs that collect them
 *     >>options           the options and how each is set
 *     >>config_file       config files
 *     >>cli               the command line
 *     >>task_ratio        --list and --show-task-ratio
 *     >>web_form          what a form sends
 *     >>web_answer        what a route of the test's own answers
 *     >>web_seen          a run as the web interface sees it
 *     >>web_data          Locust's figures as JSON
 *     >>web_args          what the page begins with
 *     >>web_guard         who may ask, and what
 *     >>web_tls           the web interface over https
 *     >>web               the web interface: its state, its log, its address
 *     >>web_swarm         what the form asks for
 *     >>web_answers       what each route answers
 *     >>web_site          the routes of the web interface
 *     >>web_tests         the tests that the web interface asks for
 *     >>run               a run with its periodic reports
 *     >>single            one user for a debugger
 *     >>main              the command and the library entry points
 *     >>flow_figures      checks of streamed answers
 *     >>flow_report       the table of streams, and its files
 *     >>taken             names of the C library that a task cannot have
 */
#ifndef LOCUST_H
#define LOCUST_H

#define LOCUST_VERSION_MAJOR 0
#define LOCUST_VERSION_MINOR 1
#define LOCUST_VERSION_PATCH 0
#define LOCUST_VERSION       "0.1.0"

/* The implementation asks the C library for more than ISO C has. A strict compiler mode must be
 * told before its first system header. */
#if !defined(__cplusplus) && (defined(LOCUST_IMPLEMENTATION) || !defined(LOCUST_NO_IMPLEMENTATION))
#if defined(_FEATURES_H) && !defined(_DEFAULT_SOURCE) && !defined(_GNU_SOURCE) && \
    !defined(_BSD_SOURCE)
#error \
    "locust.h must be included first under a strict -std=c11: move it up, or use -std=gnu11, or -D_DEFAULT_SOURCE"
#endif
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE 1
#endif
#ifndef _FILE_OFFSET_BITS // files of more than 2 GB, and years after 2037, on 32 bits
#define _FILE_OFFSET_BITS 64
#endif
#ifndef _TIME_BITS
#define _TIME_BITS 64
#endif
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus) || defined(LOCUST_IMPLEMENTATION) || defined(LOCUST_NO_IMPLEMENTATION)
#define LOCUST_API extern
#else
#define LOCUST_API static __attribute__((unused))
#endif

#if defined(__GNUC__)
#define LOCUST_NORETURN_ __attribute__((noreturn))
#else
#define LOCUST_NORETURN_
#endif

#ifdef __cplusplus
extern "C" {
#endif

#include "0-public/api.h"
#include "0-public/errors.h"
#include "0-public/waits.h"
#include "0-public/arrivals.h"
#include "0-public/users.h"
#include "0-public/streamed.h"
#include "0-public/requests.h"
#include "0-public/sessions.h"
#include "0-public/control.h"
#include "0-public/values.h"
#include "0-public/coroutines.h"
#include "0-public/locals.h"
#include "0-public/streams.h"
#include "0-public/websocket.h"
#include "0-public/socketio.h"
#include "0-public/name_servers.h"
#include "0-public/mqtt.h"
#include "0-public/mongodb.h"
#include "0-public/qdrant.h"
#include "0-public/postgres.h"
#include "0-public/protobuf.h"
#include "0-public/grpc.h"
#include "0-public/milvus.h"
#include "0-public/feeds.h"
#include "0-public/events.h"
#include "0-public/messages.h"
#include "0-public/routes.h"
#include "0-public/test.h"
#include "0-public/options.h"
#include "0-public/environment.h"
#include "0-public/macros.h"

#ifdef __cplusplus
}
#endif
#endif // LOCUST_H

#if !defined(LOCUST__IMPLEMENTED) && !defined(__cplusplus) && \
    (defined(LOCUST_IMPLEMENTATION) || !defined(LOCUST_NO_IMPLEMENTATION))
#define LOCUST__IMPLEMENTED
extern const char locust_is_implemented_in_two_files_define_LOCUST_NO_IMPLEMENTATION_in_one;
const char locust_is_implemented_in_two_files_define_LOCUST_NO_IMPLEMENTATION_in_one = 0;

#ifndef LOCUST__LAYERS // a unit test stops at its own layer
#define LOCUST__LAYERS 9
#endif

#include "1-ground/config.c"
#include "1-ground/time.c"
#include "1-ground/memory.c"
#include "1-ground/text.c"
#include "1-ground/say.c"
#include "1-ground/bytes.c"
#include "1-ground/number.c"
#include "1-ground/error.c"
#include "1-ground/hash.c"
#include "1-ground/hmac.c"
#include "1-ground/ctx/ctx.c"
#if LOCUST__WITH_UCONTEXT // asked for: see the end of this list
#elif defined(__x86_64__) && defined(__LP64__)
#include "1-ground/ctx/x86_64.c"
#elif defined(__i386__) && defined(__ELF__)
#include "1-ground/ctx/i386.c"
#elif defined(__aarch64__) && defined(__LP64__)
#include "1-ground/ctx/aarch64.c"
#elif defined(__arm__) && defined(__ARM_EABI__) && __ARM_ARCH >= 5
#include "1-ground/ctx/arm.c"
#elif defined(__riscv) && !defined(__riscv_abi_rve) && !defined(__riscv_float_abi_quad)
#include "1-ground/ctx/riscv.c"
#elif defined(__mips__) && defined(_MIPS_SIM) && _MIPS_SIM >= 1 && _MIPS_SIM <= 3 && \
    !defined(__mips_single_float) && __mips > 1
#include "1-ground/ctx/mips.c"
#elif defined(__powerpc__) && defined(__ELF__) && !defined(__SPE__)
#include "1-ground/ctx/powerpc.c"
#elif defined(__s390x__)
#include "1-ground/ctx/s390x.c"
#elif defined(__m68k__) && !defined(__mcoldfire__)
#include "1-ground/ctx/m68k.c"
#elif defined(__loongarch__) && __loongarch_grlen == 64
#include "1-ground/ctx/loongarch.c"
#else // any other architecture
#undef LOCUST__WITH_UCONTEXT
#define LOCUST__WITH_UCONTEXT 1
#endif
#if LOCUST__WITH_UCONTEXT
#include "1-ground/ctx/ucontext.c"
#else
#include "1-ground/ctx/make.c"
#endif
#include "1-ground/ctx/allowed.c"
#include "1-ground/os/os.c"
#include "1-ground/os/posix.c"
#if LOCUST__WITH_EPOLL
#include "1-ground/os/epoll.c"
#elif LOCUST__WITH_KQUEUE
#include "1-ground/os/kqueue.c"
#else
#include "1-ground/os/poll.c"
#endif
#if LOCUST__OS_LINUX
#include "1-ground/os/linux.c"
#include "1-ground/os/others.c"
#else
#include "1-ground/os/unix.c"
#endif
#if LOCUST__OS_APPLE
#include "1-ground/os/macos.c"
#elif LOCUST__OS_BSD
#include "1-ground/os/bsd.c"
#elif !LOCUST__OS_LINUX
#include "1-ground/os/plain.c"
#endif
#include "1-ground/os/aes.c"
#include "1-ground/os/socket.c"
#include "1-ground/os/packets.c"
#include "1-ground/os/stack.c"
#include "1-ground/os/signal.c"
#if LOCUST__WITH_REPORTS
#include "1-ground/os/terminal.c"
#endif
#include "1-ground/out.c"
#include "1-ground/log.c"
#include "1-ground/hist.c"
#include "1-ground/regex.c"
#include "1-ground/regex_parse.c"

#if LOCUST__LAYERS >= 2
#include "2-loop/co.c"
#include "2-loop/misuse.c"
#include "2-loop/timer.c"
#include "2-loop/co_pool.c"
#include "2-loop/stack.c"
#include "2-loop/switch.c"
#include "2-loop/fd.c"
#include "2-loop/loop.c"
#include "2-loop/sync.c"
#include "2-loop/local.c"
#include "2-loop/context.c"
#endif

#if LOCUST__LAYERS >= 3
#include "3-measure/entry.c"
#include "3-measure/stats.c"
#include "3-measure/record.c"
#endif

#if LOCUST__LAYERS >= 4
#include "4-net/address.c"
#include "4-net/source.c"
#include "4-net/port.c"
#include "4-net/net.c"
#include "4-net/stream.c"
#include "4-net/allowance.c"
#include "4-net/connect.c"
#include "4-net/listen.c"
#include "4-net/resolve.c"
#include "4-net/dns.c"
#include "4-net/question.c"
#include "4-net/lookup.c"
#include "4-net/tls/tls.c"
#if LOCUST__WITH_RECORDS
#include "4-net/tls/key.c"
#include "4-net/tls/record.c"
#include "4-net/tls/after.c"
#endif
#if LOCUST__WITH_TLS
#include "4-net/tls/pool.c"
#include "4-net/tls/state.c"
#if LOCUST__WITH_RECORDS
#include "4-net/tls/export.c"
#endif
#include "4-net/tls/version.c"
#include "4-net/tls/config.c"
#include "4-net/tls/trust.c"
#include "4-net/tls/verify.c"
#include "4-net/tls/bind.c"
#include "4-net/tls/socket.c"
#include "4-net/tls/error.c"
#if LOCUST__WITH_RECORDS
#include "4-net/tls/own.c"
#include "4-net/tls/take.c"
#endif
#include "4-net/tls/layer.c"
#include "4-net/tls/handshake.c"
#else
#include "4-net/tls/none.c"
#endif
#include "4-net/url.c"
#endif

#if LOCUST__LAYERS >= 5
#include "5-http/head.c"
#include "5-http/response_head.c"
#if LOCUST__WITH_WEB
#include "5-http/request_head.c"
#endif
#include "5-http/receive.c"
#if LOCUST__WITH_WEB
#include "5-http/httpd.c"
#endif
#include "5-http/write.c"
#include "5-http/json.c"
#if LOCUST__WITH_WEB
#include "5-http/json_out.c"
#endif
#include "5-http/extract.c"
#include "5-http/cookie.c"
#include "5-http/auth.c"
#include "5-http/upload.c"
#include "5-http/sse.c"
#include "5-http/body_out.c"
#include "5-http/proxy.c"
#include "5-http/connect_to.c"
#include "5-http/route.c"
#include "5-http/manners.c"
#include "5-http/services.c"
#include "5-http/trace.c"
#include "5-http/pool.c"
#include "5-http/dial.c"
#include "5-http/base_url.c"
#include "5-http/session.c"
#include "5-http/client.c"
#include "5-http/flow.c"
#include "5-http/head_out.c"
#include "5-http/head_known.c"
#include "5-http/exchange.c"
#include "5-http/request.c"
#include "5-http/short.c"
#include "5-http/response.c"
#include "5-http/h2/huffman.c"
#include "5-http/h2/hpack.c"
#include "5-http/h2/frame.c"
#include "5-http/h2/conn.c"
#include "5-http/h2/read.c"
#include "5-http/h2/talk.c"
#include "5-http/h2/h2.c"
#endif

#if LOCUST__LAYERS >= 6
#include "6-user/fault.c"
#include "6-user/wait.c"
#include "6-user/task.c"
#include "6-user/class.c"
#include "6-user/user.c"
#include "6-user/user_text.c"
#include "6-user/retry.c"
#include "6-user/arrive.c"
#include "6-user/life.c"
#include "6-user/start.c"
#include "6-user/control.c"
#include "6-user/user_value.c"
#include "6-user/coroutine.c"
#include "6-user/measure.c"
#include "6-user/user_stream.c"
#include "6-user/feed.c"
#endif

#if LOCUST__LAYERS >= 7
#include "7-protocol/protocol.c"
#include "7-protocol/scram.c"
#include "7-protocol/ws/frame.c"
#include "7-protocol/ws/deflate.c"
#include "7-protocol/ws/ws.c"
#include "7-protocol/ws/talk.c"
#include "7-protocol/ws/opening.c"
#include "7-protocol/websocket_client.c"
#include "7-protocol/ws/layer.c"
#include "7-protocol/sio/packet.c"
#include "7-protocol/sio/sio.c"
#include "7-protocol/socketio_client.c"
#include "7-protocol/dns/type.c"
#include "7-protocol/dns/message.c"
#include "7-protocol/dns/text.c"
#include "7-protocol/dns/line.c"
#include "7-protocol/dns/client.c"
#include "7-protocol/dns/http.c"
#include "7-protocol/dns/api.c"
#include "7-protocol/mqtt/packet.c"
#include "7-protocol/mqtt/client.c"
#include "7-protocol/mqtt/message.c"
#include "7-protocol/mqtt/keep.c"
#include "7-protocol/mqtt/connect.c"
#include "7-protocol/mqtt/subscribe.c"
#include "7-protocol/mqtt/user.c"
#include "7-protocol/mongo/bson.c"
#include "7-protocol/mongo/decimal.c"
#include "7-protocol/mongo/to_json.c"
#include "7-protocol/mongo/from_json.c"
#include "7-protocol/mongo/url.c"
#include "7-protocol/mongo/client.c"
#include "7-protocol/mongo/login.c"
#include "7-protocol/mongo/operation.c"
#include "7-protocol/mongo/user.c"
#include "7-protocol/flow/tally.c"
#include "7-protocol/flow/take.c"
#include "7-protocol/flow/read.c"
#include "7-protocol/qdrant_client.c"
#include "7-protocol/pg/message.c"
#include "7-protocol/pg/url.c"
#include "7-protocol/pg/answer.c"
#include "7-protocol/pg/client.c"
#include "7-protocol/pg/open.c"
#include "7-protocol/pg/login.c"
#include "7-protocol/pg/query.c"
#include "7-protocol/pb.c"
#include "7-protocol/grpc_client.c"
#include "7-protocol/milvus/message.c"
#include "7-protocol/milvus/answer.c"
#include "7-protocol/milvus/client.c"
#include "7-protocol/milvus/rows.c"
#endif

#if LOCUST__LAYERS >= 8
#include "8-run/process.c"
#include "8-run/stages.c"
#include "8-run/dispatch.c"
#include "8-run/env.c"
#include "8-run/target.c"
#include "8-run/usage.c"
#include "8-run/stall.c"
#include "8-run/blocked.c"
#include "8-run/warm_up.c"
#include "8-run/ramp.c"
#include "8-run/pace.c"
#include "8-run/step.c"
#include "8-run/runner.c"
#include "8-run/config_users.c"
#include "8-run/classes.c"
#include "8-run/ask.c"
#include "8-run/listeners.c"
#include "8-run/message.c"
#include "8-run/own_option.c"
#include "8-run/unused.c"
#include "8-run/setup.c"
#include "8-run/env_api.c"
#if LOCUST__WITH_FLEET
#include "8-run/fleet/msgpack.c"
#include "8-run/fleet/seal.c"
#include "8-run/fleet/zmtp.c"
#include "8-run/fleet/envelope.c"
#include "8-run/fleet/plus.c"
#include "8-run/fleet/report.c"
#include "8-run/fleet/pulse.c"
#include "8-run/fleet/link.c"
#include "8-run/fleet/job.c"
#include "8-run/fleet/worker.c"
#include "8-run/fleet/serve.c"
#include "8-run/fleet/merge.c"
#include "8-run/fleet/crew.c"
#include "8-run/fleet/gate.c"
#include "8-run/fleet/order.c"
#include "8-run/fleet/hear.c"
#include "8-run/fleet/share.c"
#include "8-run/fleet/roll.c"
#include "8-run/fleet/forks.c"
#include "8-run/fleet/master.c"
#endif
#endif

#if LOCUST__LAYERS >= 9
#include "9-outside/generator.c"
#include "9-outside/server_cpu.c"
#if LOCUST__WITH_REPORTS || LOCUST__WITH_EXPORT
#include "9-outside/since.c"
#endif
#include "9-outside/figures.c"
#include "9-outside/extra.c"
#include "9-outside/check.c"
#include "9-outside/check_why.c"
#include "9-outside/baseline.c"
#include "9-outside/find.c"
#include "9-outside/remarks.c"
#include "9-outside/result.c"
#include "9-outside/table.c"
#include "9-outside/csv.c"
#include "9-outside/summary.c"
#include "9-outside/history.c"
#include "9-outside/told.c"
#include "9-outside/page/page.c"
#include "9-outside/html.c"
#include "9-outside/document.c"
#include "9-outside/junit.c"
#include "9-outside/hgrm.c"
#include "9-outside/hlog.c"
#include "9-outside/locust_json.c"
#include "9-outside/files.c"
#include "9-outside/github.c"
#if LOCUST__WITH_REPORTS
#include "9-outside/tui/screen.c"
#include "9-outside/tui/view.c"
#include "9-outside/tui/run.c"
#endif
#if LOCUST__WITH_EXPORT
#include "9-outside/export/buckets.c"
#include "9-outside/export/prometheus.c"
#include "9-outside/export/otlp.c"
#include "9-outside/export/spans.c"
#include "9-outside/export/influx.c"
#include "9-outside/export/statsd.c"
#include "9-outside/export/post.c"
#include "9-outside/export/export.c"
#endif
#include "9-outside/options.c"
#include "9-outside/config_file.c"
#include "9-outside/cli.c"
#include "9-outside/task_ratio.c"
#include "9-outside/web/form.c"
#include "9-outside/web/answer.c"
#if LOCUST__WITH_WEB
#include "9-outside/web/seen.c"
#include "9-outside/web/data.c"
#include "9-outside/web/args.c"
#include "9-outside/web/guard.c"
#include "9-outside/web/tls.c"
#include "9-outside/web/web.c"
#include "9-outside/web/swarm.c"
#include "9-outside/web/answers.c"
#include "9-outside/web/site.c"
#include "9-outside/web/tests.c"
#endif
#include "9-outside/run.c"
#include "9-outside/single.c"
#include "9-outside/main.c"
#include "9-outside/flow_figures.c"
#include "9-outside/flow_report.c"
#include "9-outside/taken.c"
#endif

/* ============================================================================================
 * >>changes  what changed, newest first
 *
 * 0.1.0  the first version: HTTP/1.1 load tests from one file; TLS; sessions with cookies,
 *        authentication, redirects, bodies of any size, proxies; task sets, tags, failed tasks;
 *        coroutines of a user, context variables, scopes, stacks; load shapes and stages,
 *        iteration limits, the open model; rows of files; events, options of the test's own;
 *        streams over TCP, TLS, UDP and unix sockets; patterns as Perl's, JSON to the last digit;
 *        a verdict on the generator itself, remarks on client and server, what was unanswered at
 *        the end; checks, comparison with an earlier run, the search for the highest rate; random
 *        numbers, UUIDs and texts for tests, --seed; .setup and .teardown; options of the test
 *        with types; pauses of users whose requests reach no server; users that wait for their next
 *        task have no stack: some 500 bytes each, and their answers and connections; TLS users of
 *        half a kilobyte, whose records the kit makes itself; HTTP/2; WebSocket, Socket.IO, MQTT,
 *        gRPC, MongoDB, Qdrant, Milvus, PostgreSQL, questions to name servers; streamed answers of
 *        language models; --worker and --master, with those of Locust or its own, messages between
 *        them, --secret; --processes; Locust's web interface, and routes of a test's own; --html,
 *        --tui; figures for Prometheus, OpenTelemetry, InfluxDB and statsd, --traceparent
 * ============================================================================================ */

/* ============================================================================================
 * >>license  MIT
 *
 * MIT License
 *
 * Copyright (c) 2026 the locust.h authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 * ============================================================================================ */

#endif // implementation
