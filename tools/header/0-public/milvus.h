/* ============================================================================================
 * >>milvus  Milvus
 *
 * Purpose     entities with vectors in Milvus 2, over gRPC: the verbs of Locust's MilvusUser.
 *
 * Rows        "milvus create", "insert", "upsert", "delete", "search" and "query"; .name in place
 *             of the verb. They are gRPC calls to the user's host (http://host:19530), with the
 *             header fields of its class: a token is
 *             .headers = LOCUST_HEADERS({"authorization", "cm9vdDpNaWx2dXM="}), which is
 *             "root:Milvus" in base64. An error of Milvus is a failure with its reason and code; a
 *             result with nothing in it is none, unless .not_empty asks for that. The first insert
 *             into a collection asks for its fields before, in no row.
 *
 * A result lives until this user's next call to Milvus or of gRPC; free nothing, it is never NULL.
 * ============================================================================================ */

typedef struct locust_milvus_result {
    const char *error;      // NULL, or one short sentence
    int code;               // of Milvus's error; 0: it gave none
    int n;                  // entities that were found, written or deleted
    const int64_t *ids;     // of them, or NULL: the server gave none, or texts
    const float *distances; // of a search, best first: its scores; NULL: none
    double recall;          // of .truth, 0 to 1; -1: none was given
    double elapsed_ms;
} locust_milvus_result;

typedef struct locust_milvus_collection {
    const char *collection; // required
    int dimension;          // of "vector", required without .fields
    const char *metric;     // "COSINE", "L2", "IP"; NULL: "COSINE"
    /* A JSON array of fields; NULL: "id", an Int64, and "vector". Each has "name" and "type" (Bool,
     * Int8 to Int64, Float, Double, VarChar, JSON, Array, FloatVector), and may have "primary",
     * "auto_id", "nullable", "partition_key", "element_type"; what else it has, such as "dim" or
     * "max_length", are its parameters. */
    const char *fields;
    bool no_dynamic;    // refuse members that are no fields
    const char *index;  // of each vector; NULL: "AUTOINDEX"
    const char *params; // of the index, a JSON object such as "{\"M\": 16}"; NULL: none
    const char *database;
    const char *name; // of the row; NULL: "create"
    double timeout_s; // of each step; 0: 60, negative: none
} locust_milvus_collection;

/* Creates a collection with its index, loads it, and waits until it is loaded; one that is there
 * already is fine, so every user may ask. */
LOCUST_API locust_milvus_result *locust_milvus_create(
    locust_user *u, const locust_milvus_collection *collection);
#define locust_milvus_create(u, ...)     \
    (LOCUST_AT_("locust_milvus_create"), \
        locust_milvus_create((u), &(locust_milvus_collection){.collection = __VA_ARGS__}))

typedef struct locust_milvus_rows {
    const char *collection; // required
    const char *rows;       // a JSON array of objects to write
    const char *filter;     // of a delete, required: "id in [1, 2]"
    const char *partition;
    const char *database;
    const char *name; // of the row; NULL: "insert", "upsert", "delete"
    double timeout_s; // 0: 60, negative: none
} locust_milvus_rows;

/* Writes entities: "[{\"id\": 1, \"vector\": [0.1, 0.2], \"colour\": \"red\"}]". */
LOCUST_API locust_milvus_result *locust_milvus_insert(
    locust_user *u, const locust_milvus_rows *rows);
#define locust_milvus_insert(u, collection_, ...) \
    (LOCUST_AT_("locust_milvus_insert"),          \
        locust_milvus_insert(                     \
            (u), &(locust_milvus_rows){.collection = (collection_), .rows = __VA_ARGS__}))
/* Writes entities, in place of those that have the same primary keys. */
LOCUST_API locust_milvus_result *locust_milvus_upsert(
    locust_user *u, const locust_milvus_rows *rows);
#define locust_milvus_upsert(u, collection_, ...) \
    (LOCUST_AT_("locust_milvus_upsert"),          \
        locust_milvus_upsert(                     \
            (u), &(locust_milvus_rows){.collection = (collection_), .rows = __VA_ARGS__}))
/* Deletes the entities that an expression is true of. */
LOCUST_API locust_milvus_result *locust_milvus_delete(
    locust_user *u, const locust_milvus_rows *rows);
#define locust_milvus_delete(u, collection_, ...) \
    (LOCUST_AT_("locust_milvus_delete"),          \
        locust_milvus_delete(                     \
            (u), &(locust_milvus_rows){.collection = (collection_), .filter = __VA_ARGS__}))

typedef struct locust_milvus_find {
    const char *collection;    // required
    const float *vector;       // of a search, required
    int dimension;             // numbers in it
    const char *field;         // the vectors to compare with; NULL: the collection's only ones
    const char *filter;        // an expression; of a query required
    int limit;                 // entities; 0: 10 of a search, as many as there are of a query
    int offset;                // of them, to leave out
    const char *params;        // of a search, a JSON object such as "{\"ef\": 64}"; NULL: none
    const char *output_fields; // with commas between; NULL: those that the server chooses
    const char *consistency;   // "Strong", "Bounded", "Eventually"; NULL: the collection's
    bool not_empty;            // a result with nothing in it is a failure
    const int64_t *truth;      // ids that a perfect search would find, best first
    int n_truth;               // of them; recall is the share found of the first .limit
    const char *partition;
    const char *database;
    const char *name; // of the row; NULL: "search", "query"
    double timeout_s; // 0: 60, negative: none
} locust_milvus_find;

/* The entities whose vectors are nearest to one. */
LOCUST_API locust_milvus_result *locust_milvus_search(
    locust_user *u, const locust_milvus_find *find);
#define locust_milvus_search(u, collection_, vector_, ...) \
    (LOCUST_AT_("locust_milvus_search"),                   \
        locust_milvus_search(                              \
            (u), &(locust_milvus_find){                    \
                     .collection = (collection_), .vector = (vector_), .dimension = __VA_ARGS__}))
/* The entities that an expression is true of. */
LOCUST_API locust_milvus_result *locust_milvus_query(
    locust_user *u, const locust_milvus_find *find);
#define locust_milvus_query(u, collection_, ...) \
    (LOCUST_AT_("locust_milvus_query"),          \
        locust_milvus_query(                     \
            (u), &(locust_milvus_find){.collection = (collection_), .filter = __VA_ARGS__}))

/* What was found, as a JSON array of objects with the output fields, and "distance" of a
 * search. */
LOCUST_API const char *locust_milvus_json(locust_milvus_result *r);
