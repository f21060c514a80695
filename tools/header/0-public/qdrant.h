/* ============================================================================================
 * >>qdrant  Qdrant
 *
 * Purpose     points with vectors in Qdrant, over its REST interface: the verbs of Locust's
 *             QdrantUser, and recommendations.
 *
 * Rows        "qdrant create", "upsert", "search", "recommend", "scroll" and "delete"; .name in
 *             place of the verb. They are requests of the user's HTTP client to its host
 *             (http://host:6333): its connections, TLS, proxies and header fields, so an api key is
 *             .headers = LOCUST_HEADERS({"api-key", "..."}) of the class. An error of the server is
 *             a failure with its sentence and status; a result with nothing in it is none, unless
 *             .not_empty asks for that.
 *
 * A result lives until this user's next request or call of any kind; free nothing, it is never
 * NULL. What is not in it is in its response, for locust_json_string and so on.
 * ============================================================================================ */

typedef struct locust_qdrant_result {
    const char *error; // NULL, or one short, stable sentence
    int status;        // of HTTP; 0: there was no answer
    int n;             // points that were found
    double recall;     // of .truth, 0 to 1; -1: none was given
    double elapsed_ms;
    locust_response *response; // its body is Qdrant's JSON
} locust_qdrant_result;

typedef struct locust_qdrant_collection {
    const char *collection; // required
    int dimension;          // of its vectors, required
    const char *distance;   // "Cosine", "Euclid", "Dot", "Manhattan"; NULL: "Cosine"
    const char *more;       // a JSON object with further fields, such as "hnsw_config"; NULL: none
    const char *name;       // of the row; NULL: "create"
    double timeout_s;       // 0: 60, negative: none
} locust_qdrant_collection;

/* Creates a collection; one that is there already is fine, so every user may ask. */
LOCUST_API locust_qdrant_result *locust_qdrant_create(
    locust_user *u, const locust_qdrant_collection *collection);
#define locust_qdrant_create(u, ...)     \
    (LOCUST_AT_("locust_qdrant_create"), \
        locust_qdrant_create((u), &(locust_qdrant_collection){.collection = __VA_ARGS__}))

typedef struct locust_qdrant_points {
    const char *collection; // required
    const char *points;     // a JSON array: of points to write; of their ids to delete
    const char *filter;     // of a delete, in place of ids: a JSON object
    bool no_wait;           // do not wait until the change is carried out
    const char *name;       // of the row; NULL: "upsert", "delete"
    double timeout_s;
} locust_qdrant_points;

/* Writes points: "[{\"id\": 1, \"vector\": [0.1, 0.2], \"payload\": {\"colour\": \"red\"}}]". */
LOCUST_API locust_qdrant_result *locust_qdrant_upsert(
    locust_user *u, const locust_qdrant_points *points);
#define locust_qdrant_upsert(u, collection_, ...) \
    (LOCUST_AT_("locust_qdrant_upsert"),          \
        locust_qdrant_upsert(                     \
            (u), &(locust_qdrant_points){.collection = (collection_), .points = __VA_ARGS__}))
/* Deletes points, by a JSON array of ids or, if that is NULL, by .filter. */
LOCUST_API locust_qdrant_result *locust_qdrant_delete(
    locust_user *u, const locust_qdrant_points *points);
#define locust_qdrant_delete(u, collection_, ...) \
    (LOCUST_AT_("locust_qdrant_delete"),          \
        locust_qdrant_delete(                     \
            (u), &(locust_qdrant_points){.collection = (collection_), .points = __VA_ARGS__}))

typedef struct locust_qdrant_query {
    const char *collection; // required
    const float *vector;    // of a search, required
    int dimension;          // numbers in it
    const char *positive;   // of a recommendation, required: a JSON array of ids or vectors
    const char *negative;   // NULL: none
    int limit;              // points; 0: 10
    const char *filter;     // a JSON object; NULL: none
    const char *params;     // a JSON object, such as "{\"hnsw_ef\": 128}"; NULL: none
    const char *offset;     // of a scroll: the id to begin with, as JSON; NULL: the first
    bool no_payload;        // leave out the points' payloads
    bool with_vector;       // and give their vectors
    bool not_empty;         // a result with nothing in it is a failure
    const int64_t *truth;   // ids that a perfect search would find, best first
    int n_truth;            // of them; recall is the share found of the first .limit
    const char *more;       // a JSON object with further fields, such as "score_threshold"
    const char *name;       // of the row; NULL: "search", "recommend", "scroll"
    double timeout_s;
} locust_qdrant_query;

/* The points that are nearest to a vector. */
LOCUST_API locust_qdrant_result *locust_qdrant_search(
    locust_user *u, const locust_qdrant_query *query);
#define locust_qdrant_search(u, collection_, vector_, ...) \
    (LOCUST_AT_("locust_qdrant_search"),                   \
        locust_qdrant_search(                              \
            (u), &(locust_qdrant_query){                   \
                     .collection = (collection_), .vector = (vector_), .dimension = __VA_ARGS__}))
/* The points that are near to some and far from others. */
LOCUST_API locust_qdrant_result *locust_qdrant_recommend(
    locust_user *u, const locust_qdrant_query *query);
#define locust_qdrant_recommend(u, collection_, ...) \
    (LOCUST_AT_("locust_qdrant_recommend"),          \
        locust_qdrant_recommend(                     \
            (u), &(locust_qdrant_query){.collection = (collection_), .positive = __VA_ARGS__}))
/* Points in the order of their ids: locust_qdrant_scroll(u, "docs", .limit = 100) */
LOCUST_API locust_qdrant_result *locust_qdrant_scroll(
    locust_user *u, const locust_qdrant_query *query);
#define locust_qdrant_scroll(u, ...)     \
    (LOCUST_AT_("locust_qdrant_scroll"), \
        locust_qdrant_scroll((u), &(locust_qdrant_query){.collection = __VA_ARGS__}))

/* The id of the i-th point of a result, from 0; -1: there is none, or it is no number. */
LOCUST_API int64_t locust_qdrant_id(const locust_qdrant_result *r, int i);
