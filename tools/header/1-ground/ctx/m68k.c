/* ============================================================================================
 * >>ctx_m68k  the context switch on m68k
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
#ifdef __HAVE_68881__
    uint32_t fpcr, fp2_to_fp7[6][3];
#endif
    locust__ctx_word d2_to_d7[6], fn /* a2 */, arg /* a3 */, a4, a5, a6, ret;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) - offsetof(locust__ctx_frame, d2_to_d7) == 48,
    "the assembly below pushes that much, the return address included");
_Static_assert(offsetof(locust__ctx_frame, fn) - offsetof(locust__ctx_frame, d2_to_d7) == 24, "a2");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: 4(%sp), next: 8(%sp))
    "    move.l  4(%sp), %a0         \n"
    "    move.l  8(%sp), %a1         \n"
    LOCUST__ASM_SP("44", "movem.l %d2-%d7/%a2-%a6, -(%sp)") // callee-saved: psABI chapter 3
    "    .cfi_rel_offset 14, 40      \n"    // a6, the frame pointer
#ifdef __HAVE_68881__
    LOCUST__ASM_SP("72", "fmovem.x %fp2-%fp7, -(%sp)")
    LOCUST__ASM_SP("4", "subq.l  #4, %sp")
    "    fmove.l %fpcr, (%sp)        \n"    // not by -(%sp), of which an emulator makes 0
#endif
    "    move.l  %sp, (%a0)          \n"
    "    move.l  %a1, %sp            \n"    // on the other stack from here; it is laid out alike
#ifdef __HAVE_68881__
    LOCUST__ASM_SP("-4", "fmove.l (%sp)+, %fpcr")
    LOCUST__ASM_SP("-72", "fmovem.x (%sp)+, %fp2-%fp7")
#endif
    LOCUST__ASM_SP("-44", "movem.l (%sp)+, %d2-%d7/%a2-%a6")
    "    .cfi_restore 14             \n"
    "    rts                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 24           \n"    // pc: nobody called
    LOCUST__ASM_SP("4", "move.l  %a3, -(%sp)") // arg
    "    jsr     (%a2)               \n"    // fn
    "    illegal                     \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#ifdef __HAVE_68881__
    __asm__ volatile("fmove.l %%fpcr, %0" : "=m"(frame->fpcr));
#else
    (void)frame;
#endif
}
