/* ============================================================================================
 * >>sessions  the session of a user
 *
 * Purpose     header fields, cookies, certificates and connections that last from request to
 *             request.
 * ============================================================================================ */

/* A field that this user sends with every request from now on, in place of the class's of that
 * name; NULL: no longer. Copied. Returns false if the name or value cannot be sent, or memory ran
 * out. */
LOCUST_API bool locust_set_header(locust_user *u, const char *name, const char *value);

/* The value of the cookie of that name that this user would send to `url` (a path below its host,
 * or absolute); NULL: none. Lives until this user's next request or change of cookies. */
LOCUST_API const char *locust_cookie(locust_user *u, const char *url, const char *name);
/* Takes a cookie as if `url` had sent "Set-Cookie: text". False: RFC 6265 or a limit refuses it. */
LOCUST_API bool locust_set_cookie(locust_user *u, const char *url, const char *text);
LOCUST_API void locust_clear_cookies(locust_user *u);

/* This user's own client certificate in place of the class's; files as there. Closes its kept
 * connections; the user no longer shares its class's .pool. Borrowed until the test ends. */
LOCUST_API void locust_set_cert(locust_user *u, const char *cert_file, const char *key_file);

/* Closes this user's kept connections: the next request makes a new one. */
LOCUST_API void locust_close_connections(locust_user *u);
