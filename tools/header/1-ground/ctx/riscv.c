/* ============================================================================================
 * >>ctx_riscv  the context switch on RISC-V, 32 and 64 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

#if defined(__riscv_flen) || defined(__riscv_zfinx)
#define LOCUST__CTX_FRM 1
#else
#define LOCUST__CTX_FRM 0
#endif

typedef struct locust__ctx_frame {
    locust__ctx_word s0, fn /* s1 */, arg /* s2 */, s3_to_s11[9], ret /* ra */, frm, unused[2];
#if defined(__riscv_float_abi_double)
    double fs0_to_fs11[12];
#elif defined(__riscv_float_abi_single)
    float fs0_to_fs11[12];
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "sp stays 16-aligned");
_Static_assert(offsetof(locust__ctx_frame, fn) == 1 * sizeof(locust__ctx_word), "slot of s1");
_Static_assert(offsetof(locust__ctx_frame, ret) == 12 * sizeof(locust__ctx_word), "slot of ra");

// clang-format off
#if __riscv_xlen == 64
#define LOCUST__CTX_WORD "8" // bytes
#define LOCUST__CTX_ST   "sd      "
#define LOCUST__CTX_LD   "ld      "
#else
#define LOCUST__CTX_WORD "4"
#define LOCUST__CTX_ST   "sw      "
#define LOCUST__CTX_LD   "lw      "
#endif
#define LOCUST__CTX_INTS   "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11" // s0 to s11
#define LOCUST__CTX_FLOATS LOCUST__CTX_INTS                       // fs0 to fs11
#if defined(__riscv_float_abi_double)
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD "+12*8)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 12 * 8, "as above");
#define LOCUST__CTX_FST  "fsd     fs\\i, 16*" LOCUST__CTX_WORD "+8*\\i(sp)"
#define LOCUST__CTX_FLD  "fld     fs\\i, 16*" LOCUST__CTX_WORD "+8*\\i(sp)"
#elif defined(__riscv_float_abi_single)
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD "+12*4)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 12 * 4, "as above");
#define LOCUST__CTX_FST  "fsw     fs\\i, 16*" LOCUST__CTX_WORD "+4*\\i(sp)"
#define LOCUST__CTX_FLD  "flw     fs\\i, 16*" LOCUST__CTX_WORD "+4*\\i(sp)"
#else
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD ")"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word), "as above");
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: a0, next: a1)
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, "addi    sp, sp, -" LOCUST__CTX_SIZE)
    // gp and tp belong to the thread: not saved
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_ST "s\\i, " LOCUST__CTX_WORD "*\\i(sp)")
    "    " LOCUST__CTX_ST "ra, 12*" LOCUST__CTX_WORD "(sp)\n"
    "    .cfi_rel_offset 1, 12*" LOCUST__CTX_WORD "\n"
    "    .cfi_rel_offset 8, 0        \n"    // s0, the frame pointer
#ifdef LOCUST__CTX_FST
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FST)
#endif
#if LOCUST__CTX_FRM
    "    frrm    t0                  \n"
    "    " LOCUST__CTX_ST "t0, 13*" LOCUST__CTX_WORD "(sp)\n"
#endif
    "    " LOCUST__CTX_ST "sp, (a0)  \n"
    "    mv      sp, a1              \n"    // on the other stack from here; it is laid out alike
#if LOCUST__CTX_FRM
    "    " LOCUST__CTX_LD "t1, 13*" LOCUST__CTX_WORD "(sp)\n"
    "    beq     t0, t1, 1f          \n"    // a write may drain the pipeline: only if it differs
    "    fsrm    t1                  \n"
    "1:                              \n"
#endif
#ifdef LOCUST__CTX_FLD
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FLD)
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_LD "s\\i, " LOCUST__CTX_WORD "*\\i(sp)")
    "    " LOCUST__CTX_LD "ra, 12*" LOCUST__CTX_WORD "(sp)\n"
    "    .cfi_restore 1              \n"
    "    .cfi_restore 8              \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, "addi    sp, sp, " LOCUST__CTX_SIZE)
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 1            \n"    // nobody called
    "    mv      a0, s2              \n"    // arg
    "    jalr    s1                  \n"    // fn
    "    ebreak                      \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#if LOCUST__CTX_FRM
    __asm__ volatile("frrm %0" : "=r"(frame->frm));
#else
    (void)frame;
#endif
}
