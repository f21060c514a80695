/* ============================================================================================
 * >>ctx_make  a new stack for the switches in assembly
 *
 * Purpose     makes a new stack look like a parked one, so that the first switch to it begins
 *             there.
 * Names       locust__ctx_
 * ============================================================================================ */

/* Parks this stack: saves the registers of a frame on it and its pointer in *save. Returns on the
 * stack whose saved pointer is `next`, to where that one called. */
void locust__ctx_switch(void **save, void *next) __asm__(LOCUST__ASM_NAME("locust__ctx_switch"));
/* Where a new stack begins: calls fn(arg), which never returns. It is code, but declared as data,
 * so that its address is that of its first instruction, even where a function's is that of a
 * descriptor. */
extern const char locust__ctx_entry[] __asm__(LOCUST__ASM_CODE("locust__ctx_entry"));

/* Prepares a new stack that ends at `top`: the first switch to it calls fn(arg). Returns its saved
 * pointer. fn never returns: it leaves by a last switch. */
static void *locust__ctx_make(char *top, void (*fn)(void *arg), void *arg)
{
    locust__ctx_frame *frame;
    LOCUST_ASSERT(((uintptr_t)top & 15) == 0);
    memset(top - 16, 0, 16);
    frame = (locust__ctx_frame *)(void *)(top - 16 - sizeof *frame);
    memset(frame, 0, sizeof *frame);
    locust__ctx_frame_init(frame);
    frame->fn = (locust__ctx_word)(intptr_t)fn;
    frame->arg = (locust__ctx_word)(intptr_t)arg;
    frame->ret = (locust__ctx_word)(intptr_t)locust__ctx_entry;
    return frame;
}
