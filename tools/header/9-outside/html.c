/* ============================================================================================
 * >>html  the tables of a report
 *
 * Purpose     verdict, checks, statistics, failures, exceptions, remarks, options and machine as
 *             plain HTML: what of a report a reader without JavaScript sees, and paper.
 * Invariants  whatever a name, a failure or an option holds, no character of it is markup.
 * Cost        linear in rows; on the loop's stack, at the end of a run.
 * Names       locust__html locust__html_
 * Uses        >>entry >>stats >>json >>task >>class >>usage >>generator >>figures >>check
 *             >>baseline >>find >>result >>table >>summary
 * Sources     Locust 2.47.0's report: headings and columns. HTML 13.1.2 and 13.5 (escapes).
 * ============================================================================================ */

typedef struct locust__html { // a report while it is written
    locust__buf *out;
    const locust__result *result;
    locust__figures_view view;
    locust__entry **rows; // in order, the total last
    size_t n_rows;
} locust__html;

/* Adds a text: no markup, valid UTF-8, no control characters but line ends and tabs. */
LOCUST__COLD static void locust__html_text(locust__buf *out, locust__view text)
{
    while (text.len) {
        uint32_t code;
        locust__view c = locust__text_next(&text, &code);
        if (code == '<' || code == '>' || code == '&' || code == '"' || code == '\'')
            locust__buf_printf(out, "&#%d;", (int)code);
        else if (code != '\n' && code != '\t' && locust__text_is_control(code))
            locust__buf_puts(out, " ");
        else
            locust__buf_add(out, c.ptr, c.len);
    }
}

static void locust__html_cell(locust__buf *out, const char *text)
{
    locust__buf_puts(out, "<td>");
    locust__html_text(out, locust__view_of(text));
    locust__buf_puts(out, "</td>");
}

/* Begins a section with a table; titles are separated by '|', those behind "||" are of numbers. */
LOCUST__COLD static void locust__html_table(
    locust__buf *out, const char *id, const char *heading, const char *titles)
{
    bool number = *titles == '|';
    titles += number;
    locust__buf_printf(out,
        "<section id=\"%s\"><h2>%s</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"%s\"><table>\n<thead><tr>",
        id, heading, heading);
    while (*titles) {
        size_t n = strcspn(titles, "|");
        locust__buf_printf(
            out, "<th scope=\"col\"%s>%.*s</th>", number ? " class=\"n\"" : "", (int)n, titles);
        titles += n + (titles[n] == '|');
        number |= *titles == '|';
        titles += *titles == '|';
    }
    locust__buf_puts(out, "</tr></thead>\n<tbody>");
}

static void locust__html_table_end(locust__buf *out)
{
    locust__buf_puts(out, "</tbody></table></div></section>\n");
}

/* A number of a row, with its unit left out; a dash where nothing was measured. */
static void locust__html_figure(const locust__html *h, const locust__entry *row, int id)
{
    double value;
    char text[64] = "-";
    locust__figure_id figure = (locust__figure_id)id;
    if (locust__figures_find(&h->view, row, figure, locust__figures[figure].share, &value))
        locust__figures_format(text, sizeof text, LOCUST__FIGURES_IN_TABLE, figure, value);
    locust__buf_printf(h->out, "<td class=\"n\">%s</td>", text);
}

static bool locust__html_is_total(const locust__html *h, size_t i)
{
    return i + 1 == h->n_rows;
}

/* Rows of a table, the total last, in a foot of its own that sorting leaves where it is. */
LOCUST__COLD static void locust__html_rows(const locust__html *h, const uint8_t *figures, int n)
{
    for (size_t i = 0; i < h->n_rows; i++) {
        const locust__entry *row = h->rows[i];
        locust__buf_puts(h->out, locust__html_is_total(h, i) ? "</tbody><tfoot><tr>" : "<tr>");
        locust__html_cell(h->out, row->method);
        locust__html_cell(h->out, row->name);
        for (int k = 0; k < n; k++)
            locust__html_figure(h, row, figures[k]);
        locust__buf_puts(h->out, locust__html_is_total(h, i) ? "</tr></tfoot>" : "</tr>\n");
    }
    locust__buf_puts(h->out, "</table></div></section>\n");
}

