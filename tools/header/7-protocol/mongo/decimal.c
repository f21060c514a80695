/* ============================================================================================
 * >>mongo_decimal  decimal numbers of 128 bits
 *
 * Purpose     the text of a Decimal128 of BSON, and back.
 * Invariants  each number has one text, and each text that is exact in 34 digits one number; what
 *             would have to be rounded is refused.
 * Names       locust__decimal_
 * Uses        >>mongo_bson
 * Sources     IEEE 754-2008, 3.5.2, binary integer decimal; the specification of BSON's Decimal128
 *             (2016) for its texts: scientific where the exponent is above 0 or the number small.
 *
 *   high   sign | exponent + 6176, 14 bits | upper 49 bits of the coefficient
 *   low    its lower 64 bits
 * ============================================================================================ */

enum {
    LOCUST__DECIMAL_DIGITS = 34,
    LOCUST__DECIMAL_BIAS = 6176,
    LOCUST__DECIMAL_MOST = 6111, // the exponent of the last digit is -6176 to that
    LOCUST__DECIMAL_TEXT = 48    // bytes of a text, at most
};

/* The digits of a coefficient, its leading zeros left out; "0" if it is 0 or has more than 34: such
 * an encoding counts as 0. */
static int locust__decimal_digits(uint64_t high, uint64_t low, char out[LOCUST__DECIMAL_DIGITS + 8])
{
    uint32_t limb[4] = {
        (uint32_t)(high >> 32), (uint32_t)high, (uint32_t)(low >> 32), (uint32_t)low};
    char all[40];
    int n = 39, first = 0;
    while (n > 0) { // digits from the last to the first; 2^128 has 39
        uint64_t rest = 0;
        for (int i = 0; i < 4; i++) {
            rest = rest << 32 | limb[i];
            limb[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        all[--n] = (char)('0' + rest);
    }
    while (first < 38 && all[first] == '0')
        first++;
    n = 39 - first;
    if (n > LOCUST__DECIMAL_DIGITS) {
        first = 38;
        n = 1;
        all[first] = '0';
    }
    memcpy(out, all + first, (size_t)n);
    out[n] = '\0';
    return n;
}

/* Writes the text of 16 bytes, little-endian. */
static void locust__decimal_format(const unsigned char *p, char out[LOCUST__DECIMAL_TEXT])
{
    uint64_t low = locust__bson_u64(p), high = locust__bson_u64(p + 8);
    char digits[LOCUST__DECIMAL_DIGITS + 8];
    bool large = (high >> 61 & 3) == 3; // a coefficient of more than 113 bits: none is valid
    int exponent = (int)(high >> (large ? 47 : 49) & 0x3FFF) - LOCUST__DECIMAL_BIAS, n, scientific;
    if (high >> 63)
        *out++ = '-';
    if ((high >> 58 & 31) >= 30) { // infinity, and what is no number, which has no sign
        bool infinite = (high >> 58 & 31) == 30;
        snprintf(infinite || !(high >> 63) ? out : out - 1, 9, "%s", infinite ? "Infinity" : "NaN");
        return;
    }
    n = large ? locust__decimal_digits(0, 0, digits)
              : locust__decimal_digits(high & 0x1FFFFFFFFFFFFu, low, digits);
    scientific = exponent + n - 1;
    if (exponent > 0 || scientific < -6) {
        *out++ = digits[0];
        if (n > 1)
            *out++ = '.';
        memcpy(out, digits + 1, (size_t)n - 1);
        snprintf(out + n - 1, 12, "E%+d", scientific % 10000);
    } else if (exponent == 0) {
        memcpy(out, digits, (size_t)n + 1);
    } else {
        int whole = n + exponent; // digits in front of the point
        if (whole <= 0) {
            *out++ = '0';
            *out++ = '.';
            for (; whole < 0; whole++)
                *out++ = '0';
            memcpy(out, digits, (size_t)n + 1);
        } else {
            memcpy(out, digits, (size_t)whole);
            out[whole] = '.';
            memcpy(out + whole + 1, digits + whole, (size_t)(n - whole) + 1);
        }
    }
}

/* Multiplies a number of 128 bits by ten and adds a digit. */
static void locust__decimal_push(uint64_t *high, uint64_t *low, unsigned digit)
{
    uint64_t a = (*low & 0xFFFFFFFFu) * 10 + digit, b = (*low >> 32) * 10 + (a >> 32);
    *low = b << 32 | (a & 0xFFFFFFFFu);
    *high = *high * 10 + (b >> 32);
}

/* The value of digits and an exponent, as 16 bytes. special: 30 for infinity, 31 for what is no
 * number. */
static void locust__decimal_store(
    unsigned char *out, bool minus, unsigned special, const char *digits, int n, int exponent)
{
    uint64_t high = 0, low = 0;
    for (int i = 0; i < n; i++)
        locust__decimal_push(&high, &low, (unsigned)(digits[i] - '0'));
    high |= special ? (uint64_t)special << 58
                    : (uint64_t)(unsigned)(exponent + LOCUST__DECIMAL_BIAS) << 49;
    high |= (uint64_t)minus << 63;
    locust__bson_store_u32(out, (uint32_t)low);
    locust__bson_store_u32(out + 4, (uint32_t)(low >> 32));
    locust__bson_store_u32(out + 8, (uint32_t)high);
    locust__bson_store_u32(out + 12, (uint32_t)(high >> 32));
}

/* The exponent behind the digits of a text, with its 'E'; *good: there is nothing else. */
static int64_t locust__decimal_exponent(locust__view text, bool *good)
{
    bool minus;
    int64_t n;
    *good = true;
    if (!text.len)
        return 0;
    *good = locust__text_lower(*text.ptr) == 'e';
    text = locust__view_skip(text, 1);
    minus = text.len && *text.ptr == '-';
    if (text.len && (minus || *text.ptr == '+'))
        text = locust__view_skip(text, 1);
    n = locust__number_of(text);
    *good = *good && n >= 0;
    n = n > 1000000000 ? 1000000000 : n; // more would be no more
    return minus ? -n : n;
}

/* Brings an exponent into its range: by zeros behind the digits, or by fewer of them. False: that
 * takes rounding. */
static bool locust__decimal_clamp(char *digits, int *n, int64_t *exponent)
{
    if (*n == 1 && *digits == '0') {
        *exponent = *exponent > LOCUST__DECIMAL_MOST    ? LOCUST__DECIMAL_MOST
                    : *exponent < -LOCUST__DECIMAL_BIAS ? -LOCUST__DECIMAL_BIAS
                                                        : *exponent;
        return true;
    }
    while (*exponent > LOCUST__DECIMAL_MOST && *n < LOCUST__DECIMAL_DIGITS) {
        digits[(*n)++] = '0';
        --*exponent;
    }
    while (*exponent<-LOCUST__DECIMAL_BIAS && * n> 1 && digits[*n - 1] == '0') {
        --*n;
        ++*exponent;
    }
    return *exponent <= LOCUST__DECIMAL_MOST && *exponent >= -LOCUST__DECIMAL_BIAS;
}

/* Reads a text into 16 bytes, little-endian. False: it is no decimal number, or not exact in 34
 * digits. */
static bool locust__decimal_parse(locust__view text, unsigned char out[16])
{
    char digits[LOCUST__DECIMAL_DIGITS];
    bool minus = text.len && *text.ptr == '-', any = false, point = false, good;
    int64_t exponent = 0, zeros = 0; // zeros behind 34 digits
    int n = 0;
    if (text.len && (minus || *text.ptr == '+'))
        text = locust__view_skip(text, 1);
    if (locust__view_is_nocase(text, "nan") || locust__view_is_nocase(text, "inf") ||
        locust__view_is_nocase(text, "infinity")) {
        bool infinite = locust__text_lower(*text.ptr) == 'i';
        locust__decimal_store(out, minus && infinite, infinite ? 30 : 31, "", 0, 0);
        return true;
    }
    for (; text.len && (locust__text_is_digit(*text.ptr) || (*text.ptr == '.' && !point));
         text = locust__view_skip(text, 1)) {
        if (*text.ptr == '.') {
            point = true;
            continue;
        }
        any = true;
        exponent -= point;
        if (*text.ptr == '0' && (!n || n + zeros >= LOCUST__DECIMAL_DIGITS)) {
            zeros += n > 0;
            continue;
        }
        if (n == LOCUST__DECIMAL_DIGITS)
            return false;
        digits[n++] = *text.ptr;
    }
    exponent += zeros + locust__decimal_exponent(text, &good);
    if (!n)
        digits[n++] = '0';
    if (!any || !good || !locust__decimal_clamp(digits, &n, &exponent))
        return false;
    locust__decimal_store(out, minus, 0, digits, n, (int)exponent);
    return true;
}
