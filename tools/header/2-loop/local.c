/* ============================================================================================
 * >>local  coroutine-local data
 *
 * Purpose     LOCUST_LOCAL: variables of which each user has its own, reachable from any function
 *             that the user calls; LOCUST_SCOPE: a variable's value for the length of a block.
 * Invariants  a slot, the place of such a variable, has the same offset in every user's area. All
 *             slots are known before main(): constructors register them. The area is zero before
 *             on_start. The coroutines of a user share its area. locust__slots, the list of slots,
 *             is a global, as the constructors run before there is an environment.
 * Cost        reading: three loads and an addition. Memory of each user: the slot, and a byte.
 * Names       locust__scope_ locust__slot_ locust__slots_
 * Uses        >>co >>misuse
 * Limits      a slot that a shared object brings in after the first user was made is refused.
 *
 *   a user's area, in its block:  | flags, a byte for each slot | slot | slot | ...   16-aligned
 * ============================================================================================ */

/* All slots of the program. */
static struct {
    locust_slot *first;
    size_t count, bytes;
    bool laid_out; // index and offset of each slot are decided
} locust__slots;

enum {
    LOCUST__SLOT_USED = 1,   // initialised, so its fini is due
    LOCUST__SLOT_SCOPED = 2, // a LOCUST_SCOPE is in force
};

LOCUST_API void locust_slot_register(locust_slot *slot)
{
    if (locust__slots.laid_out)
        locust__die(
            LOCUST__EXIT_USAGE, "LOCUST_LOCAL %s came too late: users exist already", slot->name);
    slot->next = locust__slots.first;
    locust__slots.first = slot;
    locust__slots.count++;
}

/* Bytes of one user's area. The first call decides the layout. */
static size_t locust__slots_bytes(void)
{
    if (!locust__slots.laid_out) {
        size_t at = (locust__slots.count + 15) & ~(size_t)15, i = 0;
        for (locust_slot *slot = locust__slots.first; slot; slot = slot->next) {
            slot->index = i++;
            slot->offset = at;
            at += (slot->size + 15) & ~(size_t)15;
        }
        locust__slots.bytes = at;
        locust__slots.laid_out = true;
    }
    return locust__slots.bytes;
}

/* Calls the fini of a slot if it was initialised. */
static void locust__slot_fini(const locust_slot *slot, char *area)
{
    locust__callback c;
    if (!slot->fini || !(area[slot->index] & LOCUST__SLOT_USED))
        return;
    locust__callback_begin(&c, locust__loop_now, "the .fini of a LOCUST_LOCAL");
    if (setjmp(c.back) == 0)
        slot->fini(area + slot->offset);
    locust__callback_end(&c);
}

/* Ends a user's data. */
static void locust__slots_deinit(char *area)
{
    for (locust_slot *slot = locust__slots.first; slot; slot = slot->next)
        locust__slot_fini(slot, area);
}

/* The running coroutine, which must be a user's. Anything else is refused with a sentence: `what`
 * was used, a variable of this `kind`. */
static locust__co *locust__slots_user(const char *what, const char *kind)
{
    locust__co *co = locust__loop_now ? locust__loop_now->current : NULL;
    if (!co || !co->local)
        locust__misuse(
            "%s() was used outside a user: a %s exists from before on_start until after on_stop",
            what, kind);
    return co;
}

LOCUST_API void *locust_slot_get(const locust_slot *slot)
{
    char *area = locust__slots_user(slot->name, "LOCUST_LOCAL")->local;
    if (slot->init || slot->fini) {
        char *flags = area + slot->index;
        if (!(*flags & LOCUST__SLOT_USED)) {
            *flags |= LOCUST__SLOT_USED;
            if (slot->init)
                slot->init(area + slot->offset);
        }
    }
    return area + slot->offset;
}

/* Ends the current value of a slot; it is zero, and not initialised, from here on. */
static void locust__slot_end(const locust_slot *slot, char *area)
{
    locust__slot_fini(slot, area);
    area[slot->index] &= LOCUST__SLOT_SCOPED;
    memset(area + slot->offset, 0, slot->size);
}

LOCUST_API void locust_slot_release(const locust_slot *slot)
{
    locust__slot_end(slot, locust__slots_user(slot->name, "LOCUST_LOCAL")->local);
}

/* What a slot held before a LOCUST_SCOPE. The scopes that a coroutine is in are chained: `scopes`
 * of the stack that it runs on. */
typedef struct locust__scope {
    struct locust__scope *outer;
    const locust_slot *slot;
    char used; // its flags
    char bytes[];
} locust__scope;

LOCUST_API bool locust_slot_enter(const locust_slot *slot)
{
    locust__co *co = locust__slots_user(slot->name, "LOCUST_LOCAL");
    char *area = co->local;
    locust__scope *scope = co->stack->scopes;
    while (scope && scope->slot != slot)
        scope = scope->outer;
    if (!scope && area[slot->index] & LOCUST__SLOT_SCOPED)
        locust__misuse("LOCUST_SCOPE(%s) was entered by two coroutines of one user at a time: "
                       "one has to leave it first",
            slot->name);
    scope = LOCUST_MALLOC(sizeof *scope + slot->size);
    if (!scope)
        return false;
    scope->outer = co->stack->scopes;
    scope->slot = slot;
    scope->used = area[slot->index];
    memcpy(scope->bytes, area + slot->offset, slot->size);
    co->stack->scopes = scope;
    area[slot->index] = LOCUST__SLOT_SCOPED;
    memset(area + slot->offset, 0, slot->size);
    return true;
}

/* Leaves the innermost scope of a coroutine: ends the slot's value, and puts back the one
 * before. */
static void locust__scope_leave(locust__co *co)
{
    locust__scope *scope = co->stack->scopes;
    char *area = co->local;
    const locust_slot *slot = scope->slot;
    locust__slot_end(slot, area);
    area[slot->index] = scope->used;
    memcpy(area + slot->offset, scope->bytes, slot->size);
    co->stack->scopes = scope->outer;
    LOCUST_FREE(scope);
}

static void locust__slot_leave(const locust_slot *slot)
{
    locust__co *co = locust__slots_user(slot->name, "LOCUST_LOCAL");
    if (!co->stack->scopes || ((locust__scope *)co->stack->scopes)->slot != slot)
        locust__misuse("LOCUST_SCOPE(%s) is left while another one inside it is not", slot->name);
    locust__scope_leave(co);
}

LOCUST_API bool locust_slot_leave(const locust_slot *slot)
{
    locust__slot_leave(slot);
    return false;
}

LOCUST_API void locust_scope_end(const locust_slot **slot)
{
    const locust_slot *left = *slot;
    *slot = NULL;
    if (left)
        locust__slot_leave(left);
}
