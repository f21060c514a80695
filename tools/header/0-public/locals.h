/* ============================================================================================
 * >>locals  coroutine-local data
 *
 * Purpose     data that each user has for itself, reached from any function it calls.
 * ============================================================================================ */

typedef struct locust_slot { // made by LOCUST_LOCAL; fields are the library's
    const char *name;
    size_t size;
    void (*init)(void *slot); // at the first use in a user; NULL: zeroed memory is enough
    void (*fini)(void *slot); // after on_stop, if it was used; may not park
    struct locust_slot *next;
    size_t index, offset;
} locust_slot;

LOCUST_API void locust_slot_register(locust_slot *slot);
LOCUST_API void *locust_slot_get(const locust_slot *slot);
LOCUST_API void locust_slot_release(const locust_slot *slot);
LOCUST_API bool locust_slot_enter(const locust_slot *slot);
LOCUST_API bool locust_slot_leave(const locust_slot *slot);

/* LOCUST_LOCAL(struct session, session);  gives  struct session *session(void)
 *                                             and  void session_release(void)
 *
 * Each user has its own, zeroed before on_start and reclaimed after on_stop. Reading one outside a
 * user is refused with that rule. session_release() ends it before: the next use finds it
 * fresh. At file scope. For a name that reads like a variable:  #define me (*session()) */
#define LOCUST_LOCAL(type, slot_) LOCUST_LOCAL_WITH(type, slot_, .init = NULL)
#define LOCUST_LOCAL_WITH(type, slot_, ...)                                                \
    static locust_slot slot_##_slot = {.name = #slot_, .size = sizeof(type), __VA_ARGS__}; \
    __attribute__((constructor)) static void slot_##_register(void)                        \
    {                                                                                      \
        locust_slot_register(&slot_##_slot);                                               \
    }                                                                                      \
    __attribute__((unused)) static type *slot_(void)                                       \
    {                                                                                      \
        return (type *)locust_slot_get(&slot_##_slot);                                     \
    }                                                                                      \
    __attribute__((unused)) static void slot_##_release(void)                              \
    {                                                                                      \
        locust_slot_release(&slot_##_slot);                                                \
    }                                                                                      \
    static type *slot_(void)

/* Leaves the scope that *slot is in, once; *slot is NULL from then on. */
LOCUST_API void locust_scope_end(const locust_slot **slot);

/* LOCUST_SCOPE(session) { ... }  Inside the block session() is a fresh slot; after the block it is
 * the one from before, however the block is left. Without memory the block does not run. One
 * coroutine of a user at a time may be inside. */
#define LOCUST_SCOPE(slot_) LOCUST_SCOPE_(slot_, LOCUST_JOIN_(slot_##_entered_, __LINE__))
#define LOCUST_SCOPE_(slot_, entered_)                                            \
    for (const locust_slot *entered_ __attribute__((cleanup(locust_scope_end))) = \
             locust_slot_enter(&slot_##_slot) ? &slot_##_slot : NULL;             \
         entered_; locust_scope_end(&entered_))
#define LOCUST_JOIN_(a, b)  LOCUST_JOIN__(a, b)
#define LOCUST_JOIN__(a, b) a##b

enum { LOCUST_VAR_BYTES = 32 }; // the largest value of a context variable

typedef struct locust_token { // what a context variable held before it was set
    bool was_set;
    char was[LOCUST_VAR_BYTES];
} locust_token;

typedef struct locust_var { // made by LOCUST_VAR; fields are the library's
    const char *name;
    size_t size;
    const void *value; // the default
    struct locust_var *next;
    size_t index, offset;
} locust_var;

LOCUST_API void locust_var_register(locust_var *var);
LOCUST_API const void *locust_var_get(const locust_var *var);
LOCUST_API locust_token locust_var_set(const locust_var *var, const void *value);
LOCUST_API void locust_var_reset(const locust_var *var, locust_token token);

/* LOCUST_VAR(int, depth, 0);  gives  depth(), depth_set(value), depth_reset(token): a value with a
 * default that is set for a while and put back, and that no other user sees. At file scope; at most
 * LOCUST_VAR_BYTES bytes: for more, hold a pointer. Like a ContextVar of Python. */
#define LOCUST_VAR(type, var_, ...)                                      \
    static type const var_##_default = __VA_ARGS__;                      \
    static locust_var var_##_var = {                                     \
        .name = #var_, .size = sizeof(type), .value = &var_##_default};  \
    typedef char var_##_fits[sizeof(type) <= LOCUST_VAR_BYTES ? 1 : -1]; \
    __attribute__((constructor)) static void var_##_register(void)       \
    {                                                                    \
        locust_var_register(&var_##_var);                                \
    }                                                                    \
    __attribute__((unused)) static type var_(void)                       \
    {                                                                    \
        return *(type const *)locust_var_get(&var_##_var);               \
    }                                                                    \
    __attribute__((unused)) static locust_token var_##_set(type value)   \
    {                                                                    \
        return locust_var_set(&var_##_var, &value);                      \
    }                                                                    \
    __attribute__((unused)) static void var_##_reset(locust_token token) \
    {                                                                    \
        locust_var_reset(&var_##_var, token);                            \
    }                                                                    \
    static type var_(void)

typedef struct locust_context locust_context; // the values of all context variables

/* Copies the caller's context, in O(1). A value set later changes only the context it is set in.
 * Yours: end it with locust_context_free. NULL if memory ran out. Like contextvars.copy_context. */
LOCUST_API locust_context *locust_context_copy(void);
/* Calls fn(arg) in that context; values that fn sets stay in it. A context cannot be entered twice
 * at a time, by any user: that is refused with a sentence. Like Context.run. */
LOCUST_API void locust_context_run(locust_context *context, void (*fn)(void *arg), void *arg);
LOCUST_API void locust_context_free(locust_context *context);

typedef struct locust_stack { // of one user; fields are the library's
    char *items;
    size_t n, cap;
} locust_stack;

LOCUST_API bool locust_stack_push(locust_stack *stack, const void *value, size_t size);
LOCUST_API const void *locust_stack_pop(locust_stack *stack, size_t size);
LOCUST_API const void *locust_stack_top(const locust_stack *stack, size_t size);
LOCUST_API void locust_stack_free(void *stack);

/* LOCUST_STACK(int, path);  gives  path_push(value), path_pop(), path_top() for each user. pop and
 * top of an empty stack give a value of zeros. push returns false if memory ran out. */
#define LOCUST_STACK(type, stack_)                                                         \
    LOCUST_LOCAL_WITH(locust_stack, stack_##_stack, .fini = locust_stack_free);            \
    static type stack_##_none;                                                             \
    __attribute__((unused)) static bool stack_##_push(type value)                          \
    {                                                                                      \
        return locust_stack_push(stack_##_stack(), &value, sizeof value);                  \
    }                                                                                      \
    __attribute__((unused)) static type stack_##_pop(void)                                 \
    {                                                                                      \
        type const *item = (type const *)locust_stack_pop(stack_##_stack(), sizeof(type)); \
        return item ? *item : stack_##_none;                                               \
    }                                                                                      \
    __attribute__((unused)) static type stack_##_top(void)                                 \
    {                                                                                      \
        type const *item = (type const *)locust_stack_top(stack_##_stack(), sizeof(type)); \
        return item ? *item : stack_##_none;                                               \
    }                                                                                      \
    static type stack_##_top(void)
