/* ============================================================================================
 * >>number  numbers in and out, random numbers
 *
 * Purpose     reads and writes numbers whatever locale the test has set; random numbers; and a few
 *             functions of libm, which would be a large part of a static program for one call.
 * Names       locust__locale_ locust__number_ locust__random_
 * ============================================================================================ */

/* The nearest whole number, and the even one of two: as Python's round(). For 0 <= x < 2^63. */
static int64_t locust__number_round(double x)
{
    int64_t down = (int64_t)x;
    double rest = x - (double)down;
    return down + (rest > 0.5 || (rest >= 0.5 && down % 2));
}

/* The square root of x >= 0, by Newton's rule. Shifting the bits of a double to the right halves
 * its exponent and gives a first guess within 7 %; each step about squares that error. */
static double locust__number_sqrt(double x)
{
    double root;
    uint64_t bits;
    if (!(x > 1e-300))
        return 0;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits >> 1) + ((uint64_t)511 << 52) + ((uint64_t)1 << 51);
    memcpy(&root, &bits, sizeof root);
    for (int i = 0; i < 6; i++)
        root = (root + x / root) / 2;
    return root;
}

/* Between enter() and leave() printf() writes decimal points, even if the test has called
 * setlocale(): scripts read our output. leave() takes what enter() returned. */
#if defined(__NetBSD__) // no uselocale(): the locale of the whole process is set and put back

typedef struct locust__locale {
    char name[64];
} locust__locale;

static locust__locale locust__locale_enter(void)
{
    locust__locale was;
    const char *name = setlocale(LC_NUMERIC, NULL);
    snprintf(was.name, sizeof was.name, "%s", name ? name : "C");
    setlocale(LC_NUMERIC, "C");
    return was;
}

static void locust__locale_leave(locust__locale was)
{
    setlocale(LC_NUMERIC, was.name);
}

#elif defined(__UCLIBC__) && !defined(__UCLIBC_HAS_XLOCALE__) // knows the locale "C" alone

typedef int locust__locale;

static locust__locale locust__locale_enter(void)
{
    return 0;
}

static void locust__locale_leave(locust__locale was)
{
    (void)was;
}

#else

typedef struct locust__locale {
    locale_t c, was;
} locust__locale;

static locust__locale locust__locale_enter(void)
{
    locust__locale l = {newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), (locale_t)0};
    if (l.c)
        l.was = uselocale(l.c);
    return l;
}

static void locust__locale_leave(locust__locale l)
{
    if (l.c) {
        uselocale(l.was);
        freelocale(l.c);
    }
}

#endif

/* SplitMix64 (Steele, Lea, Flood 2014): one word of state; passes BigCrush. Not for secrets. */
static uint64_t locust__random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static double locust__random_unit(uint64_t *state)
{
    return (double)(locust__random(state) >> 11) * (1.0 / 9007199254740992.0);
}

/* A number with one decimal digit more. Too large a number becomes INT64_MAX and stays it. */
static inline int64_t locust__number_push(int64_t n, char digit)
{
    return n > (INT64_MAX - (digit - '0')) / 10 ? INT64_MAX : 10 * n + (digit - '0');
}

/* Reads digits and moves *text behind them; -1: there are none. Saturates at INT64_MAX. strtoll()
 * would also take blanks, signs and bases. */
static int64_t locust__number_whole(const char **text)
{
    int64_t n = locust__text_is_digit(**text) ? 0 : -1;
    for (; locust__text_is_digit(**text); ++*text)
        n = locust__number_push(n, **text);
    return n;
}

/* The value of a text of decimal digits alone; -1: it is empty, or has another character. */
static int64_t locust__number_of(locust__view text)
{
    int64_t n = text.len ? 0 : -1;
    for (size_t i = 0; i < text.len; i++) {
        if (!locust__text_is_digit(text.ptr[i]))
            return -1;
        n = locust__number_push(n, text.ptr[i]);
    }
    return n;
}

/* The value of a hexadecimal digit; -1: the character is not one. */
static int locust__number_hex_digit(char c)
{
    char lower = locust__text_lower(c);
    return locust__text_is_digit(c)       ? c - '0'
           : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                          : -1;
}

/* The value of n hexadecimal digits, at most 7; -1: a character is not one. */
static int locust__number_hex(const char *p, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        int digit = locust__number_hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Reads a number without a sign, such as 12, 0.25, .5 or 1e-3, and moves *text behind it; -1:
 * there is none. (strtod() expects the locale's decimal point.) Up to 15 digits give the nearest
 * double. */
static double locust__number_decimal(const char **text)
{
    const char *p = *text;
    double number = 0, power = 1;
    int64_t shift = 0, digits = 0;
    for (; locust__text_is_digit(*p); p++, digits++)
        number = 10 * number + (*p - '0');
    for (p += *p == '.'; locust__text_is_digit(*p); p++, digits++, shift--)
        number = 10 * number + (*p - '0');
    if (!digits)
        return -1;
    *text = p;
    if (*p == 'e' || *p == 'E') {
        bool minus = *++p == '-';
        p += *p == '-' || *p == '+';
        if (locust__text_is_digit(*p)) {
            int64_t exponent = locust__number_whole(&p);
            exponent = exponent < 9999 ? exponent : 9999;
            shift += minus ? -exponent : exponent;
            *text = p;
        }
    }
    for (int64_t i = shift < 0 ? -shift : shift; i > 0 && power < 1e300; i--)
        power *= 10; // exact up to 10^22
    return shift < 0 ? number / power : number * power;
}

/* Reads a time span as Locust writes it, in seconds: 20, 20s, 3m, 2h, 1h20m, 3h30m10s. False: it is
 * none. Each unit appears once, the larger first; digits without a unit stand alone. */
static bool locust__number_span(const char *text, double *out)
{
    static const char units[] = "hms";
    static const int seconds[] = {3600, 60, 1};
    int unit = 0;
    *out = 0;
    if (!*text)
        return false;
    while (*text) {
        int64_t n = locust__number_whole(&text);
        if (n < 0 || n == INT64_MAX || (!*text && unit > 0))
            return false;
        if (!*text) { // bare seconds
            *out = (double)n;
            return true;
        }
        while (unit < 3 && units[unit] != *text)
            unit++;
        if (unit == 3)
            return false;
        *out += (double)n * seconds[unit++];
        text++;
    }
    return true;
}

/* The base-2 logarithm of a positive, normal number. The exponent is read off the bits; of the
 * mantissa m, in (0.75, 1.5], ln m = 2 atanh(t) with t = (m - 1) / (m + 1), and atanh(t) = t +
 * t^3/3 + t^5/5 + ... As |t| <= 1/5, 20 terms leave an error below 1e-15. */
static double locust__number_log2(double x)
{
    uint64_t bits;
    double m, t, t2, term, sum = 0;
    int exponent;
    memcpy(&bits, &x, sizeof bits);
    exponent = (int)(bits >> 52 & 2047) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.5) {
        m /= 2;
        exponent++;
    }
    t = (m - 1) / (m + 1);
    t2 = t * t;
    term = t;
    for (int k = 1; k < 40; k += 2) {
        sum += term / k;
        term *= t2;
    }
    return exponent + 2 * sum * 1.4426950408889634074;
}
