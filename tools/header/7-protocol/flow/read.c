/* ============================================================================================
 * >>flow_read  what events of streamed answers mean
 *
 * Purpose     readers of the events of OpenAI's API (chat completions, completions, responses), of
 *             Ollama and of TGI, and of those that the test marks itself.
 * Invariants  nothing is read outside an event. What is no JSON object is no event of the protocol.
 * Names       locust__flow_read_ locust__flow_openai locust__flow_ollama locust__flow_tgi
 *             locust__flow_marked
 * Uses        >>co >>misuse >>context >>json >>flow_take
 * Sources     OpenAI's reference of streaming events; the chunks of vLLM, llama.cpp and others that
 *             call themselves compatible (reasoning_content, reasoning); Ollama's api.md; TGI's
 *             messages of generate_stream.
 * ============================================================================================ */

/* The text of a string's inside, at the end of the answer's. */
static void locust__flow_read_say(locust__flow_state *f, locust__view string)
{
    locust__buf *to = &f->c->block;
    locust__view inside = {string.ptr + 1, string.len - 2};
    char text[4];
    for (size_t i = 0, n; i < inside.len;) {
        const char *escape = memchr(inside.ptr + i, '\\', inside.len - i);
        size_t plain = escape ? (size_t)(escape - inside.ptr) - i : inside.len - i;
        if (to->len > LOCUST_MAX_BODY) // the clock goes on, the text does not
            return;
        locust__buf_add(to, inside.ptr + i, plain);
        i += plain;
        n = escape ? locust__json_char(inside, &i, text) : 0;
        if (escape && !n)
            return;
        locust__buf_add(to, text, n);
    }
}

static bool locust__flow_read_is_text(locust__view v)
{
    return v.len > 2 && *v.ptr == '"';
}

/* An array or object with something in it. */
static bool locust__flow_read_is_filled(locust__view v)
{
    const char *end = v.ptr + v.len;
    if (v.len < 2 || (*v.ptr != '[' && *v.ptr != '{'))
        return false;
    return locust__json_blank(v.ptr + 1, end) < end - 1;
}

static void locust__flow_read_number(locust__view v, int64_t *to)
{
    int64_t n;
    if (locust__json_int(v, &n) && n >= 0)
        *to = n;
}

/* The usage of a stream: names of the completions, and of the responses. */
static void locust__flow_read_usage(locust__flow_state *f, locust__view usage)
{
    const char *p = NULL;
    locust__view key, value;
    while (usage.len && *usage.ptr == '{' && locust__json_member(usage, &p, &key, &value)) {
        if (locust__view_is(key, "completion_tokens") || locust__view_is(key, "output_tokens"))
            locust__flow_read_number(value, &f->usage_output);
        else if (locust__view_is(key, "prompt_tokens") || locust__view_is(key, "input_tokens"))
            locust__flow_read_number(value, &f->usage_input);
        else if ((locust__view_is(key, "completion_tokens_details") ||
                     locust__view_is(key, "output_tokens_details")) &&
                 locust__json_find(value, "reasoning_tokens", &value))
            locust__flow_read_number(value, &f->usage_reasoning);
    }
}

/* Content of a message, or of a delta to one. */
static void locust__flow_read_message(
    locust__flow_state *f, locust__view message, bool says, locust__flow_now *now)
{
    const char *p = NULL;
    locust__view key, value;
    while (message.len && *message.ptr == '{' && locust__json_member(message, &p, &key, &value)) {
        bool text = locust__flow_read_is_text(value);
        if (locust__view_is(key, "content") && text) {
            now->token = true;
            if (says)
                locust__flow_read_say(f, value);
        } else if (locust__view_is(key, "refusal")) {
            now->token |= text;
        } else if (locust__view_is(key, "tool_calls") || locust__view_is(key, "function_call")) {
            now->token |= locust__flow_read_is_filled(value);
        } else if (locust__view_is(key, "reasoning_content") || locust__view_is(key, "reasoning") ||
                   locust__view_is(key, "thinking")) {
            now->reasoning |= text;
        }
    }
}

/* One of the answers of a completion. The text of the answer is that of the first. */
static void locust__flow_read_choice(
    locust__flow_state *f, locust__view choice, locust__flow_now *now)
{
    const char *p = NULL;
    locust__view key, value, delta = {NULL, 0}, text = {NULL, 0};
    int64_t index = 0;
    while (choice.len && *choice.ptr == '{' && locust__json_member(choice, &p, &key, &value)) {
        if (locust__view_is(key, "delta"))
            delta = value;
        else if (locust__view_is(key, "text"))
            text = value;
        else if (locust__view_is(key, "index"))
            locust__flow_read_number(value, &index);
    }
    locust__flow_read_message(f, delta, index == 0, now);
    if (!locust__flow_read_is_text(text))
        return;
    now->token = true;
    if (index == 0)
        locust__flow_read_say(f, text);
}

/* An event of the responses: its type says what its delta is. */
static void locust__flow_read_response(locust__flow_state *f, locust__view type, locust__view delta,
    locust__view response, locust__flow_now *now)
{
    static const char end[] = ".delta";
    const size_t n = sizeof end - 1;
    locust__view usage;
    type = (locust__view){type.ptr + 1, type.len - 2};
    if (locust__view_is(type, "response.completed") || locust__view_is(type, "response.incomplete"))
        now->end = true;
    if (locust__view_is(type, "response.failed") || locust__view_is(type, "error"))
        now->error = true;
    if (now->end && locust__json_find(response, "usage", &usage))
        locust__flow_read_usage(f, usage);
    if (type.len < n || memcmp(type.ptr + type.len - n, end, n) != 0 ||
        !locust__flow_read_is_text(delta))
        return;
    if (locust__view_has(type, "reasoning")) {
        now->reasoning = true;
        return;
    }
    now->token = true;
    if (locust__view_is(type, "response.output_text.delta"))
        locust__flow_read_say(f, delta);
}

