/* samples.h - what a listener hears of requests. Include it behind the parts. */
#ifndef SAMPLES_H
#define SAMPLES_H
#include "../check.h"

typedef struct sample {
    char method[24], name[300], error[300];
    int status;
    size_t length;
    double elapsed_ms;
} sample;

static int n_samples; // more of them than the table holds too
static sample samples[64];

static inline void hear(locust_env *env, const locust_sample *s)
{
    sample *to = &samples[n_samples < 64 ? n_samples : 63];
    (void)env;
    snprintf(to->method, sizeof to->method, "%s", s->method);
    snprintf(to->name, sizeof to->name, "%s", s->name);
    snprintf(to->error, sizeof to->error, "%s", s->error ? s->error : "");
    to->status = s->status;
    to->length = s->length;
    to->elapsed_ms = s->elapsed_ms;
    n_samples++;
}
#endif
