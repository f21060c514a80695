/* ============================================================================================
 * >>ctx_loongarch  the context switch on LoongArch, 64 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    locust__ctx_word fp /* $r22 */, fn /* s0: $r23 */, arg /* s1 */, s2_to_s8[7], ret /* ra */,
        fcsr;
#if defined(__loongarch_double_float)
    double fs0_to_fs7[8];
#elif defined(__loongarch_single_float)
    float fs0_to_fs7[8];
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "sp stays 16-aligned");
_Static_assert(offsetof(locust__ctx_frame, fn) == 8, "s0 is stored there");
_Static_assert(offsetof(locust__ctx_frame, ret) == 80, "ra is stored there");

// clang-format off
#define LOCUST__CTX_INTS   "22, 23, 24, 25, 26, 27, 28, 29, 30, 31" // fp, s0 to s8
#define LOCUST__CTX_FLOATS "0, 1, 2, 3, 4, 5, 6, 7"                 // fs0 to fs7
#if defined(__loongarch_double_float)
#define LOCUST__CTX_SIZE "160"
_Static_assert(sizeof(locust__ctx_frame) == 160, "as above");
#define LOCUST__CTX_FST  "fst.d   $fs\\i, $sp, 96+8*\\i"
#define LOCUST__CTX_FLD  "fld.d   $fs\\i, $sp, 96+8*\\i"
#elif defined(__loongarch_single_float)
#define LOCUST__CTX_SIZE "128"
_Static_assert(sizeof(locust__ctx_frame) == 128, "as above");
#define LOCUST__CTX_FST  "fst.s   $fs\\i, $sp, 96+4*\\i"
#define LOCUST__CTX_FLD  "fld.s   $fs\\i, $sp, 96+4*\\i"
#else
#define LOCUST__CTX_SIZE "96"
_Static_assert(sizeof(locust__ctx_frame) == 96, "as above");
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: a0, next: a1)
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, "addi.d  $sp, $sp, -" LOCUST__CTX_SIZE)
    // tp and r21 are reserved: not saved
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, "st.d    $r\\i, $sp, 8*(\\i-22)")
    "    st.d    $ra, $sp, 80        \n"
    "    .cfi_rel_offset 1, 80       \n"
    "    .cfi_rel_offset 22, 0       \n"    // fp
#ifdef LOCUST__CTX_FST
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FST)
#endif
#if !defined(__loongarch_soft_float)
    "    movfcsr2gr $t0, $fcsr0      \n"
    "    andi    $t0, $t0, 0x31f     \n"    // rounding, trap enables
    "    st.d    $t0, $sp, 88        \n"
#endif
    "    st.d    $sp, $a0, 0         \n"
    "    move    $sp, $a1            \n"    // on the other stack from here; it is laid out alike
#if !defined(__loongarch_soft_float)
    "    ld.d    $t1, $sp, 88        \n"
    "    beq     $t0, $t1, 1f        \n"    // a write may be slow: only if these differ
    "    movgr2fcsr $fcsr1, $t1      \n"    // the enables in FCSR0,
    "    movgr2fcsr $fcsr3, $t1      \n"    // and its rounding
    "1:                              \n"
#endif
#ifdef LOCUST__CTX_FLD
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FLD)
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, "ld.d    $r\\i, $sp, 8*(\\i-22)")
    "    ld.d    $ra, $sp, 80        \n"
    "    .cfi_restore 1              \n"
    "    .cfi_restore 22             \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, "addi.d  $sp, $sp, " LOCUST__CTX_SIZE)
    "    jr      $ra                 \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 1            \n"    // nobody called
    "    move    $a0, $s1            \n"    // arg
    "    jirl    $ra, $s0, 0         \n"    // fn
    "    break   0                   \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#if !defined(__loongarch_soft_float)
    __asm__ volatile("movfcsr2gr %0, $fcsr0" : "=r"(frame->fcsr));
    frame->fcsr &= 0x31f;
#else
    (void)frame;
#endif
}
