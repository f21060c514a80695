/* ============================================================================================
 * >>ctx_mips  the context switch on MIPS: o32, n32, n64
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

// These are o32, n32 and n64, by number: not each of their names is always defined. MIPS I lacks a
// store of a double.

typedef struct locust__ctx_frame {
    locust__ctx_word fn /* s0: $16 */, arg /* s1 */, s2_to_s7[6], unused[4], gp /* $28 */, fcsr,
        fp /* $30 */, ret /* ra: $31 */; // a place for each number from 16 on
#if defined(__mips_hard_float) && _MIPS_SIM == 3
    double f24_to_f31[8];
#elif defined(__mips_hard_float)
    double f20_to_f30[6]; // the even ones
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "sp stays 16-aligned, more than o32 asks for");
_Static_assert(offsetof(locust__ctx_frame, fn) == 0, "16 - 16");
_Static_assert(offsetof(locust__ctx_frame, ret) == 15 * sizeof(locust__ctx_word), "31 - 16");

// clang-format off
#if _MIPS_SIM == 1 // o32
#define LOCUST__CTX_WORD "4" // bytes
#define LOCUST__CTX_ST   "sw      "
#define LOCUST__CTX_LD   "lw      "
#else
#define LOCUST__CTX_WORD "8"
#define LOCUST__CTX_ST   "sd      "
#define LOCUST__CTX_LD   "ld      "
#endif
#if _MIPS_SIM == 3 // n64: pointers as large
#define LOCUST__CTX_ADD  "daddiu  "
#define LOCUST__CTX_PST  "sd      "
#else
#define LOCUST__CTX_ADD  "addiu   "
#define LOCUST__CTX_PST  "sw      "
#endif
// s0 to s7, gp, s8 or fp, ra. In o32, gp is the caller's affair, or never changes.
#define LOCUST__CTX_INTS "16, 17, 18, 19, 20, 21, 22, 23, 28, 30, 31"
#define LOCUST__CTX_AT   "$\\i, " LOCUST__CTX_WORD "*(\\i-16)($sp)"
#if !defined(__mips_hard_float)
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD ")"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word), "as above");
#elif _MIPS_SIM == 3
#define LOCUST__CTX_SIZE   "(16*" LOCUST__CTX_WORD "+8*8)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 8 * 8, "as above");
#define LOCUST__CTX_FLOATS "24, 25, 26, 27, 28, 29, 30, 31"
#define LOCUST__CTX_FAT    "$f\\i, 16*" LOCUST__CTX_WORD "+8*(\\i-24)($sp)"
#else
#define LOCUST__CTX_SIZE   "(16*" LOCUST__CTX_WORD "+6*8)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 6 * 8, "as above");
#define LOCUST__CTX_FLOATS "20, 22, 24, 26, 28, 30"
#define LOCUST__CTX_FAT    "$f\\i, 16*" LOCUST__CTX_WORD "+4*(\\i-20)($sp)"
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: a0, next: a1)
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, LOCUST__CTX_ADD "$sp, $sp, -" LOCUST__CTX_SIZE)
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_ST LOCUST__CTX_AT)
    "    .cfi_rel_offset 31, 15*" LOCUST__CTX_WORD "\n"
    "    .cfi_rel_offset 30, 14*" LOCUST__CTX_WORD "\n"
#if defined(__mips_hard_float)
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "sdc1    " LOCUST__CTX_FAT)
    "    cfc1    $8, $31             \n"
    "    " LOCUST__CTX_ST "$8, 13*" LOCUST__CTX_WORD "($sp)\n"
#endif
    "    " LOCUST__CTX_PST "$sp, ($4)\n"
    "    move    $sp, $5             \n"    // on the other stack from here; it is laid out alike
#if defined(__mips_hard_float)
    "    " LOCUST__CTX_LD "$9, 13*" LOCUST__CTX_WORD "($sp)\n"
    "    li      $10, 0x01000f83     \n"    // rounding, trap enables, flush to zero
    "    xor     $8, $8, $9          \n"
    "    and     $8, $8, $10         \n"
    "    beq     $8, $0, 1f          \n"    // a write to FCSR is slow: only if these differ
    "    li      $10, 0xfffc0fff     \n"    // an old cause together with its enable would trap
    "    and     $9, $9, $10         \n"
    "    ctc1    $9, $31             \n"
    "1:                              \n"
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "ldc1    " LOCUST__CTX_FAT)
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_LD LOCUST__CTX_AT)
    "    .cfi_restore 31             \n"
    "    .cfi_restore 30             \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, LOCUST__CTX_ADD "$sp, $sp, " LOCUST__CTX_SIZE)
    "    jr      $31                 \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")  // above sp are the 16 bytes that an o32 callee may use
    "    .cfi_undefined 31           \n"    // nobody called
    "    move    $4, $17             \n"    // arg
    "    move    $25, $16            \n"    // fn finds its gp by t9
    "    jalr    $25                 \n"
    "    break                       \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

#if defined(__mips16) // which has no such instructions
static void locust__ctx_frame_init(locust__ctx_frame *frame) __attribute__((nomips16));
#endif
static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("move %0, $28" : "=r"(frame->gp)); // without abicalls there is one for all
#if defined(__mips_hard_float)
    __asm__ volatile("cfc1 %0, $31" : "=r"(frame->fcsr));
#endif
}
