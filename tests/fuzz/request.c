// What a client sends to the web interface: a head never breaks its reader, and what it keeps is C strings without
// control characters; forms in both kinds; who is let in. RFC 9112, RFC 7578.
// Input: '0' a head; '1' a form of pairs; '2' a boundary, a line end, parts.
#include "../../locust.h"
#include "../check.h"

static void head(const char *data, size_t n)
{
    locust__request_head h;
    locust__buf kept = {NULL, 0, 0, false};
    locust__guard g;
    size_t scanned = 0, end = locust__http_head_end(data, n, &scanned);
    locust__guard_init(&g, "http://load.test:8000", "ann:secret");
    if (end && locust__request_head_parse(data, end, &h, &kept) == 0) {
        const char *at = h.fields, *name, *value;
        MUST(*h.method && strlen(h.path) < n && strlen(h.query) < n);
        for (const char *p = h.path; *p; p++)
            MUST((unsigned char)*p >= 0x20 && *p != 0x7F);
        while (locust__http_next_copied(&at, &name, &value))
            MUST(*name && strlen(value) < n);
        MUST(at < kept.ptr + kept.cap);
        locust__guard_knows(&g, locust__view_of(h.host));
        locust__guard_is_foreign(&g, &h);
        if (locust__guard_lets_in(&g, &h))
            MUST(locust__request_head_field(&h, "Authorization") != NULL);
    }
    locust__buf_free(&kept);
}

static void form(const char *data, size_t n, bool parts)
{
    locust__form f = {{NULL, 0, 0, false}, 0};
    const char *at = NULL, *name, *value, *line = memchr(data, '\n', n);
    int fields = 0;
    if (parts && !line)
        return;
    if (parts) {
        size_t len = (size_t)(line - data);
        locust__form_read_parts(
            &f, (locust__view){line + 1, n - len - 1}, (locust__view){data, len});
    } else {
        locust__form_read_pairs(&f, (locust__view){data, n});
    }
    while (locust__form_next(&f, &at, &name, &value)) {
        fields++;
        MUST(value + strlen(value) < f.text.ptr + f.text.len);
    }
    MUST(fields == f.n && fields <= LOCUST__FORM_FIELDS);
    locust__form_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *copy;
    if (n < 2)
        return 0;
    copy = malloc(n > 1 ? n - 1 : 1); // exactly what there is
    memcpy(copy, data + 1, n - 1);
    if (*data == '0')
        head(copy, n - 1);
    else if (*data == '1' || *data == '2')
        form(copy, n - 1, *data == '2');
    free(copy);
    return 0;
}
