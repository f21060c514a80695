/* ============================================================================================
 * >>user_text  texts that live as long as a task
 *
 * Purpose     the memory behind locust_text.
 * Invariants  a text does not move. All of a function of the test are freed when it is left.
 * Cost        a block of 256 bytes for all small texts of a task.
 * Names       locust__user_text_
 * Uses        >>user
 * ============================================================================================ */

enum { LOCUST__USER_TEXT_BLOCK = 256 - sizeof(locust__user_text) };

/* Room for n bytes; NULL: no memory. */
static char *locust__user_text_take(locust__user *user, size_t n)
{
    locust__user_text *t = user->texts;
    if (!t || t->cap - t->used < n) {
        size_t cap = n > LOCUST__USER_TEXT_BLOCK ? n : LOCUST__USER_TEXT_BLOCK;
        t = LOCUST_MALLOC(sizeof *t + cap);
        if (!t)
            return NULL;
        t->used = 0;
        t->cap = cap;
        t->next = user->texts;
        user->texts = t;
    }
    t->used += n;
    return t->bytes + t->used - n;
}

static void locust__user_text_free(locust__user *user)
{
    while (user->texts) {
        locust__user_text *t = user->texts;
        user->texts = t->next;
        LOCUST_FREE(t);
    }
}
