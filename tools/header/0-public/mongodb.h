/* ============================================================================================
 * >>mongodb  MongoDB
 *
 * Purpose     documents of a MongoDB server, written and read as JSON (MongoDB Extended JSON v2).
 *
 * A user, and each coroutine that it starts, has one client with one connection, which its first
 * call opens and its end closes. A connection that has ended is opened again by the next call. What
 * a test gives is Extended JSON, relaxed or canonical: {"$oid": "..."}, {"$date": "..."} and so on;
 * what it gets is relaxed.
 *
 * Rows        "MONGODB find items", and so "insert", "update", "delete", "aggregate" and commands
 *             with what they are done to; "MONGODB connect": the connection, hello and the login.
 *             An answer of the server that is no success is a failure, and so is one that has write
 *             errors in it: its sentence and code, with numbers of five and more digits as N. A
 *             row's length is the bytes of the answers.
 *
 * The host is mongodb://[USER:PASSWORD@]HOST[:PORT]/[DATABASE][?OPTION=VALUE&...] with one host.
 * Its options are those of MongoDB: authSource, authMechanism (SCRAM-SHA-256, SCRAM-SHA-1, PLAIN),
 * tls, tlsCAFile, tlsCertificateKeyFile, tlsInsecure, tlsAllowInvalidCertificates, timeoutMS,
 * appName, w, journal, wTimeoutMS, readConcernLevel, readPreference; those that concern a driver's
 * pool, monitoring and retries are taken and say nothing here.
 * ============================================================================================ */

typedef struct locust_mongo_options {
    const char *url;                 // NULL: the user's host
    const char *username, *password; // NULL: those of the URL, if any
    const char *name;                // of the row; NULL: "connect"
    double timeout_s;                // of the connect; 0: 60, negative: none
} locust_mongo_options;

/* Connects, and logs in. What was open is closed. Later connections of the client go there too.
 * Returns whether it went well: locust_mongo_error says why not.
 * locust_mongo_connect(u, "mongodb://127.0.0.1:27017/shop", .username = "me", .password = "secret")
 */
LOCUST_API bool locust_mongo_connect(locust_user *u, const locust_mongo_options *options);
#define locust_mongo_connect(u, ...)     \
    (LOCUST_AT_("locust_mongo_connect"), \
        locust_mongo_connect((u), &(locust_mongo_options){.url = __VA_ARGS__}))

typedef struct locust_mongo_result { // lives until this user's next call on the client
    const char *error;               // NULL, or one short, stable sentence
    int code;                        // of the server's error, 11000 for a duplicate key; 0: none
    int n;                           // documents, for locust_mongo_document
    int64_t inserted, matched, modified, upserted, deleted;
    int batches;  // answers that the documents came in
    size_t bytes; // of the answers
    double elapsed_ms;
} locust_mongo_result;

/* The i-th document of a result as JSON, from 0; "" if there is none. Lives as long as the result,
 * free nothing. Of a command without a cursor the only one is the answer itself. */
LOCUST_API const char *locust_mongo_document(const locust_mongo_result *r, int i);

typedef struct locust_mongo_query {
    const char *collection; // required
    const char *filter;     // a JSON object; NULL: {}
    const char *sort, *projection;
    int limit, skip;      // documents; 0: no limit, none
    int batch_size;       // documents of an answer; 0: as the server likes
    bool one_batch;       // leave it at the first answer
    const char *more;     // a JSON object with further fields of the command, such as "hint"
    const char *database; // NULL: that of the URL, else "test"
    const char *name;     // of the row; NULL: "find COLLECTION"
    double timeout_s;     // 0: the URL's timeoutMS, else 60; negative: none
} locust_mongo_query;

/* Finds documents, in all batches up to the limit. Never NULL. */
LOCUST_API locust_mongo_result *locust_mongo_find(locust_user *u, const locust_mongo_query *query);
#define locust_mongo_find(u, collection_, ...) \
    (LOCUST_AT_("locust_mongo_find"),          \
        locust_mongo_find(                     \
            (u), &(locust_mongo_query){.collection = (collection_), .filter = __VA_ARGS__}))

typedef struct locust_mongo_insertion {
    const char *collection;             // required
    const char *documents;              // required: a JSON array of objects, or one object
    bool unordered;                     // go on after a document that the server refuses
    const char *more, *database, *name; // as of a query
    double timeout_s;
} locust_mongo_insertion;

/* Inserts documents, in as many messages as the server's limits ask for. A document without an
 * "_id" gets one. Never NULL. */
LOCUST_API locust_mongo_result *locust_mongo_insert(
    locust_user *u, const locust_mongo_insertion *insertion);
#define locust_mongo_insert(u, collection_, ...) \
    (LOCUST_AT_("locust_mongo_insert"),          \
        locust_mongo_insert((u),                 \
            &(locust_mongo_insertion){.collection = (collection_), .documents = __VA_ARGS__}))

typedef struct locust_mongo_change {
    const char *collection; // required
    const char *filter;     // which documents: a JSON object; NULL: {}
    const char *update;     // of an update, required: operators, a whole document or a pipeline
    bool many;              // all that the filter finds; false: one
    bool upsert;            // of an update: insert one if none is found
    const char *more, *database, *name; // as of a query
    double timeout_s;
} locust_mongo_change;

/* Updates documents. Never NULL. */
LOCUST_API locust_mongo_result *locust_mongo_update(
    locust_user *u, const locust_mongo_change *change);
#define locust_mongo_update(u, collection_, filter_, ...) \
    (LOCUST_AT_("locust_mongo_update"),                   \
        locust_mongo_update(                              \
            (u), &(locust_mongo_change){                  \
                     .collection = (collection_), .filter = (filter_), .update = __VA_ARGS__}))
/* Deletes documents. Never NULL. */
LOCUST_API locust_mongo_result *locust_mongo_delete(
    locust_user *u, const locust_mongo_change *change);
#define locust_mongo_delete(u, collection_, ...) \
    (LOCUST_AT_("locust_mongo_delete"),          \
        locust_mongo_delete(                     \
            (u), &(locust_mongo_change){.collection = (collection_), .filter = __VA_ARGS__}))

typedef struct locust_mongo_pipeline {
    const char *collection; // required
    const char *stages;     // required: a JSON array of objects
    int batch_size;
    bool one_batch;
    const char *more, *database, *name; // as of a query
    double timeout_s;
} locust_mongo_pipeline;

/* Aggregates. Never NULL. */
LOCUST_API locust_mongo_result *locust_mongo_aggregate(
    locust_user *u, const locust_mongo_pipeline *pipeline);
#define locust_mongo_aggregate(u, collection_, ...) \
    (LOCUST_AT_("locust_mongo_aggregate"),          \
        locust_mongo_aggregate(                     \
            (u), &(locust_mongo_pipeline){.collection = (collection_), .stages = __VA_ARGS__}))

typedef struct locust_mongo_request {
    const char *command; // required: a JSON object, whose first name is the command's
    bool one_batch;
    const char *database, *name; // as of a query; NULL: the command, and what it is done to
    double timeout_s;
} locust_mongo_request;

/* Carries out any command. If its answer has a cursor, all its batches are fetched. Never NULL. */
LOCUST_API locust_mongo_result *locust_mongo_command(
    locust_user *u, const locust_mongo_request *request);
#define locust_mongo_command(u, ...)     \
    (LOCUST_AT_("locust_mongo_command"), \
        locust_mongo_command((u), &(locust_mongo_request){.command = __VA_ARGS__}))

/* Why the last call failed: a stable sentence; NULL if it did not. */
LOCUST_API const char *locust_mongo_error(locust_user *u);
