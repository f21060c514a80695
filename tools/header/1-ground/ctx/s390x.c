/* ============================================================================================
 * >>ctx_s390x  the context switch on s390x
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    locust__ctx_word fn /* r6 */, arg /* r7 */, r8_to_r13[6], ret /* r14 */;
    uint32_t fpc, unused;
    double f8_to_f15[8];
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 144, "the assembly below reserves that much");
_Static_assert(offsetof(locust__ctx_frame, fpc) == 72, "FPC is stored there");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: r2, next: r3)
    LOCUST__ASM_SP("144", "aghi    %r15, -144")
    "    .cfi_escape 0x14, 15, 20    \n"    // DW_CFA_val_offset: r15 was the CFA less 20 * 8
    "    stmg    %r6, %r14, 0(%r15)  \n"    // saved: ABI 1.2.1
    "    .cfi_rel_offset 14, 64      \n"
    "    .cfi_rel_offset 11, 40      \n"    // the frame pointer
    "    stfpc   72(%r15)            \n"
    LOCUST__ASM_EACH("8, 9, 10, 11, 12, 13, 14, 15", "std     %f\\i, 80+8*(\\i-8)(%r15)")
    "    l       %r0, 72(%r15)       \n"
    "    stg     %r15, 0(%r2)        \n"
    "    lgr     %r15, %r3           \n"    // on the other stack from here; it is laid out alike
    "    cl      %r0, 72(%r15)       \n"    // a write to FPC is slow: only if it differs
    "    je      1f                  \n"
    "    lfpc    72(%r15)            \n"
    "1:                              \n"
    LOCUST__ASM_EACH("8, 9, 10, 11, 12, 13, 14, 15", "ld      %f\\i, 80+8*(\\i-8)(%r15)")
    "    lmg     %r6, %r14, 0(%r15)  \n"
    "    .cfi_restore 14             \n"
    "    .cfi_restore 11             \n"
    LOCUST__ASM_SP("-144", "aghi    %r15, 144")
    "    .cfi_restore 15             \n"
    "    br      %r14                \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 14           \n"    // nobody called
    LOCUST__ASM_SP("160", "aghi    %r15, -160") // fn saves its registers there: ABI 1.2.2
    "    xc      0(8,%r15), 0(%r15)  \n"    // the back chain ends
    "    lgr     %r2, %r7            \n"    // arg
    "    basr    %r14, %r6           \n"    // fn
    "    .short  0                   \n"    // never an instruction
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("stfpc %0" : "=Q"(frame->fpc));
}
