/* ============================================================================================
 * >>postgres  PostgreSQL
 *
 * Purpose     queries to a server that speaks PostgreSQL's protocol 3.0.
 *
 * A user, and each coroutine that it starts, has one connection, opened at its first query and
 * closed when it ends. A connection that ends unasked is a failure of the row "POSTGRES
 * disconnect", or of the query that it ends; the next query connects again.
 *
 * The URL is libpq's: postgresql://user:password@host:port/database?parameter=value&..., with the
 * parameters host (a folder: its unix socket), port, user, password, dbname, sslmode (disable,
 * allow, prefer, require, verify-ca, verify-full), sslrootcert (a file, or system), sslcert,
 * sslkey, channel_binding, application_name, options, connect_timeout, client_encoding. What it
 * lacks comes from PGUSER and PGPASSWORD; certificates to trust, where it names none, from the
 * class. Logins: trust, password, md5, SCRAM-SHA-256, bound to the channel over TLS.
 *
 * Rows        POSTGRES connect, disconnect, and one for each .name, or text, of a query.
 * ============================================================================================ */

typedef struct locust_pg_options {
    const char *url;   // NULL: the user's host
    const char *name;  // row of the connect; NULL: "connect"
    double timeout_s;  // of the connect, and of each query that has none; 0: 60; negative: none
    size_t max_result; // bytes of a result that are kept; 0: LOCUST_MAX_BODY
    int max_prepared;  // prepared statements that a connection keeps; 0: 100; negative: none, so
                       // that each query with parameters is parsed anew, as a pooler by
                       // transactions may need it
} locust_pg_options;

/* Connects, and closes what was open. Later connects of this coroutine are made by the same
 * options. Texts are copied. Returns whether the server took the login.
 * locust_pg_connect(u, u->host, .max_prepared = -1) */
LOCUST_API bool locust_pg_connect(locust_user *u, const locust_pg_options *options);
#define locust_pg_connect(u, ...)     \
    (LOCUST_AT_("locust_pg_connect"), \
        locust_pg_connect((u), &(locust_pg_options){.url = __VA_ARGS__}))

typedef struct locust_pg_params { // values of $1, $2, ...: texts; NULL: SQL's null
    const char *const *values;
    int n;
} locust_pg_params;

#define LOCUST_PG_PARAMS(...)                                         \
    ((locust_pg_params){.values = (const char *const[]){__VA_ARGS__}, \
        .n = (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))})

typedef struct locust_pg_statement {
    const char *sql;         // required; without parameters it may be several statements
    locust_pg_params params; // LOCUST_PG_PARAMS("1", NULL); none: the simple protocol
    const char *name;        // of the row; NULL: the text
    bool prepare;            // as a prepared statement, also without parameters
    double timeout_s; // 0: the connection's; negative: none. A query that takes longer fails,
                      // and the server is asked to cancel it
} locust_pg_statement;

typedef struct locust_pg_result { // lives until this coroutine's next call of locust_pg_
    const char *error;    // NULL: it went well; a stable sentence: "42P01: relation ... does not
                          // exist", or why there is no answer. It is counted already
    const char *sqlstate; // of the server's error: "42P01"; "": none
    const char *message;  // the server's words in full; "": none
    const char *detail, *hint; // "": none
    int n_rows, n_columns;     // of the last statement that has rows
    int64_t affected;          // rows that all statements selected, inserted, updated, deleted
    const char *command;       // what the server says of the last statement: "INSERT 0 1"
    char transaction;   // 'I': in none; 'T': in one; 'E': in one that has failed; 0: no connection
    int n_notices;      // warnings, notices
    const char *notice; // the last one's words; "": none
    double elapsed_ms;
} locust_pg_result;

/* Sends a query and waits for all of its answer. Call from a user. Never NULL.
 * COPY FROM STDIN fails; what COPY TO STDOUT sends is counted and dropped. */
LOCUST_API locust_pg_result *locust_pg_query(locust_user *u, const locust_pg_statement *statement);
#define locust_pg_query(u, ...)     \
    (LOCUST_AT_("locust_pg_query"), \
        locust_pg_query((u), &(locust_pg_statement){.sql = __VA_ARGS__}))

/* A value as the server wrote it, in its text form; NULL: SQL's null, or there is no such row or
 * column. Both count from 0. */
LOCUST_API const char *locust_pg_value(const locust_pg_result *r, int row, int column);
/* The name of a column; NULL: there is no such column. */
LOCUST_API const char *locust_pg_column(const locust_pg_result *r, int column);

/* Closes the connection; the next query opens another. */
LOCUST_API void locust_pg_disconnect(locust_user *u);
#define locust_pg_disconnect(...) \
    (LOCUST_AT_("locust_pg_disconnect"), locust_pg_disconnect(__VA_ARGS__))
/* Why the last call failed: a stable sentence; NULL if it did not. */
LOCUST_API const char *locust_pg_error(locust_user *u);