LOCUST__COLD static void locust__html_statistics(const locust__html *h)
{
    static const uint8_t requests[] = {LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES,
        LOCUST__FIGURE_UNANSWERED, LOCUST__FIGURE_AVG, LOCUST__FIGURE_MIN, LOCUST__FIGURE_MAX,
        LOCUST__FIGURE_SIZE, LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS};
    static const uint8_t times[] = {LOCUST__FIGURES_PERCENTILES};
    static const uint8_t intended[] = {LOCUST__FIGURE_P50, LOCUST__FIGURE_P99, LOCUST__FIGURE_P100,
        LOCUST__FIGURE_INTENDED_P50, LOCUST__FIGURE_INTENDED_P99, LOCUST__FIGURE_INTENDED_MAX};
    locust__html_table(h->out, "requests", "Request Statistics",
        "Type|Name||#&nbsp;Requests|#&nbsp;Fails|Unanswered|Average (ms)|Min (ms)|Max (ms)|"
        "Average size (bytes)|RPS|Failures/s");
    locust__html_rows(h, requests, sizeof requests);
    locust__html_table(h->out, "times", "Response Time Statistics",
        "Type|Name||50%ile (ms)|66%ile (ms)|75%ile (ms)|80%ile (ms)|90%ile (ms)|95%ile (ms)|"
        "98%ile (ms)|99%ile (ms)|99.9%ile (ms)|99.99%ile (ms)|100%ile (ms)");
    locust__html_rows(h, times, sizeof times);
    if (!h->result->env->services.recorder.has_arrivals)
        return;
    locust__html_table(h->out, "intended", "Response Times From The Intended Start",
        "Type|Name||50%ile (ms)|99%ile (ms)|100%ile (ms)|Intended 50%ile (ms)|"
        "Intended 99%ile (ms)|Intended 100%ile (ms)");
    locust__html_rows(h, intended, sizeof intended);
}

LOCUST__COLD static void locust__html_phases(locust__html *h)
{
    static const int columns[] = {LOCUST__FIGURE_PHASE_COUNT, LOCUST__FIGURE_PHASE_P50,
        LOCUST__FIGURE_PHASE_P95, LOCUST__FIGURE_PHASE_P99, LOCUST__FIGURE_PHASE_MAX};
    if (!h->result->env->options.phases)
        return;
    locust__html_table(h->out, "phases", "Phases Of Requests",
        "Type|Name|Phase||#&nbsp;Requests|50%ile (ms)|95%ile (ms)|99%ile (ms)|100%ile (ms)");
    for (size_t i = 0; i < h->n_rows; i++)
        for (int k = 0; h->rows[i]->phases && k < LOCUST__PHASES; k++) {
            if (!h->rows[i]->phases[k].hist.total)
                continue;
            h->view.phase = &h->rows[i]->phases[k];
            locust__buf_puts(h->out, "<tr>");
            locust__html_cell(h->out, h->rows[i]->method);
            locust__html_cell(h->out, h->rows[i]->name);
            locust__html_cell(h->out, locust__table_phase_names[k]);
            for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
                locust__html_figure(h, h->rows[i], columns[c]);
            locust__buf_puts(h->out, "</tr>\n");
        }
    h->view.phase = NULL;
    locust__html_table_end(h->out);
}

