/* ============================================================================================
 * >>scram  logins by SCRAM
 *
 * Purpose     the client's half of SCRAM-SHA-1 and SCRAM-SHA-256, as servers of PostgreSQL and
 *             MongoDB ask for it.
 *
 *                 client  n,,n=user,r=OURS                       locust__scram_first
 *                 server  r=OURS+THEIRS,s=SALT,i=ROUNDS
 *                 client  c=BINDING,r=OURS+THEIRS,p=PROOF        locust__scram_final
 *                 server  v=SIGNATURE                            locust__scram_check
 *
 * Invariants  the key that thousands of rounds make of a password, a salt and a count is made once
 *             in a test, by one coroutine at a time, on the loop's stack, in slices of a tenth of a
 *             millisecond between which others run. That time is the generator's own: it is in no
 *             response time and moves the deadline on.
 * Cost        4096 rounds of SHA-256: 6 ms once, then some 10 us for each login.
 * Names       locust__scram_
 * Uses        >>co >>switch >>sync >>allowance >>services
 * Sources     RFC 5802, RFC 7677, RFC 4013 (SASLprep), RFC 5929 (channel bindings).
 * Limits      SASLprep for ASCII, and for letters that it leaves alone: see
 *             locust__scram_prepare. A test remembers 1024 keys.
 * ============================================================================================ */

enum {
    LOCUST__SCRAM_KEYS = 1024,
    LOCUST__SCRAM_ROUNDS_MAX = 10000000, // 15 s; who asks for more is no server but a trap
    LOCUST__SCRAM_SLICE_NS = 100000,
    LOCUST__SCRAM_SALT_MAX = 1024,
};

typedef struct locust__scram_key { // what rounds of a digest made of a password and a salt
    struct locust__scram_key *next;
    unsigned char id[LOCUST__HASH_BYTES]; // digest of all that it is made of
    unsigned char bytes[LOCUST__HASH_BYTES];
} locust__scram_key;

typedef struct locust__scram_keys { // of a test
    locust__sem permit;             // to make one
    locust__scram_key *first;       // the last that was used
    int n;
} locust__scram_keys;

typedef struct locust__scram { // one login
    const locust__hash_kind *kind;
    uint32_t least_rounds;                       // fewer are refused; 0: any number will do
    char nonce[25];                              // ours
    locust__buf text;                            // the messages so far, as both ends sign them
    unsigned char signature[LOCUST__HASH_BYTES]; // the server's, as it must be
} locust__scram;

static const char locust__scram_malformed[] = "login failed: malformed SCRAM message";

/* -- texts -- */

/* Does SASLprep leave this character as it is, whatever stands beside it? True for letters that
 * Unicode 3.2 has and NFKC neither takes apart nor joins with others; checked against Python's
 * unicodedata. 0x20: it is a blank in another form. 0: not known. */
static uint32_t locust__scram_prepared(uint32_t code)
{
    static const uint32_t plain[][2] = {
        {0x00, 0x7F},   // ASCII; controls are prohibited, and left to the server to refuse
        {0xC0, 0x131},  // Latin
        {0x134, 0x13E}, // without its ligatures and long s
        {0x141, 0x148}, {0x14A, 0x17E}, {0x388, 0x38A}, // Greek
        {0x38E, 0x3A1}, {0x3A3, 0x3CE}, {0x400, 0x45F}, // Cyrillic
        {0x5D0, 0x5EA},                                 // Hebrew
        {0x621, 0x63A},                                 // Arabic
        {0x641, 0x64A}, {0x3041, 0x3094},               // Hiragana
        {0x30A1, 0x30FA},                               // Katakana
        {0x4E00, 0x9FA5},                               // Chinese characters
        {0xAC00, 0xD7A3},                               // Hangul
    };
    if (code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x202F ||
        code == 0x205F || code == 0x3000)
        return 0x20;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (code >= plain[i][0] && code <= plain[i][1])
            return code;
    return 0;
}

/* Appends a password as SASLprep has it. False: it has characters that we do not know to prepare;
 * the password was appended as it is. */
