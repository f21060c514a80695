// llm.c - conversations with a language model behind an OpenAI-compatible API; each question sends all before it.
//   cc -O2 -I.. llm.c -o llm
//   ./llm --headless --users 50 --spawn-rate 5 --run-time 5m --host http://127.0.0.1:8000 --stop-timeout 30
//       --check 'ttft_p99<500ms' --check 'goodput(ttft<200ms,tpot<50ms)>0.95'
// Shows: a streamed answer with a clock on each event, growing contexts, users who lose patience, rows by turn.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 5, MOST = 32768 };

struct talk {
    int turn;
    size_t len;
    char messages[MOST]; // {"role": ..., "content": ...}, ... of the conversation so far
};

static const char *const questions[] = { "Tell me a story.", "Go on.", "And then?", "Who told you?", "How does it end?" };

/* Adds a message, its text as JSON has it. False: the conversation has become too long. */
static bool add(struct talk *t, const char *role, const char *text)
{
    char *to = t->messages + t->len, *end = t->messages + MOST - 16;
    if (end - to < 64)
        return false;
    to += sprintf(to, "%s{\"role\": \"%s\", \"content\": \"", t->len ? ", " : "", role);
    for (; *text && to < end; text++)
        if (*text == '"' || *text == '\\')
            to += sprintf(to, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            to += sprintf(to, "\\u%04x", *text);
        else
            *to++ = *text;
    to += sprintf(to, "\"}");
    t->len = (size_t)(to - t->messages);
    return to < end;
}

static void ask(locust_user *u)
{
    static const char *const names[TURNS] = { "turn 1", "turn 2", "turn 3", "turn 4", "turn 5" };
    struct talk *t = u->data;
    char body[MOST + 200];
    locust_response *r;
    if (t->turn == TURNS || !add(t, "user", questions[t->turn]))
        t->turn = 0, t->len = 0, add(t, "user", questions[0]); // another conversation
    snprintf(body, sizeof body,
             "{\"model\": \"small\", \"stream\": true, \"stream_options\": {\"include_usage\": true},"
             " \"max_tokens\": 64, \"messages\": [%s]}", t->messages);
    r = locust_post(u, "/v1/chat/completions", .name = names[t->turn], .bearer = getenv("OPENAI_API_KEY"),
                    .stream = LOCUST_STREAM_OPENAI, .json = body, .timeout_s = 120, .give_up_s = 30);
    t->turn++;
    if (r->error || !add(t, "assistant", r->body)) // the text of the answer
        t->turn = TURNS;
}

LOCUST_USER(Talker,
    .data_size = sizeof(struct talk),
    .stack_size = 128 << 10, /* for the body */
    .wait_time = LOCUST_POISSON(0.2), /* a question each 5 s, as chance has it */
    .tasks = LOCUST_TASKS(LOCUST_TASK(ask)));

LOCUST_MAIN(.users = { &Talker })
