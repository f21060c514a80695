/* ============================================================================================
 * >>feeds  data from files
 *
 * Purpose     gives users accounts, search words and the like, one row of a file at a time.
 * ============================================================================================ */

enum {
    LOCUST_FEED_SEQUENTIAL, // from the first row to the last, then again
    LOCUST_FEED_RANDOM,     // any row, each time
    LOCUST_FEED_SHUFFLE,    // all rows in a random order, then in another
    LOCUST_FEED_UNIQUE,     // each row once; then there are no more
};

typedef struct locust_feeder { // of the whole test; make it with LOCUST_FEEDER
    const char *path;          // may be changed before the first use, say by an option of the test
    int order;                 // LOCUST_FEED_SEQUENTIAL ...
    bool lines;                // whole lines; false: CSV as of RFC 4180
    bool no_header;            // of CSV: the first row is data
    char separator;            // of CSV; 0: ','
    // The library's:
    struct locust_feeder *next;
    const char *text; // the file, mapped; NULL: not open
    size_t size, n, at;
    size_t *starts;  // of its rows, and its end
    size_t *shuffle; // the order; NULL: that of the file
} locust_feeder;

/* LOCUST_FEEDER(accounts, "accounts.csv", .order = LOCUST_FEED_UNIQUE);   at file scope. The file
 * is mapped at the first use; a row costs 8 bytes, 16 when shuffled. With N workers each takes
 * every N-th row: no two have the same. */
#define LOCUST_FEEDER(feeder_, ...) static locust_feeder feeder_ = {.path = __VA_ARGS__}

typedef struct locust_feed_row { // lives until the end of the test
    const char *text;            // not terminated
    size_t len;
    size_t number; // from 0, in the file
    const locust_feeder *feeder;
} locust_feed_row;

/* Takes the next row for this user. Returns false if there are no more (LOCUST_FEED_UNIQUE alone).
 * A file that cannot be read, or is empty, or has a quote that is never closed or text behind a
 * closing one, ends the test with a sentence that names the line; lines with another number of
 * fields than the header are told of. */
LOCUST_API bool locust_feed(locust_user *u, locust_feeder *feeder, locust_feed_row *row);
/* Copies the value of the column of that name in the header. Returns false if there is no such
 * column, or the value has a '\0', or it and another do not fit into out[size]. */
LOCUST_API bool locust_field(
    const locust_feed_row *row, const char *column, char *out, size_t size);
/* The same by the number of the column, from 0. */
LOCUST_API bool locust_field_at(const locust_feed_row *row, int column, char *out, size_t size);