LOCUST__UNUSED static bool locust__scram_prepare(locust__buf *out, locust__view password)
{
    locust__view rest = password;
    size_t start = out->len;
    while (rest.len) {
        uint32_t code;
        locust__view one = locust__text_next(&rest, &code);
        uint32_t to = locust__scram_prepared(code);
        if (to != code && to != 0x20) {
            out->len = start;
            locust__buf_add(out, password.ptr, password.len);
            return false;
        }
        locust__buf_add(out, to == code ? one.ptr : " ", to == code ? one.len : 1);
    }
    return true;
}

static void locust__scram_add_base64(locust__buf *out, const unsigned char *bytes, size_t n)
{
    locust__base64_encode(out, (locust__view){(const char *)bytes, n});
}

/* Takes "x=value" off the front of a message. False: it does not begin so. */
static bool locust__scram_take(locust__view *message, char name, locust__view *value)
{
    size_t n = 2;
    if (message->len < 2 || message->ptr[0] != name || message->ptr[1] != '=')
        return false;
    while (n < message->len && message->ptr[n] != ',')
        n++;
    *value = (locust__view){message->ptr + 2, n - 2};
    *message = locust__view_skip(*message, n < message->len ? n + 1 : n);
    return true;
}

/* -- keys -- */

static locust__scram_key *locust__scram_find(locust__scram_keys *keys, const unsigned char *id)
{
    for (locust__scram_key **at = &keys->first; *at; at = &(*at)->next) {
        locust__scram_key *key = *at;
        if (memcmp(key->id, id, sizeof key->id) != 0)
            continue;
        *at = key->next;
        key->next = keys->first;
        return keys->first = key;
    }
    return NULL;
}

/* Remembers a key, in the place of the one that was not used for longest if there are too many. */
static void locust__scram_remember(
    locust__services *sv, const unsigned char *id, const unsigned char *bytes)
{
    locust__scram_keys *keys = sv->scram;
    locust__scram_key **last = &keys->first, *key;
    if (keys->n < LOCUST__SCRAM_KEYS) {
        key = locust__arena_zalloc(&sv->arena, sizeof *key);
        keys->n += key != NULL;
    } else {
        while ((*last)->next)
            last = &(*last)->next;
        key = *last;
        *last = NULL;
    }
    if (!key)
        return;
    memcpy(key->id, id, sizeof key->id);
    memcpy(key->bytes, bytes, sizeof key->bytes);
    key->next = keys->first;
    keys->first = key;
}

/* One slice of rounds, on the loop's stack. */
static void locust__scram_slice(void *arg)
{
    locust__pbkdf2 *p = arg;
    int64_t end_ns = locust__os_now_ns() + LOCUST__SCRAM_SLICE_NS;
    while (locust__pbkdf2_go_on(p, 16) && locust__os_now_ns() < end_ns)
        ;
}

/* Does all rounds, and lets others run in between. */
static locust_error locust__scram_derive(
    locust__loop *loop, locust__pbkdf2 *p, locust__allowance *a) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns();
    enum locust__wake why = LOCUST__WAKE_EVENT;
    while (p->left && why != LOCUST__WAKE_CANCELLED) {
        locust__co_call(loop, locust__scram_slice, p);
        locust__loop_clock(loop);
        why = locust__co_yield(loop);
    }
    locust__allowance_charge(a, began_ns);
    return why == LOCUST__WAKE_CANCELLED ? LOCUST_ERR_CANCELLED : LOCUST_OK;
}

