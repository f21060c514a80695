/* ============================================================================================
 * >>values  random numbers, identifiers and texts
 *
 * Purpose     what a test sends that is another each time, without snprintf and its buffers.
 * ============================================================================================ */

/* A random number from 0 up to, not including, 1. --seed repeats what a user draws. Not for
 * secrets. Call from a user, as all of these. Like random.random of Python. */
LOCUST_API double locust_random(locust_user *u);
/* A random whole number from min to max, both included; min if max is smaller. Like
 * random.randint. */
LOCUST_API int64_t locust_random_int(locust_user *u, int64_t min, int64_t max);
/* LOCUST_CHOICE(u, names)  is one of the elements of the array `names`, each as likely. A pointer,
 * which does not know its length, does not compile. Like random.choice. */
#define LOCUST_CHOICE(u, array)                                                                   \
    ((array)[locust_random_int((u), 0,                                                            \
        (int64_t)(sizeof(array) / sizeof *(array)) - 1 +                                          \
            0 * (int64_t)sizeof(                                                                  \
                    char[__builtin_types_compatible_p(__typeof__(array), __typeof__(&(array)[0])) \
                             ? -1                                                                 \
                             : 1]))])

/* Text by the rules of printf. It lives until the task, on_start, on_stop or coroutine that asked
 * for it ends: free nothing. Never NULL; without memory, or with a format that cannot be carried
 * out, the task fails. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
LOCUST_API const char *
locust_text(locust_user *u, const char *format, ...);
/* A random UUID, such as "f81d4fae-7dec-41d0-a765-00a0c91e6bf6" (RFC 9562, version 4). Lives as
 * long as a locust_text. Like str(uuid.uuid4()). */
LOCUST_API const char *locust_uuid(locust_user *u);
/* Gives back all texts that this task has asked for so far, where a task is one long loop. */
LOCUST_API void locust_clear_texts(locust_user *u);
