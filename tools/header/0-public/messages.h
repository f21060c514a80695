/* ============================================================================================
 * >>messages  messages between a master and its workers
 *
 * Purpose     what a test sends to its own functions on the other machines that share it, as
 *             register_message and send_message of Locust do, also with a master or workers in
 *             Python. A process on its own gets its messages itself.
 * ============================================================================================ */

typedef struct locust_message { // lives until the function returns
    const char *type;
    const char *data; // JSON text, however it travelled; "null": none
    const char *from; // the id of a worker; "master", or "local" on one's own
} locust_message;

/* May not park: it is called as a listener is. */
typedef void (*locust_message_fn)(locust_env *env, const locust_message *message);

typedef struct locust_message_handler {
    const char *type;
    locust_message_fn fn;
} locust_message_handler;

enum { LOCUST_MESSAGES_MAX = 32 };

/* Has fn called with the messages of a type, in place of a function that was there before. Returns
 * false if there are LOCUST_MESSAGES_MAX types already. Like Runner.register_message. */
LOCUST_API bool locust_register_message(locust_env *env, const char *type, locust_message_fn fn);
/* Sends a message: of a master to its workers, of a worker to its master, of a process on its own
 * to itself. json: the data; NULL: none. to: NULL, or the id of the worker that is to get it.
 * Returns false after a line in the log: the text is no JSON, there is no such worker, or too many
 * messages wait for a master that is not there. Like Runner.send_message. */
LOCUST_API bool locust_send_message(
    locust_env *env, const char *type, const char *json, const char *to);
/* What this process is: "local" on its own, "master" or "worker". */
LOCUST_API const char *locust_role(const locust_env *env);
/* The number that the master gave this worker, from 0; -1: none. Like Runner.worker_index. */
LOCUST_API int locust_worker_index(const locust_env *env);