/* The key of a password, known or made now. */
static locust_error locust__scram_key_of(locust__services *sv, const locust__hash_kind *kind,
    locust__view password, locust__view salt, uint32_t rounds, locust__allowance *a,
    unsigned char out[LOCUST__HASH_BYTES]) LOCUST__PARKS
{
    unsigned char id[LOCUST__HASH_BYTES];
    uint32_t numbers[3] = {kind->bytes, rounds, (uint32_t)salt.len};
    locust__scram_keys *keys = sv->scram;
    const locust__scram_key *key;
    locust__hash h;
    locust__pbkdf2 p;
    locust_error error;
    if (!keys) {
        sv->scram = keys = locust__arena_zalloc(&sv->arena, sizeof *keys);
        if (!keys)
            return LOCUST_ERR_MEMORY;
        keys->permit.free = 1;
    }
    locust__hash_init(&h, &locust__hash_sha256);
    locust__hash_add(&h, numbers, sizeof numbers);
    locust__hash_add(&h, salt.ptr, salt.len);
    locust__hash_add(&h, password.ptr, password.len);
    locust__hash_digest(&h, id);
    key = locust__scram_find(keys, id);
    error = key ? LOCUST_OK : locust__allowance_take(a, sv->loop, &keys->permit);
    if (!key && !error) {
        key = locust__scram_find(keys, id); // made while this one waited
        if (!key) {
            locust__pbkdf2_init(&p, kind, password, salt, rounds);
            error = locust__scram_derive(sv->loop, &p, a);
            locust__pbkdf2_end(&p, out);
            if (!error)
                locust__scram_remember(sv, id, out);
        }
        locust__sem_give(sv->loop, &keys->permit);
    }
    if (key)
        memcpy(out, key->bytes, sizeof key->bytes);
    return error;
}

/* -- the login -- */

LOCUST__UNUSED static void locust__scram_init(locust__scram *s, const locust__hash_kind *kind)
{
    unsigned char random[18];
    locust__buf text = {NULL, 0, 0, false};
    *s = (locust__scram){.kind = kind};
    locust__os_random(random, sizeof random);
    locust__scram_add_base64(&text, random, sizeof random);
    if (text.failed) // the login fails for want of memory soon enough
        s->text.failed = true;
    else
        memcpy(s->nonce, text.ptr, text.len);
    locust__buf_free(&text);
}

LOCUST__UNUSED static void locust__scram_free(locust__scram *s)
{
    locust__buf_free(&s->text);
}

/* Appends the client's first message. `header` ends with two commas: "n,," has no channel binding,
 * "p=tls-server-end-point,," has one. */
LOCUST__UNUSED static void locust__scram_first(
    locust__scram *s, locust__view header, locust__view user, locust__buf *out)
{
    s->text.len = 0;
    locust__buf_puts(&s->text, "n=");
    for (size_t i = 0; i < user.len; i++) {
        char c = user.ptr[i];
        if (c == ',' || c == '=')
            locust__buf_puts(&s->text, c == ',' ? "=2C" : "=3D");
        else
            locust__buf_add(&s->text, &c, 1);
    }
    locust__buf_puts(&s->text, ",r=");
    locust__buf_puts(&s->text, s->nonce);
    locust__buf_add(out, header.ptr, header.len);
    if (!s->text.failed)
        locust__buf_add(out, s->text.ptr, s->text.len);
    out->failed |= s->text.failed;
}

/* Signs the text with a key that is made of the salted password, RFC 5802 3: *key is its HMAC of
 * `name`, `stored` what the signature is made with. */
static void locust__scram_sign(const locust__scram *s, const unsigned char *salted,
    const char *name, bool hashed, unsigned char key[LOCUST__HASH_BYTES],
    unsigned char signature[LOCUST__HASH_BYTES])
{
    unsigned char stored[LOCUST__HASH_BYTES];
    size_t n = s->kind->bytes;
    locust__hmac_bytes(
        s->kind, (locust__view){(const char *)salted, n}, locust__view_of(name), key);
    if (hashed)
        locust__hash_bytes(s->kind, key, n, stored);
    else
        memcpy(stored, key, sizeof stored);
    locust__hmac_bytes(s->kind, (locust__view){(const char *)stored, n},
        (locust__view){s->text.ptr, s->text.len}, signature);
}

