/* hex.h - bytes written as hexadecimal digits, blanks between them. */
#ifndef HEX_H
#define HEX_H
#include "../check.h"

/* Reads digits into `out`, which has room for `size`; returns how many bytes they are. */
static inline size_t hex(const char *text, unsigned char *out, size_t size)
{
    size_t n = 0;
    for (; *text; text++) {
        static const char digits[] = "0123456789abcdef";
        if (*text == ' ')
            continue;
        if (n == size || !strchr(digits, text[0]) || !text[1] || !strchr(digits, text[1]))
            abort();
        out[n++] = (unsigned char)((strchr(digits, text[0]) - digits) * 16 +
                                   (strchr(digits, text[1]) - digits));
        text++;
    }
    return n;
}

static inline bool is_hex(const unsigned char *got, size_t n, const char *want)
{
    unsigned char bytes[1024];
    size_t len = hex(want, bytes, sizeof bytes);
    return CHECK_INT(n, len) && CHECK(memcmp(got, bytes, len) == 0);
}
#endif
