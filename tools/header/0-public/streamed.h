/* ============================================================================================
 * >>streamed  answers that come in events
 *
 * Purpose     a clock on each event of a streamed answer, as language models give them: time to the
 *             first token, gaps, time per token, tokens a second.
 *
 * A request says by .stream what its events mean:
 *
 *   LOCUST_STREAM_OPENAI   chat completions, completions and responses of OpenAI's API: server-sent
 *                          events; [DONE], or response.completed, is the end
 *   LOCUST_STREAM_OLLAMA   chat and generate of Ollama: lines of JSON; "done": true is the end
 *   LOCUST_STREAM_TGI      generate_stream of TGI; the event with the whole text is the end
 *   LOCUST_STREAM_MARKED   a protocol of your own: .on_mark says it; the end of the body, or
 *                          LOCUST_MARK_END, is the end
 *
 * Of the last, server-sent events are taken unless the answer calls itself lines of JSON
 * (application/x-ndjson, application/jsonl): then each line is the data of an event.
 *
 * Tokens      are those of the server's usage, else events with content, which are called chunks.
 *             An event with a role, a usage, or nothing in it is no token, nor is a comment.
 * Times       run to when the bytes arrived at this machine, as in >>requests. Events that came in
 *             one read have one time. ttft: to the first token. itl: each gap between two events
 *             with content. tpot: from the first token to the last, over the tokens less one. e2e:
 *             to the last token. What a model thinks aloud (reasoning) counts as its tokens; ttfo
 *             is the time to the first one that is not.
 * Rows        the request has its row as any other. The table of streams has the times of those
 *             that came to their end; what is broken (an error event, a body that is cut, one that
 *             has not its end) is a failed request, and what came of it is counted apart.
 * ============================================================================================ */

struct locust_sse_event; // see >>requests

typedef enum locust_stream_mark { // what an event is
    LOCUST_MARK_IGNORE,           // no token
    LOCUST_MARK_TOKEN,
    LOCUST_MARK_REASONING, // a token that is thought, not said
    LOCUST_MARK_END,       // the stream is complete
    LOCUST_MARK_ERROR      // the stream is broken: the request fails
} locust_stream_mark;
/* Says what one event is, which lives until the function returns. May not park. */
typedef locust_stream_mark (*locust_mark_fn)(void *arg, const struct locust_sse_event *event);

struct locust_stream_kind;
typedef const struct locust_stream_kind *(*locust_stream_fn)(void); // for .stream; not to be called
LOCUST_API const struct locust_stream_kind *locust_stream_openai(void);
LOCUST_API const struct locust_stream_kind *locust_stream_ollama(void);
LOCUST_API const struct locust_stream_kind *locust_stream_tgi(void);
LOCUST_API const struct locust_stream_kind *locust_stream_marked(void);
#define LOCUST_STREAM_OPENAI locust_stream_openai
#define LOCUST_STREAM_OLLAMA locust_stream_ollama
#define LOCUST_STREAM_TGI    locust_stream_tgi
#define LOCUST_STREAM_MARKED locust_stream_marked

typedef struct locust_streamed { // of one answer, complete or not; all 0: it was not streamed
    float ttft_ms;               // from the start of the request to the first token; 0: none came
    float itl_ms;                // mean gap between two events with content
    float tpot_ms;               // time per token, without the first; 0: there was one at most
    float e2e_ms;                // from the start of the request to the last token
    int output_tokens;           // of the server's usage, else chunks
    int input_tokens;            // of the server's usage, else 0
    int reasoning_tokens;        // of output_tokens: of the usage, else chunks
    int chunks;                  // events with content
    int events;                  // all
    bool counted;                // output_tokens is the server's usage
    bool ended;                  // its last event came
    bool given_up;               // the test had enough: .give_up_s, or .on_event
} locust_streamed;