/* Reads the server's first message: its salt, decoded, and how many rounds. */
static const char *locust__scram_read(const locust__scram *s, locust__view message,
    locust__view *nonce, locust__buf *salt, uint32_t *rounds)
{
    locust__view text, count;
    int64_t n;
    if (message.len && message.ptr[0] == 'm')
        return "login failed: the server asks for an extension of SCRAM";
    if (!locust__scram_take(&message, 'r', nonce) || !locust__scram_take(&message, 's', &text) ||
        !locust__scram_take(&message, 'i', &count))
        return locust__scram_malformed;
    if (nonce->len <= strlen(s->nonce) || memcmp(nonce->ptr, s->nonce, strlen(s->nonce)) != 0)
        return "login failed: the nonce of the server's SCRAM message is not for this login";
    if (!locust__base64_decode(salt, text))
        return salt->failed ? locust__error_text(LOCUST_ERR_MEMORY) : locust__scram_malformed;
    n = locust__number_of(count);
    if (!salt->len || salt->len > LOCUST__SCRAM_SALT_MAX || n < 1)
        return locust__scram_malformed;
    if (n > LOCUST__SCRAM_ROUNDS_MAX)
        return "login failed: the server asks for more than ten million rounds of SCRAM";
    if (n < s->least_rounds)
        return "login failed: the server asks for too few rounds of SCRAM";
    *rounds = (uint32_t)n;
    return NULL;
}

/* Answers the server's first message: appends the client's final one. `header` is that of
 * locust__scram_first, `binding` the data of its channel binding. NULL: it went well; else why
 * not. The user may have been cancelled: see its coroutine. `message` may lie in a buffer that
 * others use after a park, `out` may not. */
LOCUST__UNUSED static const char *locust__scram_final(locust__scram *s, locust__services *sv,
    locust__view message, locust__view password, locust__view header, locust__view binding,
    locust__allowance *a, locust__buf *out) LOCUST__PARKS
{
    unsigned char salted[LOCUST__HASH_BYTES], key[LOCUST__HASH_BYTES] = {0};
    unsigned char signature[LOCUST__HASH_BYTES];
    locust__buf salt = {NULL, 0, 0, false}, bound = {NULL, 0, 0, false};
    locust__view nonce;
    uint32_t rounds = 0;
    const char *why = locust__scram_read(s, message, &nonce, &salt, &rounds);
    size_t at;
    locust__buf_add(&s->text, ",", 1);
    locust__buf_add(&s->text, message.ptr, message.len);
    locust__buf_puts(&s->text, ",");
    at = s->text.len;
    locust__buf_add(&bound, header.ptr, header.len);
    if (binding.len)
        locust__buf_add(&bound, binding.ptr, binding.len);
    locust__buf_puts(&s->text, "c=");
    if (!bound.failed)
        locust__base64_encode(&s->text, (locust__view){bound.ptr, bound.len});
    if (!why) {
        locust__buf_puts(&s->text, ",r=");
        locust__buf_add(&s->text, nonce.ptr, nonce.len);
    }
    if (!why && (s->text.failed || bound.failed))
        why = locust__error_text(LOCUST_ERR_MEMORY);
    if (!why) {
        locust_error error = locust__scram_key_of(
            sv, s->kind, password, (locust__view){salt.ptr, salt.len}, rounds, a, salted);
        why = error ? locust__error_text(error) : NULL;
    }
    locust__buf_free(&salt);
    locust__buf_free(&bound);
    if (why)
        return why;
    locust__scram_sign(s, salted, "Server Key", false, key, s->signature);
    locust__scram_sign(s, salted, "Client Key", true, key, signature);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] ^= signature[i];
    locust__buf_add(out, s->text.ptr + at, s->text.len - at);
    locust__buf_puts(out, ",p=");
    locust__scram_add_base64(out, key, s->kind->bytes);
    return out->failed ? locust__error_text(LOCUST_ERR_MEMORY) : NULL;
}

/* Looks at the server's last message. NULL: it knows the password too. */
LOCUST__UNUSED static const char *locust__scram_check(const locust__scram *s, locust__view message)
{
    locust__buf bytes = {NULL, 0, 0, false};
    locust__view text;
    const char *why = NULL;
    if (locust__scram_take(&message, 'e', &text))
        return "login failed: the server refused it";
    if (!locust__scram_take(&message, 'v', &text))
        return locust__scram_malformed;
    if (!locust__base64_decode(&bytes, text) || bytes.len != s->kind->bytes)
        why = bytes.failed ? locust__error_text(LOCUST_ERR_MEMORY) : locust__scram_malformed;
    else if (memcmp(bytes.ptr, s->signature, bytes.len) != 0)
        why = "login failed: the server's SCRAM signature is not of this password";
    locust__buf_free(&bytes);
    return why;
}
