/* ============================================================================================
 * >>dns_text  records as text, and whether they are well-formed
 *
 * Purpose     writes the data of records as zone files have it, in the form of dig; the same code,
 *             without a text to write, tells whether data is what its type asks for.
 * Names       locust__dns_data_ locust__dns_sum locust__dns_sum_
 * Uses        >>dns >>dns_type >>dns_message
 * Sources     those of >>dns_type; dig 9.18 where an RFC leaves a choice.
 * Limits      IPSECKEY, HIP and types that are not in that table are written as RFC 3597 does.
 * ============================================================================================ */

typedef struct locust__dns_data { // of one record, while it is read
    const unsigned char *m;       // the whole message: a name may lie anywhere in front
    size_t at, end;               // what is left of the data
    locust__buf *out;             // NULL: only checks
    size_t start;                 // of the text in `out`
    bool failed;
} locust__dns_data;

/* The next n bytes of the data; NULL: there are not as many. */
static const unsigned char *locust__dns_data_take(locust__dns_data *d, size_t n)
{
    const unsigned char *bytes = d->m + d->at;
    d->failed = d->failed || n > d->end - d->at;
    if (d->failed)
        return NULL;
    d->at += n;
    return bytes;
}

/* A number of n bytes, at most 4. */
static uint32_t locust__dns_data_number(locust__dns_data *d, size_t n)
{
    const unsigned char *bytes = locust__dns_data_take(d, n);
    uint32_t number = 0;
    for (size_t i = 0; bytes && i < n; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* A blank in front of whatever is not the first. */
static void locust__dns_data_gap(const locust__dns_data *d)
{
    if (d->out && d->out->len > d->start)
        locust__buf_add(d->out, " ", 1);
}

LOCUST__PRINTF(2, 3)
static void locust__dns_data_say(const locust__dns_data *d, const char *format, ...)
{
    char text[64];
    va_list args;
    if (!d->out)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    locust__buf_puts(d->out, text);
}

/* Adds bytes as the inside of a quoted text. In a list of SVCB a comma of its own is escaped, and
 * that once more: RFC 9460 appendix A.1. */
static void locust__dns_data_escape(
    const locust__dns_data *d, const unsigned char *bytes, size_t n, bool list)
{
    for (size_t i = 0; d->out && i < n; i++) {
        char c = (char)bytes[i];
        if (bytes[i] < ' ' || bytes[i] >= 0x7F)
            locust__dns_data_say(d, "\\%03d", bytes[i]);
        else if (list && (c == '\\' || c == ','))
            locust__dns_data_say(d, "\\\\%s%c", c == ',' ? "" : "\\", c);
        else
            locust__dns_data_say(d, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
}

static void locust__dns_data_quote(const locust__dns_data *d, const unsigned char *bytes, size_t n)
{
    locust__dns_data_say(d, "\"");
    locust__dns_data_escape(d, bytes, n, false);
    locust__dns_data_say(d, "\"");
}

/* A string with its length in front, RFC 1035 3.3. */
static void locust__dns_data_string(locust__dns_data *d)
{
    size_t n = locust__dns_data_number(d, 1);
    const unsigned char *bytes = locust__dns_data_take(d, n);
    if (bytes)
        locust__dns_data_quote(d, bytes, n);
}

/* One or more strings. */
static void locust__dns_data_strings(locust__dns_data *d)
{
    locust__dns_data_string(d);
    while (!d->failed && d->at < d->end) {
        locust__dns_data_gap(d);
        locust__dns_data_string(d);
    }
}

static void locust__dns_data_hex(const locust__dns_data *d, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; d->out && i < n; i++)
        locust__dns_data_say(d, "%02X", bytes[i]);
}

static void locust__dns_data_base64(const locust__dns_data *d, const unsigned char *bytes, size_t n)
{
    if (d->out)
        locust__base64_encode(d->out, (locust__view){(const char *)bytes, n});
}

/* A hash of NSEC3: base32 with extended hexadecimal digits, RFC 5155 3.3. */
static void locust__dns_data_hash(locust__dns_data *d)
{
    size_t n = locust__dns_data_number(d, 1), bits = 0;
    const unsigned char *bytes = locust__dns_data_take(d, n);
    unsigned v = 0;
    d->failed = d->failed || !n;
    for (size_t i = 0; bytes && i < n; i++) {
        v = v << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            locust__dns_data_say(d, "%c", "0123456789ABCDEFGHIJKLMNOPQRSTUV"[v >> (bits - 5) & 31]);
    }
    if (bits && !d->failed)
        locust__dns_data_say(d, "%c", "0123456789ABCDEFGHIJKLMNOPQRSTUV"[v << (5 - bits) & 31]);
}

static void locust__dns_data_salt(locust__dns_data *d)
{
    size_t n = locust__dns_data_number(d, 1);
    const unsigned char *bytes = locust__dns_data_take(d, n);
    if (bytes && n)
        locust__dns_data_hex(d, bytes, n);
    else
        locust__dns_data_say(d, "-");
}

static void locust__dns_data_address(locust__dns_data *d, int family)
{
    const unsigned char *bytes = locust__dns_data_take(d, family == AF_INET ? 4 : 16);
    char text[INET6_ADDRSTRLEN];
    if (bytes && d->out && inet_ntop(family, bytes, text, sizeof text))
        locust__buf_puts(d->out, text);
}

static void locust__dns_data_type(const locust__dns_data *d, unsigned number)
{
    const locust__dns_type *type = d->out ? locust__dns_type_of(number) : NULL;
    if (type)
        locust__dns_data_say(d, "%s", type->name);
    else
        locust__dns_data_say(d, "TYPE%u", number);
}

/* A bitmap of types in windows of 256, RFC 4034 4.1.2. */
static void locust__dns_data_bitmap(locust__dns_data *d)
{
    int before = -1;
    while (!d->failed && d->at < d->end) {
        unsigned window = locust__dns_data_number(d, 1);
        size_t n = locust__dns_data_number(d, 1);
        const unsigned char *bytes = locust__dns_data_take(d, n);
        if (!bytes || !n || n > 32 || (int)window <= before)
            d->failed = true;
        before = (int)window;
        for (unsigned bit = 0; !d->failed && d->out && bit < 8 * n; bit++)
            if (bytes[bit / 8] & 0x80 >> bit % 8) {
                locust__dns_data_gap(d);
                locust__dns_data_type(d, window << 8 | bit);
            }
    }
}

/* Seconds since 1970 as YYYYMMDDHHMMSS, RFC 4034 3.2. Counted from March, so that the day that some
 * years have more is a year's last. */
static void locust__dns_data_time(const locust__dns_data *d, uint32_t t)
{
    uint32_t days = t / 86400 + 719468, s = t % 86400, era = days / 146097, of_era = days % 146097;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t day = of_era - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    year += 400 * era + (month <= 2);
    locust__dns_data_say(d, "%04u%02u%02u%02u%02u%02u", (unsigned)year, (unsigned)month,
        (unsigned)day + 1, (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
}

/* A latitude or longitude, in thousandths of a second from 2^31, RFC 1876. */
static void locust__dns_data_angle(locust__dns_data *d, const char *sides, uint32_t limit)
{
    uint32_t v = locust__dns_data_number(d, 4);
    uint32_t size = v >= 0x80000000u ? v - 0x80000000u : 0x80000000u - v;
    d->failed = d->failed || size > limit * 3600000;
    locust__dns_data_say(d, "%u %u %u.%03u %c ", (unsigned)(size / 3600000),
        (unsigned)(size / 60000 % 60), (unsigned)(size / 1000 % 60), (unsigned)(size % 1000),
        sides[v < 0x80000000u]);
}

static void locust__dns_data_location(locust__dns_data *d)
{
    unsigned version = locust__dns_data_number(d, 1);
    uint32_t altitude, sizes = locust__dns_data_number(d, 3);
    locust__dns_data_angle(d, "NS", 90);
    locust__dns_data_angle(d, "EW", 180);
    altitude = locust__dns_data_number(d, 4);
    d->failed = d->failed || version;
    if (altitude < 10000000u)
        locust__dns_data_say(d, "-%u.%02um", (unsigned)((10000000u - altitude) / 100),
            (unsigned)((10000000u - altitude) % 100));
    else
        locust__dns_data_say(d, "%u.%02um", (unsigned)((altitude - 10000000u) / 100),
            (unsigned)((altitude - 10000000u) % 100));
    for (int shift = 16; shift >= 0; shift -= 8) { // a digit, and how many zeros follow it, in cm
        unsigned digit = sizes >> (shift + 4) & 15, zeros = sizes >> shift & 15, cm = digit;
        d->failed = d->failed || digit > 9 || zeros > 9;
        for (unsigned i = zeros < 2 ? 0 : 2; i < zeros && !d->failed; i++)
            cm *= 10;
        locust__dns_data_say(d, zeros < 2 ? " 0.%02um" : " %um", cm);
    }
}

/* Prefixes, RFC 3123: the bytes of an address at whose end zeros are left out. */
static void locust__dns_data_prefixes(locust__dns_data *d)
{
    while (!d->failed && d->at < d->end) {
        unsigned family = locust__dns_data_number(d, 2), bits = locust__dns_data_number(d, 1);
        unsigned length = locust__dns_data_number(d, 1), size = family == 1 ? 4 : 16;
        const unsigned char *bytes = locust__dns_data_take(d, length & 127);
        unsigned char address[16] = {0};
        char text[INET6_ADDRSTRLEN];
        if (!bytes || (family != 1 && family != 2) || (length & 127) > size || bits > 8 * size) {
            d->failed = true;
            return;
        }
        memcpy(address, bytes, length & 127);
        locust__dns_data_gap(d);
        if (inet_ntop(family == 1 ? AF_INET : AF_INET6, address, text, sizeof text))
            locust__dns_data_say(d, "%s%u:%s/%u", length & 128 ? "!" : "", family, text, bits);
    }
}

static void locust__dns_data_tag(locust__dns_data *d)
{
    size_t n = locust__dns_data_number(d, 1);
    const unsigned char *tag = locust__dns_data_take(d, n);
    d->failed = d->failed || !n;
    for (size_t i = 0; tag && i < n; i++) {
        d->failed = d->failed || !locust__text_is_alnum((char)tag[i]);
        locust__dns_data_say(d, "%c", tag[i]);
    }
    locust__dns_data_gap(d);
    locust__dns_data_quote(d, d->m + d->at, d->end - d->at);
    d->at = d->end;
}

/* Groups of 16 bits. L64 has them as addresses do, NID too. */
static void locust__dns_data_groups(locust__dns_data *d)
{
    d->failed = d->failed || d->end - d->at != 8;
    for (int i = 0; !d->failed && i < 4; i++)
        locust__dns_data_say(d, "%s%x", i ? ":" : "", (unsigned)locust__dns_data_number(d, 2));
}

static void locust__dns_data_dashes(locust__dns_data *d)
{
    for (int i = 0; !d->failed && d->at < d->end; i++)
        locust__dns_data_say(d, "%s%02x", i ? "-" : "", (unsigned)locust__dns_data_number(d, 1));
}

static void locust__dns_data_certificate(const locust__dns_data *d, unsigned kind)
{
    static const char *const kinds[] = {
        "PKIX", "SPKI", "PGP", "IPKIX", "ISPKI", "IPGP", "ACPKIX", "IACPKIX"}; // RFC 4398 2.1
    if (kind >= 1 && kind <= 8)
        locust__dns_data_say(d, "%s", kinds[kind - 1]);
    else
        locust__dns_data_say(d, kind == 253 ? "URI" : kind == 254 ? "OID" : "%u", kind);
}

static const char *const locust__dns_data_keys[] = {"mandatory", "alpn", "no-default-alpn", "port",
    "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"}; // of SVCB, RFC 9460 14.3.2, 9461, 9540

static void locust__dns_data_key(const locust__dns_data *d, unsigned key)
{
    if (key < sizeof locust__dns_data_keys / sizeof *locust__dns_data_keys)
        locust__dns_data_say(d, "%s", locust__dns_data_keys[key]);
    else
        locust__dns_data_say(d, "key%u", key);
}

/* The value of one parameter of SVCB, in [d->at, d->end). */
static void locust__dns_data_value(locust__dns_data *d, unsigned key)
{
    size_t n = d->end - d->at;
    bool quoted = key == 1 || key > 6;
    locust__dns_data_say(d, n ? quoted ? "=\"" : "=" : "");
    if (key == 2 || key == 8)
        d->failed = d->failed || n;
    else if (key == 3)
        locust__dns_data_say(d, "%u", (unsigned)locust__dns_data_number(d, 2));
    else if (key == 5)
        locust__dns_data_base64(d, locust__dns_data_take(d, n), n);
    else if (key > 6)
        locust__dns_data_escape(d, locust__dns_data_take(d, n), n, false);
    else
        d->failed = d->failed || !n; // a list has something in it
    for (int i = 0; !d->failed && d->at < d->end; i++) {
        if (key == 3)
            d->failed = true; // more than a number
        locust__dns_data_say(d, i ? "," : "");
        if (key == 0) {
            locust__dns_data_key(d, locust__dns_data_number(d, 2));
        } else if (key == 1) {
            size_t length = locust__dns_data_number(d, 1);
            const unsigned char *id = locust__dns_data_take(d, length);
            d->failed = d->failed || !length;
            if (id)
                locust__dns_data_escape(d, id, length, true);
        } else {
            locust__dns_data_address(d, key == 4 ? AF_INET : AF_INET6);
        }
    }
    locust__dns_data_say(d, n && quoted ? "\"" : "");
}

/* Parameters of SVCB, in the order of their keys, RFC 9460 2.2. */
static void locust__dns_data_parameters(locust__dns_data *d)
{
    int before = -1;
    while (!d->failed && d->at < d->end) {
        unsigned key = locust__dns_data_number(d, 2);
        size_t n = locust__dns_data_number(d, 2), end = d->end;
        if (d->failed || n > d->end - d->at || (int)key <= before) {
            d->failed = true;
            return;
        }
        before = (int)key;
        locust__dns_data_gap(d);
        locust__dns_data_key(d, key);
        d->end = d->at + n;
        locust__dns_data_value(d, key);
        d->end = end;
    }
}

/* One piece of the data, by its letter in >>dns_type. */
static void locust__dns_data_piece(locust__dns_data *d, char piece)
{
    size_t n = d->end - d->at;
    switch (piece) {
    case '1':
    case '2':
    case '4':
        locust__dns_data_say(
            d, "%lu", (unsigned long)locust__dns_data_number(d, (size_t)(piece - '0')));
        break;
    case 'n':
        // A name may lie in front of the data, but must not go on behind it.
        d->failed = d->failed || !locust__dns_name_read(d->m, d->end, &d->at, d->out);
        break;
    case 'y':
        locust__dns_data_type(d, locust__dns_data_number(d, 2));
        break;
    case 'a':
        locust__dns_data_address(d, AF_INET);
        break;
    case '6':
        locust__dns_data_address(d, AF_INET6);
        break;
    case 's':
        locust__dns_data_string(d);
        break;
    case 'S':
        locust__dns_data_strings(d);
        break;
    case 't':
        locust__dns_data_time(d, locust__dns_data_number(d, 4));
        break;
    case 'h':
        locust__dns_data_hex(d, locust__dns_data_take(d, n), n);
        break;
    case 'b':
        locust__dns_data_base64(d, locust__dns_data_take(d, n), n);
        break;
    case 'q':
        locust__dns_data_quote(d, locust__dns_data_take(d, n), n);
        break;
    case 'l':
        locust__dns_data_location(d);
        break;
    case 'g':
        locust__dns_data_groups(d);
        break;
    case 'e':
        locust__dns_data_dashes(d);
        break;
    case 'x':
        locust__dns_data_salt(d);
        break;
    case 'H':
        locust__dns_data_hash(d);
        break;
    case 'C':
        locust__dns_data_tag(d);
        break;
    case 'c':
        locust__dns_data_certificate(d, locust__dns_data_number(d, 2));
        break;
    default: // lists, which put the gaps themselves: w p v
        break;
    }
}

/* Reads the data of a record as its type asks for; adds its text to `out`, unless that is NULL.
 * False: the data is not of that type. */
static bool locust__dns_data_read(
    const unsigned char *m, const locust__dns_rr *record, locust__buf *out)
{
    const locust__dns_type *type = locust__dns_type_of(record->type);
    locust__dns_data d = {
        m, record->data_at, record->data_at + record->data_len, out, out ? out->len : 0, false};
    if (!type || !type->pieces) { // RFC 3597
        const unsigned char *bytes = locust__dns_data_take(&d, record->data_len);
        locust__dns_data_say(&d, "\\# %zu%s", record->data_len, record->data_len ? " " : "");
        locust__dns_data_hex(&d, bytes, record->data_len);
        return true;
    }
    for (const char *piece = type->pieces; *piece && !d.failed; piece++) {
        if (*piece == 'w')
            locust__dns_data_bitmap(&d);
        else if (*piece == 'p')
            locust__dns_data_prefixes(&d);
        else if (*piece == 'v')
            locust__dns_data_parameters(&d);
        else {
            if (piece > type->pieces && (d.at < d.end || !strchr("hb", *piece)))
                locust__dns_data_gap(&d);
            locust__dns_data_piece(&d, *piece);
        }
    }
    return !d.failed && d.at == d.end;
}

typedef struct locust__dns_sum {   // what is in a message
    int rcode, counts[3], of_type; // of_type: answers that are of the type that was asked for
    unsigned flags;
    size_t opt_at, opt_len; // the data of its OPT record
    bool edns;
} locust__dns_sum;

/* Looks at every record of a message. False: it is malformed. */
static bool locust__dns_sum_read(
    locust__dns_sum *sum, const unsigned char *m, size_t n, unsigned type)
{
    locust__dns_walk w = locust__dns_walk_of(m, n);
    locust__dns_rr record;
    memset(sum, 0, sizeof *sum);
    if (w.failed)
        return false;
    sum->flags = (unsigned)m[2] << 8 | m[3];
    sum->rcode = sum->flags & LOCUST__DNS_CODE;
    while (locust__dns_walk_next(&w, &record)) {
        if (record.type == LOCUST__DNS_TYPE_OPT) {
            if (sum->edns || record.section != LOCUST_DNS_ADDITIONAL || m[record.name_at] ||
                !locust__dns_edns_is_whole(m + record.data_at, record.data_len))
                return false;
            sum->edns = true;
            sum->rcode |= (int)(record.ttl >> 24) << 4;
            sum->opt_at = record.data_at;
            sum->opt_len = record.data_len;
            continue;
        }
        if (!locust__dns_data_read(m, &record, NULL))
            return false;
        sum->counts[record.section]++;
        sum->of_type += record.section == LOCUST_DNS_ANSWER &&
                        (record.type == type || type == LOCUST__DNS_TYPE_ANY);
    }
    return !w.failed && w.at == n;
}
