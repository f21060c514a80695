/* ============================================================================================
 * >>web_form  what a form sends
 *
 * Purpose     the fields of a form: of a query, or of a body in one of the two forms that browsers
 *             send.
 * Invariants  reads nothing behind the body. What is broken ends the form: fields before it stay.
 * Names       locust__form locust__form_
 * Uses        >>head
 * Sources     WHATWG URL 5.1 (application/x-www-form-urlencoded); RFC 7578, RFC 2046 5.1
 *             (multipart/form-data).
 * Limits      LOCUST__FORM_FIELDS fields; of a file in a form its bytes are its value.
 * ============================================================================================ */

enum { LOCUST__FORM_FIELDS = 256 };

typedef struct locust__form {
    locust__buf text; // name \0 value \0 ..., in order
    int n;
} locust__form;

LOCUST__COLD static void locust__form_free(locust__form *f)
{
    locust__buf_free(&f->text);
    f->n = 0;
}

/* Adds a name or a value, decoded. Its NULs are left out: it becomes a C string. */
LOCUST__COLD static void locust__form_add(locust__form *f, locust__view text, bool coded)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int code =
            coded && c == '%' && text.len - i > 2 ? locust__number_hex(text.ptr + i + 1, 2) : -1;
        if (code >= 0) {
            c = (char)code;
            i += 2;
        } else if (coded && c == '+') {
            c = ' ';
        }
        if (c)
            locust__buf_add(&f->text, &c, 1);
    }
    locust__buf_add(&f->text, "", 1);
}

/* name=value&name=value */
LOCUST__COLD static void locust__form_read_pairs(locust__form *f, locust__view text)
{
    while (text.len && f->n < LOCUST__FORM_FIELDS) {
        const char *amp = memchr(text.ptr, '&', text.len);
        size_t n = amp ? (size_t)(amp - text.ptr) : text.len;
        const char *equals = memchr(text.ptr, '=', n);
        size_t name = equals ? (size_t)(equals - text.ptr) : n;
        size_t value = name + (name < n);
        if (n) {
            locust__form_add(f, (locust__view){text.ptr, name}, true);
            locust__form_add(f, (locust__view){text.ptr + value, n - value}, true);
            f->n++;
        }
        text = locust__view_skip(text, n + (amp != NULL));
    }
}

/* Where `what` begins in a text; NULL: nowhere. */
LOCUST__COLD static const char *locust__form_find(locust__view text, locust__view what)
{
    for (size_t i = 0; what.len && i + what.len <= text.len; i++) {
        const char *at = memchr(text.ptr + i, *what.ptr, text.len - i);
        if (!at)
            return NULL;
        i = (size_t)(at - text.ptr);
        if (i + what.len <= text.len && memcmp(at, what.ptr, what.len) == 0)
            return at;
    }
    return NULL;
}

/* The parameter of a field's value, as in form-data; name="user_count". Empty: there is none. */
LOCUST__COLD static locust__view locust__form_parameter(locust__view field, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < field.len; i++) {
        size_t end = i;
        if (field.ptr[i] != ';')
            continue;
        i++;
        while (i < field.len && locust__http_blank(field.ptr[i]))
            i++;
        if (field.len - i <= len || strncasecmp(field.ptr + i, name, len) != 0 ||
            field.ptr[i + len] != '=') {
            i--;
            continue;
        }
        i += len + 1;
        if (i < field.len && field.ptr[i] == '"') {
            for (end = ++i; end < field.len && field.ptr[end] != '"';)
                end++;
        } else {
            for (end = i; end < field.len && field.ptr[end] != ';' &&
                          !locust__http_blank(field.ptr[end]) && field.ptr[end] != '\r';)
                end++;
        }
        return (locust__view){field.ptr + i, end - i};
    }
    return (locust__view){"", 0};
}

/* The name that the head of a part gives. Empty: it gives none. */
LOCUST__COLD static locust__view locust__form_part_name(locust__view head)
{
    static const char field[] = "content-disposition:";
    while (head.len) {
        const char *lf = memchr(head.ptr, '\n', head.len);
        size_t n = lf ? (size_t)(lf - head.ptr) + 1 : head.len;
        if (n > sizeof field && strncasecmp(head.ptr, field, sizeof field - 1) == 0)
            return locust__form_parameter((locust__view){head.ptr, n}, "name");
        head = locust__view_skip(head, n);
    }
    return (locust__view){"", 0};
}

/* multipart/form-data: parts between lines of "--" and the boundary. */
LOCUST__COLD static void locust__form_read_parts(
    locust__form *f, locust__view text, locust__view boundary)
{
    char line[80]; // RFC 2046: a boundary has 70 characters at most
    locust__view mark, whole;
    const char *at;
    if (!boundary.len || boundary.len > 70)
        return;
    snprintf(line, sizeof line, "\r\n--%.*s", (int)boundary.len, boundary.ptr);
    whole = locust__view_of(line);
    mark = locust__view_skip(whole, 2);
    at = locust__form_find(text, mark); // the first one may begin the body
    while (at && f->n < LOCUST__FORM_FIELDS) {
        const char *end, *head;
        locust__view name, rest;
        at += mark.len;
        rest = locust__view_skip(text, (size_t)(at - text.ptr));
        if (rest.len < 2 || memcmp(rest.ptr, "\r\n", 2) != 0)
            return; // "--": the last one
        head = locust__form_find(rest, (locust__view){"\r\n\r\n", 4});
        if (!head)
            return;
        name = locust__form_part_name((locust__view){rest.ptr + 2, (size_t)(head - rest.ptr)});
        rest = locust__view_skip(rest, (size_t)(head - rest.ptr) + 2);
        end = locust__form_find(rest, whole); // an empty value: its line end ends the head, too
        if (!end)
            return;
        if (name.len) {
            size_t n = (size_t)(end - rest.ptr);
            locust__form_add(f, name, false);
            locust__form_add(f, (locust__view){rest.ptr + 2, n > 2 ? n - 2 : 0}, false);
            f->n++;
        }
        at = end + 2;
    }
}

/* Reads the form of a body by its media type; another type is an empty form. */
LOCUST__COLD static void locust__form_read(locust__form *f, const char *type, locust__view body)
{
    static const char pairs[] = "application/x-www-form-urlencoded";
    static const char parts[] = "multipart/form-data";
    locust__view t = locust__view_of(type ? type : "");
    if (strncasecmp(t.ptr, pairs, sizeof pairs - 1) == 0)
        locust__form_read_pairs(f, body);
    else if (strncasecmp(t.ptr, parts, sizeof parts - 1) == 0)
        locust__form_read_parts(f, body, locust__form_parameter(t, "boundary"));
}

/* Steps through the fields, from at == NULL on. False: there is no further one. */
LOCUST__COLD static bool locust__form_next(
    const locust__form *f, const char **at, const char **name, const char **value)
{
    const char *p = *at ? *at : f->text.ptr;
    if (f->text.failed || !f->n || p == f->text.ptr + f->text.len)
        return false;
    *name = p;
    *value = p + strlen(p) + 1;
    *at = *value + strlen(*value) + 1;
    return true;
}

/* The value of the first field of a name; NULL: there is none. */
LOCUST__COLD static const char *locust__form_value(const locust__form *f, const char *name)
{
    const char *at = NULL, *have, *value;
    while (locust__form_next(f, &at, &have, &value))
        if (strcmp(have, name) == 0)
            return value;
    return NULL;
}