LOCUST__COLD static void locust__html_failures(const locust__html *h)
{
    const locust__request_stats *st = &h->result->env->stats;
    const locust__stats_failure *f;
    const locust__stats_exception *e;
    if (locust__stats_failure_at(st, 0)) {
        locust__html_table(h->out, "failures", "Failures Statistics",
            "Method|Name|Message|First Seen|Last Seen||# Failures");
        for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
            locust__buf_puts(h->out, "<tr>");
            locust__html_cell(h->out, f->row->method);
            locust__html_cell(h->out, f->row->name);
            locust__html_cell(h->out, f->text);
            locust__buf_puts(h->out, "<td>");
            locust__figures_time(h->out, f->first_wall_ns);
            locust__buf_puts(h->out, "</td><td>");
            locust__figures_time(h->out, f->last_wall_ns);
            locust__buf_printf(h->out, "</td><td class=\"n\">%llu</td></tr>\n",
                (unsigned long long)f->occurrences);
        }
        locust__html_table_end(h->out);
    }
    if (!locust__stats_exception_at(st, 0))
        return;
    locust__html_table(
        h->out, "exceptions", "Exceptions Statistics", "Message|Traceback||# Occurrences");
    for (size_t i = 0; (e = locust__stats_exception_at(st, i)) != NULL; i++) {
        locust__buf_puts(h->out, "<tr>");
        locust__html_cell(h->out, e->text);
        locust__html_cell(h->out, e->place);
        locust__buf_printf(
            h->out, "<td class=\"n\">%llu</td></tr>\n", (unsigned long long)e->times);
    }
    locust__html_table_end(h->out);
}

LOCUST__COLD static void locust__html_checks(const locust__html *h)
{
    const locust__checks *checks = &h->result->checks;
    if (!checks->n)
        return;
    locust__html_table(h->out, "checks", "Checks", "Check|Result||Measured");
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        char text[40];
        locust__buf_printf(h->out, "<tr class=\"%s\">", c->held ? "good" : "bad");
        locust__html_cell(h->out, c->text);
        locust__html_cell(h->out, c->held ? "holds" : "does not hold");
        locust__buf_printf(
            h->out, "<td class=\"n\">%s</td></tr>\n", locust__check_value(c, text, sizeof text));
    }
    locust__html_table_end(h->out);
}

LOCUST__COLD static void locust__html_arrivals(const locust__html *h)
{
    locust_arrival_counts c = locust__usage_arrivals(h->result->env);
    if (!h->result->env->services.recorder.has_arrivals)
        return;
    locust__html_table(h->out, "arrivals", "Arrivals", "|Scheduled|Started|Late|Shed|Unanswered");
    locust__buf_printf(h->out,
        "<tr><td class=\"n\">%llu</td><td class=\"n\">%llu</td><td class=\"n\">%llu</td>"
        "<td class=\"n\">%llu</td><td class=\"n\">%llu</td></tr>",
        (unsigned long long)c.scheduled, (unsigned long long)c.started, (unsigned long long)c.late,
        (unsigned long long)c.shed, (unsigned long long)c.unanswered);
    locust__html_table_end(h->out);
}

static void locust__html_item(locust__buf *out, const char *text)
{
    locust__buf_puts(out, "<li>");
    locust__html_text(out, locust__view_of(text));
    locust__buf_puts(out, "</li>\n");
}

/* What the search, the comparison and the remarks say, in sentences. */
LOCUST__COLD static void locust__html_sentences(const locust__html *h)
{
    const locust__result *r = h->result;
    char line[640];
    if (r->env->options.find_max) {
        locust__buf_puts(h->out, "<section id=\"find\"><h2>Highest Rate</h2><ul>");
        locust__find_line(&r->find, line, sizeof line);
        locust__html_item(h->out, line);
        locust__buf_puts(h->out, "</ul></section>\n");
    }
    if (r->remarks.n) {
        locust__buf_puts(h->out, "<section id=\"remarks\"><h2>Remarks</h2><ul>");
        for (size_t i = 0; i < r->remarks.n; i++)
            locust__html_item(h->out, r->remarks.all[i].text);
        locust__buf_puts(h->out, "</ul></section>\n");
    }
    if (!r->baseline.n)
        return;
    locust__html_table(h->out, "baseline", "Compared With The Baseline", "Name|Verdict|Why");
    for (size_t i = 0; i < r->baseline.n; i++) {
        const locust__earlier *earlier = &r->baseline.rows[i];
        locust__buf_puts(h->out, "<tr>");
        locust__html_cell(h->out, earlier->name);
        locust__html_cell(h->out, locust__change_names[earlier->change]);
        locust__html_cell(h->out, earlier->why);
        locust__buf_puts(h->out, "</tr>\n");
    }
    locust__html_table_end(h->out);
}

