// Packets of MQTT brokers, 3.1.1 and 5. Input: '4' or '5', then packets one behind the other.
#include "../../locust.h"
#include "../check.h"

static bool lies_in(locust__view v, locust__view whole)
{
    return !v.len || (v.ptr >= whole.ptr && v.ptr + v.len <= whole.ptr + whole.len);
}

/* Properties that were taken are well-formed: a walk comes to their end. */
static void check_props(const locust__mqtt_in *in)
{
    locust__bytes_reader r = locust__bytes_reader_of(in->props.ptr, in->props.len);
    locust__mqtt_prop p;
    const char *unused;
    while (r.left) {
        size_t before = r.left;
        locust__mqtt_get_prop(&r, &p, &unused);
        MUST(!r.failed && r.left < before && p.id < LOCUST__MQTT_PROPS);
        MUST(lies_in(p.text, in->props) && lies_in(p.value, in->props));
        MUST(locust__mqtt_props[p.id].in >> in->type & 1);
        MUST(locust__mqtt_props[p.id].kind == LOCUST__MQTT_KIND_BINARY ||
             (locust__mqtt_text_is_good(p.text) && locust__mqtt_text_is_good(p.value)));
    }
}

static void check_packet(const char *bytes, size_t took, locust__view body, int version)
{
    locust__mqtt_in in;
    const char *fault = locust__mqtt_read((unsigned char)*bytes, body, version, &in);
    MUST(took >= 2 && took - body.len >= 2 && took - body.len <= 5);
    MUST(body.ptr + body.len == bytes + took);
    if (fault)
        return;
    MUST(lies_in(in.topic, body) && lies_in(in.payload, body) && lies_in(in.codes, body));
    MUST(lies_in(in.props, body) && (version == 5 || !in.props.len));
    check_props(&in);
    if (in.type == LOCUST__MQTT_PUBLISH) {
        MUST(in.qos < 3 && (in.qos > 0) == (in.id > 0) && (!in.dup || in.qos));
        MUST(in.topic.len || locust__mqtt_get_number(&in, LOCUST__MQTT_P_ALIAS, 0));
        locust__mqtt_matches("a/+/#", in.topic);
        MUST(!in.topic.len || *in.topic.ptr == '$' || locust__mqtt_matches("#", in.topic));
        MUST(locust__mqtt_stamp_read(in.payload) >= 0);
    } else if (in.type >= LOCUST__MQTT_PUBACK && in.type <= LOCUST__MQTT_UNSUBACK) {
        MUST(in.id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int version = n && *data == '5' ? 5 : 4;
    size_t left = n ? n - 1 : 0, took = 1;
    char *bytes = left ? memcpy(malloc(left), data + 1, left) : NULL, *at = bytes;
    while (left && took) {
        locust__view body = {NULL, 0};
        const char *fault = locust__mqtt_frame(at, left, 2048, &took, &body);
        MUST(took <= left && (!fault || !took));
        for (size_t k = 0; k < left && k < 64; k++) { // cut, it is no other packet
            size_t less;
            locust__view unused;
            const char *other = locust__mqtt_frame(at, k, 2048, &less, &unused);
            MUST(!other || other == fault);
            MUST(!less || less == took);
        }
        if (took)
            check_packet(at, took, body, version);
        at += took;
        left -= took;
    }
    free(bytes);
    return 0;
}
