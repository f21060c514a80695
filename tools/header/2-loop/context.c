/* ============================================================================================
 * >>context  context variables, and stacks of values
 *
 * Purpose     LOCUST_VAR: variables of which each coroutine has its own values, as Python's
 *             contextvars; LOCUST_STACK: stacks of values; and the unwinding of both after a
 *             jump.
 * Invariants  the values of all variables lie in one block (locust__values). A coroutine that is
 *             started shares the block of the one that starts it; the first to set a variable
 *             copies the block. Without a block all variables have their defaults. locust__vars,
 *             the list of variables, is a global: constructors fill it in before main().
 * Cost        reading: three loads and two branches. Starting a coroutine: a count.
 * Names       locust__callback_left locust__context_ locust__values_ locust__vars_
 * Uses        >>co >>misuse >>local
 * ============================================================================================ */

typedef struct locust__values {
    size_t shared;                      // coroutines and contexts that have it, less one
    _Alignas(max_align_t) char bytes[]; // a flag for each variable: is it set? then the values
} locust__values;

/* All variables of the program. */
static struct {
    locust_var *first;
    size_t count, bytes;
} locust__vars;

LOCUST_API void locust_var_register(locust_var *var)
{
    var->index = locust__vars.count++;
    var->next = locust__vars.first;
    locust__vars.first = var;
}

/* Bytes of a block. The first call, when all variables are known, decides where each value lies. */
static size_t locust__vars_bytes(void)
{
    if (!locust__vars.bytes) {
        size_t at = (locust__vars.count + 15) & ~(size_t)15;
        for (locust_var *var = locust__vars.first; var; var = var->next) {
            var->offset = at;
            at += (var->size + 15) & ~(size_t)15;
        }
        locust__vars.bytes = at;
    }
    return locust__vars.bytes;
}

static void locust__values_release(void *block)
{
    locust__values *values = block;
    if (values && !values->shared--)
        LOCUST_FREE(values);
}

/* A block that the coroutine shares with nobody, so that it can be written. NULL: no memory. */
static locust__values *locust__values_own(locust__co *co)
{
    size_t bytes = locust__vars_bytes();
    locust__values *was = co->context, *own;
    if (was && !was->shared)
        return was;
    own = locust__memory_zalloc(sizeof *own + bytes);
    if (!own)
        return NULL;
    if (was)
        memcpy(own->bytes, was->bytes, bytes);
    locust__values_release(was);
    co->context = own;
    return own;
}

LOCUST_API const void *locust_var_get(const locust_var *var)
{
    const locust__values *c = locust__slots_user(var->name, "LOCUST_VAR")->context;
    return c && c->bytes[var->index] ? c->bytes + var->offset : var->value;
}

LOCUST_API locust_token locust_var_set(const locust_var *var, const void *value)
{
    locust__values *c = locust__values_own(locust__slots_user(var->name, "LOCUST_VAR"));
    locust_token token = {.was_set = false};
    if (!c)
        return token; // without memory the old value stays
    token.was_set = c->bytes[var->index];
    memcpy(token.was, c->bytes + var->offset, var->size);
    c->bytes[var->index] = 1;
    memcpy(c->bytes + var->offset, value, var->size);
    return token;
}

LOCUST_API void locust_var_reset(const locust_var *var, locust_token token)
{
    locust__values *c = locust__values_own(locust__slots_user(var->name, "LOCUST_VAR"));
    if (!c)
        return;
    c->bytes[var->index] = token.was_set;
    memcpy(c->bytes + var->offset, token.was, var->size);
}

/* One more user of a block: a coroutine that is started, or a copy of a context. */
static void *locust__values_share(void *block)
{
    locust__values *values = block;
    if (values)
        values->shared++;
    return values;
}

/* A context holds a block for a coroutine to run in for a while. While it is entered, the coroutine
 * has the block, and may replace it by setting a variable; leaving takes it back. */
struct locust_context {
    void *block;           // not valid while it is entered
    bool entered;          // by a coroutine; by one at a time
    locust_context *outer; // what that coroutine ran in before,
    void *outer_block;     // and with which block
};

LOCUST_API locust_context *locust_context_copy(void)
{
    locust__co *co = locust__slots_user("locust_context_copy", "context");
    locust_context *c = locust__memory_zalloc(sizeof *c);
    if (c)
        c->block = locust__values_share(co->context);
    return c;
}

/* Goes back to what the coroutine ran in before it entered its context. */
static void locust__context_leave(locust__co *co)
{
    locust_context *c = co->stack->entered;
    c->block = co->context;
    co->context = c->outer_block;
    co->stack->entered = c->outer;
    c->entered = false;
}

LOCUST_API void locust_context_run(locust_context *c, void (*fn)(void *arg), void *arg)
{
    locust__co *co = locust__slots_user("locust_context_run", "context");
    if (c->entered)
        locust__misuse("locust_context_run() was given a context that is "
                       "entered already: run in a copy of it");
    c->entered = true;
    c->outer = co->stack->entered;
    c->outer_block = co->context;
    co->context = c->block;
    co->stack->entered = c;
    fn(arg);
    locust__context_leave(co);
}

LOCUST_API void locust_context_free(locust_context *c)
{
    if (!c)
        return;
    if (c->entered)
        locust__misuse("locust_context_free() was given a context that is entered: leave it first");
    locust__values_release(c->block);
    LOCUST_FREE(c);
}

/* Leaves the scopes and contexts that functions of the test had entered when they were left by a
 * jump, up to those that were entered before. */
LOCUST__COLD static void locust__context_unwind(
    locust__co *co, const void *scopes, const void *entered)
{
    while (co->stack->scopes != scopes)
        locust__scope_leave(co);
    while (co->stack->entered != entered)
        locust__context_leave(co);
}

/* A function of the test was left because it broke a rule: what it had entered is left, too. */
static void locust__callback_left(const locust__callback *c)
{
    if (c->loop && c->loop->current)
        locust__context_unwind(c->loop->current, c->scopes, c->entered);
}

LOCUST_API bool locust_stack_push(locust_stack *stack, const void *value, size_t size)
{
    char *items = locust__memory_grow(stack->items, size, stack->n, &stack->cap);
    if (!items)
        return false;
    stack->items = items;
    memcpy(items + stack->n++ * size, value, size);
    return true;
}

LOCUST_API const void *locust_stack_pop(locust_stack *stack, size_t size)
{
    return stack->n ? stack->items + --stack->n * size : NULL;
}

LOCUST_API const void *locust_stack_top(const locust_stack *stack, size_t size)
{
    return stack->n ? stack->items + (stack->n - 1) * size : NULL;
}

LOCUST_API void locust_stack_free(void *stack)
{
    LOCUST_FREE(((locust_stack *)stack)->items);
}