/* A value of JSON as people write it. */
static void locust__html_value(locust__buf *out, locust__view value)
{
    char text[1024];
    if (*value.ptr == '"' && locust__json_decode(value, text, sizeof text))
        locust__html_text(out, locust__view_of(text));
    else
        locust__html_text(out, value);
}

/* The members of the objects in a JSON object, each in a table; without those that say nothing. */
LOCUST__COLD static void locust__html_members(locust__buf *out, locust__view json)
{
    locust__view key, object, name, value;
    for (const char *p = NULL; locust__json_member(json, &p, &key, &object);) {
        if (*object.ptr != '{')
            continue;
        locust__buf_printf(out,
            "<section class=\"half\"><h2>%c%.*s</h2><div class=\"scroll\"><table><tbody>",
            *key.ptr - 'a' + 'A', (int)key.len - 1, key.ptr + 1);
        for (const char *q = NULL; locust__json_member(object, &q, &name, &value);) {
            if (locust__view_is(value, "null") || locust__view_is(value, "false"))
                continue;
            locust__buf_puts(out, "<tr><th scope=\"row\">");
            for (size_t i = 0; i < name.len; i++)
                locust__buf_add(out, name.ptr[i] == '_' ? " " : name.ptr + i, 1);
            locust__buf_puts(out, "</th><td>");
            locust__html_value(out, value);
            locust__buf_puts(out, "</td></tr>\n");
        }
        locust__html_table_end(out);
    }
}

/* Options, machine and clients, as --summary has them. */
LOCUST__COLD static void locust__html_settings(const locust__html *h)
{
    const locust_env *env = h->result->env;
    locust__buf json = {NULL, 0, 0, false};
    locust__buf_puts(&json, "{");
    locust__summary_options(&json, env);
    locust__summary_machine(&json);
    locust__summary_client(&json, &env->services.counts);
    locust__summary_tls(&json, &env->services.tls.counts);
    locust__buf_puts(&json, "\"end\": null}");
    if (!json.failed)
        locust__html_members(h->out, (locust__view){json.ptr, json.len});
    h->out->failed |= json.failed;
    locust__buf_free(&json);
}

/* How many users, or arrivals, of the run are of a class. */
static double locust__html_of_class(const locust_env *env, int i)
{
    int fixed = 0, users = env->options.users > 0 ? env->options.users : 1;
    double weights = 0;
    if (env->services.recorder.has_arrivals)
        return env->classes[i].arrivals ? (double)env->classes[i].arrivals->counts.started : 0;
    for (int k = 0; k < env->n_classes; k++) {
        fixed += env->classes[k].as->fixed_count > 0 ? env->classes[k].as->fixed_count : 0;
        weights += locust__class_weight(env->classes[k].as);
    }
    if (env->classes[i].as->fixed_count > 0)
        return env->classes[i].as->fixed_count;
    return weights > 0 && users > fixed
               ? locust__class_weight(env->classes[i].as) / weights * (users - fixed)
               : 0;
}

/* The same as a share of all. */
static double locust__html_share(const locust_env *env, int i)
{
    double all = 0;
    for (int k = 0; k < env->n_classes; k++)
        all += locust__html_of_class(env, k);
    return all > 0 ? locust__html_of_class(env, i) / all : 0;
}