/* The object that an event's data is. */
static bool locust__flow_read_object(const locust_sse_event *event, locust__view *object)
{
    return locust__json_find(locust__view_of(event->data), "", object) && *object->ptr == '{';
}

static bool locust__flow_read_is_null(locust__view v)
{
    return locust__view_is(v, "null");
}

static bool locust__flow_read_openai(
    locust__flow_state *f, const locust_sse_event *event, locust__flow_now *now)
{
    const char *p = NULL, *at = NULL;
    locust__view object, key, value, choice, type = {NULL, 0}, delta = {NULL, 0};
    locust__view response = {"", 0};
    if (strcmp(event->data, "[DONE]") == 0) {
        now->end = true;
        return true;
    }
    if (!locust__flow_read_object(event, &object))
        return false;
    while (locust__json_member(object, &p, &key, &value)) {
        if (locust__view_is(key, "choices"))
            for (at = NULL; locust__json_element(value, &at, &choice);)
                locust__flow_read_choice(f, choice, now);
        else if (locust__view_is(key, "usage"))
            locust__flow_read_usage(f, value);
        else if (locust__view_is(key, "error"))
            now->error = !locust__flow_read_is_null(value);
        else if (locust__view_is(key, "type") && locust__flow_read_is_text(value))
            type = value;
        else if (locust__view_is(key, "delta"))
            delta = value;
        else if (locust__view_is(key, "response"))
            response = value;
    }
    if (type.len)
        locust__flow_read_response(f, type, delta, response, now);
    return true;
}

static bool locust__flow_read_ollama(
    locust__flow_state *f, const locust_sse_event *event, locust__flow_now *now)
{
    const char *p = NULL;
    locust__view object, key, value;
    if (!locust__flow_read_object(event, &object))
        return false;
    while (locust__json_member(object, &p, &key, &value)) {
        bool text = locust__flow_read_is_text(value);
        if (locust__view_is(key, "message"))
            locust__flow_read_message(f, value, true, now);
        else if (locust__view_is(key, "response") && text) {
            now->token = true;
            locust__flow_read_say(f, value);
        } else if (locust__view_is(key, "thinking"))
            now->reasoning |= text;
        else if (locust__view_is(key, "done"))
            now->end = locust__view_is(value, "true");
        else if (locust__view_is(key, "eval_count"))
            locust__flow_read_number(value, &f->usage_output);
        else if (locust__view_is(key, "prompt_eval_count"))
            locust__flow_read_number(value, &f->usage_input);
        else if (locust__view_is(key, "error"))
            now->error = !locust__flow_read_is_null(value);
    }
    return true;
}

static bool locust__flow_read_tgi(
    locust__flow_state *f, const locust_sse_event *event, locust__flow_now *now)
{
    const char *p = NULL;
    locust__view object, key, value, text;
    if (!locust__flow_read_object(event, &object))
        return false;
    while (locust__json_member(object, &p, &key, &value)) {
        if (locust__view_is(key, "token")) {
            now->token = locust__flow_read_is_filled(value);
            if (locust__json_find(value, "special", &text) && locust__view_is(text, "true"))
                continue; // the end of the text is a token, and no text
            if (locust__json_find(value, "text", &text) && locust__flow_read_is_text(text))
                locust__flow_read_say(f, text);
        } else if (locust__view_is(key, "generated_text")) {
            now->end = !locust__flow_read_is_null(value);
        } else if (locust__view_is(key, "details")) {
            if (locust__json_find(value, "generated_tokens", &text))
                locust__flow_read_number(text, &f->usage_output);
            if (locust__json_find(value, "input_length", &text))
                locust__flow_read_number(text, &f->usage_input);
        } else if (locust__view_is(key, "error")) {
            now->error = !locust__flow_read_is_null(value);
        }
    }
    return true;
}

static bool locust__flow_read_marked(
    locust__flow_state *f, const locust_sse_event *event, locust__flow_now *now)
{
    const locust_request *req = f->x->req;
    locust__callback c;
    volatile locust_stream_mark mark = LOCUST_MARK_IGNORE;
    locust__callback_begin(&c, locust__loop_now, ".on_mark");
    if (setjmp(c.back) == 0) {
        mark = req->on_mark(req->arg, event);
    } else {
        locust__callback_left(&c);
        f->misused = true;
    }
    locust__callback_end(&c);
    now->token = mark == LOCUST_MARK_TOKEN;
    now->reasoning = mark == LOCUST_MARK_REASONING;
    now->end = mark == LOCUST_MARK_END;
    now->error = mark == LOCUST_MARK_ERROR;
    return !f->misused;
}

#define LOCUST__FLOW_READ_KIND(name, lines, own)                                      \
    static const locust__flow_reader locust__flow_read_##name##_reader = {            \
        locust__flow_read_##name, lines, own};                                        \
    static const struct locust_stream_kind locust__flow_##name = {locust__flow_begin, \
        locust__flow_open, locust__flow_end, locust__flow_count,                      \
        &locust__flow_read_##name##_reader}
LOCUST__FLOW_READ_KIND(openai, false, false);
LOCUST__FLOW_READ_KIND(ollama, true, false);
LOCUST__FLOW_READ_KIND(tgi, false, false);
LOCUST__FLOW_READ_KIND(marked, false, true);
#undef LOCUST__FLOW_READ_KIND
