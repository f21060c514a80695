/* ============================================================================================
 * >>routes  pages of a test's own in the web interface
 *
 * Purpose     what a test shows or takes beside Locust's own pages, as functions with @app.route do
 *             in Locust.
 * ============================================================================================ */

typedef struct locust_web_request { // lives until the function returns
    const char *method;             // "GET", "POST", ...; a HEAD comes as "GET"
    const char *path;               // below --web-base-path, percent-decoded
    const char *query;              // as it came, without the '?'; "": none
    const char *body;               // "": none; a '\0' follows
    size_t body_len;
    const char *fields; // of the request: for locust_web_field
} locust_web_request;

typedef struct locust_web_answer locust_web_answer; // what is sent: 200 and text/plain at first

/* May not park: it is called as a listener is, and the load waits meanwhile. What only POST may do
 * has to look at request->method; a POST of a page elsewhere does not come this far. */
typedef void (*locust_web_fn)(
    locust_env *env, const locust_web_request *request, locust_web_answer *answer);

typedef struct locust_web_route {
    const char *path; // "/ops/percentiles"; goes before a path of Locust's
    locust_web_fn fn;
} locust_web_route;

enum { LOCUST_ROUTES_MAX = 32 };

/* The media type, such as "application/json". */
LOCUST_API void locust_web_type(locust_web_answer *answer, const char *type);
LOCUST_API void locust_web_status(locust_web_answer *answer, int status);
/* Adds text by the rules of printf. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
LOCUST_API void
locust_web_print(locust_web_answer *answer, const char *format, ...);
/* Adds bytes. */
LOCUST_API void locust_web_write(locust_web_answer *answer, const void *bytes, size_t n);
/* Copies the decoded value of a parameter of the query, or of a form in the body, with a '\0'.
 * False: there is none, or it does not fit. */
LOCUST_API bool locust_web_param(
    const locust_web_request *request, const char *name, char *out, size_t size);
/* A field of the request's head; NULL: there is none. */
LOCUST_API const char *locust_web_field(const locust_web_request *request, const char *name);