/* The tasks of a class or set, as nested lists of shares. */
LOCUST__COLD static void locust__html_tasks(locust__buf *out, // NOLINT(misc-no-recursion)
    const locust_task *tasks, int depth)
{
    int weights = 0;
    for (const locust_task *t = tasks; t && (t->fn || t->set); t++)
        weights += locust__task_weight(t);
    if (!weights || depth == LOCUST__PLAN_DEPTH)
        return;
    locust__buf_puts(out, "<ul>");
    for (const locust_task *t = tasks; t->fn || t->set; t++) {
        locust__buf_printf(out, "<li>%.1f%% ", 100.0 * locust__task_weight(t) / weights);
        locust__html_text(out, locust__view_of(t->name));
        if (t->set)
            locust__html_tasks(out, t->set->tasks, depth + 1);
        locust__buf_puts(out, "</li>");
    }
    locust__buf_puts(out, "</ul>");
}

LOCUST__COLD static void locust__html_ratio(const locust__html *h)
{
    const locust_env *env = h->result->env;
    locust__buf_puts(h->out, "<section id=\"ratio\"><h2>Final Ratio</h2><ul>");
    for (int i = 0; i < env->n_classes; i++) {
        locust__buf_printf(h->out, "<li>%.1f%% ", 100 * locust__html_share(env, i));
        locust__html_text(h->out, locust__view_of(env->classes[i].as->name));
        locust__html_tasks(h->out, env->classes[i].as->tasks, 0);
        locust__buf_puts(h->out, "</li>");
    }
    locust__buf_puts(h->out, "</ul></section>\n");
}

/* How the run ended, in a box of its own: what a reader looks for first. */
LOCUST__COLD static void locust__html_verdict(const locust__html *h)
{
    const locust__result *r = h->result;
    const locust_env *env = r->env;
    char line[1024];
    bool bad = env->exit_code != 0;
    locust__buf_printf(h->out, "<div class=\"verdict %s\"><p><b>%s</b> ", bad ? "bad" : "good",
        bad ? "Failed:" : "Passed.");
    if (bad)
        locust__html_text(
            h->out, locust__view_of(r->own_code ? "the test has set the exit code" : r->why));
    locust__buf_printf(h->out, " <small>exit code %d</small></p></div>\n", env->exit_code);
    locust__generator_line(&r->generator, line, sizeof line);
    locust__buf_printf(
        h->out, "<div class=\"verdict %s\" id=\"generator\"><p>", r->generator.ok ? "good" : "bad");
    locust__html_text(h->out, locust__view_of(line));
    locust__buf_puts(h->out, "</p></div>\n");
}

/* A URL without the name and the password in it. */
static void locust__html_url(locust__buf *out, const char *url)
{
    locust__buf json = {NULL, 0, 0, false};
    locust__view value;
    locust__summary_url(&json, "", url);
    value = (locust__view){json.ptr, json.len};
    if (!json.failed)
        locust__html_value(out, locust__view_skip(value, sizeof "\"\": " - 1));
    out->failed |= json.failed;
    locust__buf_free(&json);
}

/* Everything between the heading and the end; charts stand where `charts` is. */
LOCUST__COLD static void locust__html_tables(locust__html *h)
{
    locust__html_verdict(h);
    locust__html_checks(h);
    locust__html_statistics(h);
    locust__html_arrivals(h);
    locust__html_failures(h);
    locust__buf_puts(h->out, "<section id=\"charts\"><h2>Charts</h2><noscript><p>Charts need "
                             "JavaScript; all figures stand in the tables.</p></noscript>"
                             "</section>\n");
    locust__html_sentences(h);
    locust__html_phases(h);
    locust__html_ratio(h);
    locust__buf_puts(h->out, "<div class=\"columns\">");
    locust__html_settings(h);
    locust__buf_puts(h->out, "</div>\n");
}
