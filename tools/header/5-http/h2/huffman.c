/* ============================================================================================
 * >>h2_huffman  the Huffman code of HPACK
 *
 * Purpose     decodes strings of header fields.
 * Invariants  the code is canonical: of one length, codes grow with their symbols. So a table of
 *             symbols by length, and for each length where its codes begin and end, is all of it.
 *             A string of n bytes gives no more than n * 8 / 5.
 * Cost        some ten instructions a symbol: most have 5 to 8 bits.
 * Names       locust__huffman_
 * Sources     RFC 7541 5.2, appendix B.
 * Limits      nothing is encoded: requests carry their strings as they are, which servers have to
 *             take, and the generator's time goes into load.
 * ============================================================================================ */

// clang-format off
static const unsigned char locust__huffman_symbols[256] = { // the 257th, EOS, may not come
    48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46, 47, 51,
    52, 53, 54, 55, 56, 57, 61, 65, 95, 98, 100, 102, 103, 104, 108, 109,
    110, 112, 114, 117, 58, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
    77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 106, 107, 113, 118,
    119, 120, 121, 122, 38, 42, 44, 59, 88, 90, 33, 34, 40, 41, 63, 39,
    43, 124, 35, 62, 0, 36, 64, 91, 93, 126, 94, 125, 60, 96, 123, 92,
    195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177,
    179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156, 160,
    163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232,
    233, 1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157,
    158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9, 142,
    144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193,
    200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211,
    212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254,
    2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20,
    21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249, 10, 13, 22,
};

static const struct locust__huffman_length { // of a code
    uint32_t last, first; // codes of that length, at the top of 32 bits; `last` with ones behind
    unsigned char bits, symbol; // symbol: the first code's place in the table above
} locust__huffman_lengths[] = {
    {0x4FFFFFFFu, 0x00000000u, 5, 0},
    {0xB7FFFFFFu, 0x50000000u, 6, 10},
    {0xF7FFFFFFu, 0xB8000000u, 7, 36},
    {0xFDFFFFFFu, 0xF8000000u, 8, 68},
    {0xFF3FFFFFu, 0xFE000000u, 10, 74},
    {0xFF9FFFFFu, 0xFF400000u, 11, 79},
    {0xFFBFFFFFu, 0xFFA00000u, 12, 82},
    {0xFFEFFFFFu, 0xFFC00000u, 13, 84},
    {0xFFF7FFFFu, 0xFFF00000u, 14, 90},
    {0xFFFDFFFFu, 0xFFF80000u, 15, 92},
    {0xFFFE5FFFu, 0xFFFE0000u, 19, 95},
    {0xFFFEDFFFu, 0xFFFE6000u, 20, 98},
    {0xFFFF47FFu, 0xFFFEE000u, 21, 106},
    {0xFFFFAFFFu, 0xFFFF4800u, 22, 119},
    {0xFFFFE9FFu, 0xFFFFB000u, 23, 145},
    {0xFFFFF5FFu, 0xFFFFEA00u, 24, 174},
    {0xFFFFF7FFu, 0xFFFFF600u, 25, 186},
    {0xFFFFFBBFu, 0xFFFFF800u, 26, 190},
    {0xFFFFFE1Fu, 0xFFFFFBC0u, 27, 205},
    {0xFFFFFFEFu, 0xFFFFFE20u, 28, 224},
    {0xFFFFFFFFu, 0xFFFFFFF0u, 30, 253},
};
// clang-format on

/* Decodes n bytes into `out`, which has room for n * 8 / 5. Returns how many it wrote; -1: it is no
 * code, or does not end as one has to, in less than eight ones. */
static ptrdiff_t locust__huffman_decode(const char *from, size_t n, char *out)
{
    const unsigned char *p = (const unsigned char *)from, *end = p + n;
    char *to = out;
    uint64_t word = 0; // the next bits, at the top
    unsigned have = 0;
    for (;;) {
        const struct locust__huffman_length *l = locust__huffman_lengths;
        uint32_t top, at;
        if (have < 32 && end - p >= 4) {
            uint32_t four =
                (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
            word |= (uint64_t)four << (32 - have);
            have += 32;
            p += 4;
        }
        while (have < 32 && p < end) {
            word |= (uint64_t)*p++ << (56 - have);
            have += 8;
        }
        top = (uint32_t)(word >> 32);
        // The first four lengths, nearly always, without a branch.
        l += (top > l[0].last) + (top > l[1].last) + (top > l[2].last);
        while (top > l->last)
            l++;
        if (l->bits > have) // the rest is padding: the beginning of EOS
            break;
        at = l->symbol + ((top - l->first) >> (32 - l->bits));
        if (at >= sizeof locust__huffman_symbols)
            return -1;
        *to++ = (char)locust__huffman_symbols[at];
        word <<= l->bits;
        have -= l->bits;
    }
    return have < 8 && word >> 32 >> (32 - have) == (UINT32_C(1) << have) - 1 ? to - out : -1;
}
