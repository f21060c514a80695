/* ============================================================================================
 * >>json_out  writing JSON
 *
 * Purpose     writes values one after the other, with the commas, line ends and blanks between
 *             them that Python's json.dumps puts there: on one line, or indented by two.
 * Invariants  the text is valid JSON as long as each container is ended and each member of an
 *             object has its name.
 * Names       locust__json_out locust__json_out_
 * Uses        >>json
 * Sources     RFC 8259; Python 3.11's json (separators, floats).
 * ============================================================================================ */

typedef struct locust__json_out {
    locust__buf *out;
    bool lines; // a line for each value, indented
    bool named; // the name of the next value is there
    bool any;   // the container has a value already
    int depth;
} locust__json_out;

LOCUST__COLD static void locust__json_out_line(locust__json_out *j)
{
    locust__buf_puts(j->out, "\n");
    for (int i = 0; i < j->depth; i++)
        locust__buf_puts(j->out, "  ");
}

/* What stands before a value or a name. */
LOCUST__COLD static void locust__json_out_next(locust__json_out *j)
{
    if (j->named) {
        j->named = false;
        return;
    }
    if (j->any)
        locust__buf_puts(j->out, j->lines ? "," : ", ");
    if (j->lines && j->depth)
        locust__json_out_line(j);
    j->any = true;
}

LOCUST__COLD static void locust__json_out_begin(locust__json_out *j, char bracket)
{
    locust__json_out_next(j);
    locust__buf_add(j->out, &bracket, 1);
    j->depth++;
    j->any = false;
}

LOCUST__COLD static void locust__json_out_end(locust__json_out *j, char bracket)
{
    bool any = j->any;
    j->depth--;
    if (any && j->lines)
        locust__json_out_line(j);
    locust__buf_add(j->out, &bracket, 1);
    j->any = true;
}

/* The name of the next value. */
LOCUST__COLD static void locust__json_out_name(locust__json_out *j, const char *name)
{
    locust__json_out_next(j);
    locust__json_put(j->out, name);
    locust__buf_puts(j->out, ": ");
    j->named = true;
}

/* A value that is JSON already. */
LOCUST__COLD static void locust__json_out_raw(locust__json_out *j, const char *text)
{
    locust__json_out_next(j);
    locust__buf_puts(j->out, text);
}

/* A text; NULL is null. */
LOCUST__COLD static void locust__json_out_text(locust__json_out *j, const char *text)
{
    if (!text) {
        locust__json_out_raw(j, "null");
        return;
    }
    locust__json_out_next(j);
    locust__json_put(j->out, text);
}

LOCUST__COLD static void locust__json_out_bool(locust__json_out *j, bool truth)
{
    locust__json_out_raw(j, truth ? "true" : "false");
}

LOCUST__COLD static void locust__json_out_int(locust__json_out *j, int64_t number)
{
    locust__json_out_next(j);
    locust__buf_printf(j->out, "%lld", (long long)number);
}
