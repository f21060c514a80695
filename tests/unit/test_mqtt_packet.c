// Packets of MQTT 3.1.1 and 5: the OASIS specifications.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"

#define BYTES(text) text, sizeof text - 1

/* Reads one packet whose bytes end at an unmapped page. "..." in the result: it is not all there. */
static const char *read_one(const char *bytes, size_t n, int version, locust__mqtt_in *in)
{
    locust__view body;
    size_t took;
    const char *fault = locust__mqtt_frame(bytes, n, 1000000, &took, &body);
    if (fault)
        return fault;
    if (!took)
        return "...";
    return locust__mqtt_read((unsigned char)*bytes, body, version, in);
}

static const struct {
    const char *name, *bytes;
    size_t n;
    int version;
    const char *fault; // a part of the sentence; NULL: it is good
} packets[] = {
    {"CONNACK", BYTES("\x20\2\0\0"), 4, NULL},
    {"CONNACK, session present", BYTES("\x20\2\1\0"), 4, NULL},
    {"CONNACK, refused", BYTES("\x20\2\0\5"), 4, NULL},
    {"CONNACK of 5", BYTES("\x20\3\0\0\0"), 5, NULL},
    {"CONNACK of 5 with properties", BYTES("\x20\6\0\0\3\x21\0\x14"), 5, NULL},
    {"CONNACK of 3.1.1 that refuses a CONNECT of 5", BYTES("\x20\2\0\1"), 5, NULL},
    {"CONNACK of 3.1.1 that takes one of 5", BYTES("\x20\2\0\0"), 5, "longer than the packet"},
    {"CONNACK of 5 where 3.1.1 is spoken", BYTES("\x20\3\0\0\0"), 4, "behind its last field"},
    {"CONNACK with reserved bits", BYTES("\x20\2\2\0"), 4, "reserved flags"},
    {"CONNACK that refuses and has a session", BYTES("\x20\2\1\5"), 4, "a refusal with a session"},
    {"CONNACK without a code", BYTES("\x20\1\0"), 4, "inside of a field"},
    {"empty CONNACK", BYTES("\x20\0"), 4, "inside of a field"},
    {"CONNACK with flags in its type", BYTES("\x21\2\0\0"), 4, "reserved flags"},
    {"CONNACK with a receive maximum of 0", BYTES("\x20\6\0\0\3\x21\0\0"), 5, "may not have"},
    {"CONNACK with a maximum packet of 0", BYTES("\x20\x08\0\0\5\x27\0\0\0\0"), 5, "may not have"},
    {"CONNACK with a maximum QoS of 2", BYTES("\x20\5\0\0\2\x24\2"), 5, "may not have"},
    {"CONNACK with retain available 2", BYTES("\x20\5\0\0\2\x25\2"), 5, "may not have"},
    {"CONNACK with a topic alias", BYTES("\x20\6\0\0\3\x23\0\1"), 5, "property that it may not"},
    {"CONNACK with a receive maximum twice", BYTES("\x20\x09\0\0\6\x21\0\1\x21\0\1"), 5, "twice"},
    {"CONNACK with user properties twice", BYTES("\x20\x11\0\0\x0e\x26\0\1a\0\1b\x26\0\1a\0\1b"), 5,
        NULL},
    {"CONNACK with a client identifier that is cut", BYTES("\x20\6\0\0\3\x12\0\5"), 5, "is cut"},
    {"CONNACK with half a number", BYTES("\x20\5\0\0\2\x21\0"), 5, "is cut"},
    {"CONNACK with a property 0", BYTES("\x20\5\0\0\2\0\0"), 5, "that there is not"},
    {"CONNACK with a property 0x2b", BYTES("\x20\5\0\0\2\x2b\0"), 5, "that there is not"},
    {"CONNACK with a property 0x80", BYTES("\x20\6\0\0\3\x80\1\0"), 5, "that there is not"},
    {"properties longer than the packet", BYTES("\x20\3\0\0\1"), 5, "longer than the packet"},
    {"properties of a padded length", BYTES("\x20\4\0\0\x80\0"), 5, "longer than the packet"},
    {"properties of a length of five bytes", BYTES("\x20\7\0\0\xff\xff\xff\xff\1"), 5,
        "longer than the packet"},
    {"PUBLISH", BYTES("\x30\5\0\1tab"), 4, NULL},
    {"PUBLISH without a payload", BYTES("\x30\3\0\1t"), 4, NULL},
    {"PUBLISH of QoS 1", BYTES("\x32\5\0\1t\0\1"), 4, NULL},
    {"PUBLISH of QoS 2, DUP, retained", BYTES("\x3d\5\0\1t\0\1"), 4, NULL},
    {"PUBLISH of QoS 3", BYTES("\x36\5\0\1t\0\1"), 4, "QoS of 3"},
    {"PUBLISH of QoS 0 with DUP", BYTES("\x38\3\0\1t"), 4, "DUP"},
    {"PUBLISH with id 0", BYTES("\x32\5\0\1t\0\0"), 4, "identifier of 0"},
    {"PUBLISH whose id is cut", BYTES("\x32\4\0\1t\0"), 4, "inside of a field"},
    {"PUBLISH whose topic is cut", BYTES("\x30\4\0\5ab"), 4, "inside of a field"},
    {"PUBLISH whose topic's length is cut", BYTES("\x30\1\0"), 4, "inside of a field"},
    {"empty PUBLISH", BYTES("\x30\0"), 4, "inside of a field"},
    {"PUBLISH without a topic", BYTES("\x30\2\0\0"), 4, "empty or has wildcards"},
    {"PUBLISH to a+b", BYTES("\x30\5\0\3a+b"), 4, "empty or has wildcards"},
    {"PUBLISH to a/#", BYTES("\x30\5\0\3a/#"), 4, "empty or has wildcards"},
    {"PUBLISH to a topic with a zero", BYTES("\x30\5\0\3a\0b"), 4, "not UTF-8"},
    {"PUBLISH to a topic that is not UTF-8", BYTES("\x30\5\0\3a\xff\x62"), 4, "not UTF-8"},
    {"PUBLISH to a surrogate", BYTES("\x30\5\0\3\xed\xa0\x80"), 4, "not UTF-8"},
    {"PUBLISH to an overlong slash", BYTES("\x30\4\0\2\xc0\xaf"), 4, "not UTF-8"},
    {"PUBLISH to umlauts", BYTES("\x30\4\0\2\xc3\xbc"), 4, NULL},
    {"PUBLISH of 5", BYTES("\x30\5\0\1t\0x"), 5, NULL},
    {"PUBLISH of 5 without properties", BYTES("\x30\3\0\1t"), 5, "longer than the packet"},
    {"PUBLISH with an alias", BYTES("\x30\6\0\0\3\x23\0\1"), 5, NULL},
    {"PUBLISH with an alias of 0", BYTES("\x30\6\0\0\3\x23\0\0"), 5, "may not have"},
    {"PUBLISH with a server keep alive", BYTES("\x30\7\0\1t\3\x13\0\1"), 5, "that it may not have"},
    {"PUBLISH with a subscription identifier", BYTES("\x30\6\0\1t\2\x0b\5"), 5, NULL},
    {"PUBLISH with two of them", BYTES("\x30\x08\0\1t\4\x0b\5\x0b\6"), 5, NULL},
    {"PUBLISH with one of 0", BYTES("\x30\6\0\1t\2\x0b\0"), 5, "may not have"},
    {"PUBLISH with a payload format of 2", BYTES("\x30\6\0\1t\2\1\2"), 5, "may not have"},
    {"PUBLISH with two content types", BYTES("\x30\x0c\0\1t\x08\3\0\1a\3\0\1b"), 5, "twice"},
    {"PUBLISH with a content type that is not UTF-8", BYTES("\x30\x08\0\1t\4\3\0\1\xff"), 5,
        "not UTF-8"},
    {"PUBLISH with a user property that is not UTF-8", BYTES("\x30\x0b\0\1t\7\x26\0\1a\0\1\xff"), 5,
        "not UTF-8"},
    {"PUBLISH with correlation data", BYTES("\x30\x08\0\1t\4\x09\0\1\xff"), 5, NULL},
    {"PUBACK", BYTES("\x40\2\0\1"), 4, NULL},
    {"PUBACK of 5", BYTES("\x40\2\0\1"), 5, NULL},
    {"PUBACK of 5 with a reason", BYTES("\x40\3\0\1\x10"), 5, NULL},
    {"PUBACK of 5 with a reason and properties", BYTES("\x40\x08\0\1\x87\4\x1f\0\1x"), 5, NULL},
    {"PUBACK of 5 whose properties are cut", BYTES("\x40\4\0\1\x87\4"), 5, "longer than"},
    {"PUBACK of 3.1.1 with a reason", BYTES("\x40\3\0\1\0"), 4, "behind its last field"},
    {"PUBACK with id 0", BYTES("\x40\2\0\0"), 4, "identifier of 0"},
    {"PUBACK with half an id", BYTES("\x40\1\0"), 4, "inside of a field"},
    {"PUBACK with flags", BYTES("\x42\2\0\1"), 4, "reserved flags"},
    {"PUBREC", BYTES("\x50\2\0\1"), 4, NULL},
    {"PUBREL", BYTES("\x62\2\0\1"), 4, NULL},
    {"PUBREL without its flags", BYTES("\x60\2\0\1"), 4, "reserved flags"},
    {"PUBCOMP", BYTES("\x70\2\0\1"), 4, NULL},
    {"SUBACK", BYTES("\x90\3\0\1\0"), 4, NULL},
    {"SUBACK of 5", BYTES("\x90\5\0\1\0\0\x80"), 5, NULL},
    {"SUBACK without codes", BYTES("\x90\2\0\1"), 4, "no reason codes"},
    {"SUBACK of 5 without codes", BYTES("\x90\3\0\1\0"), 5, "no reason codes"},
    {"SUBACK with id 0", BYTES("\x90\3\0\0\0"), 4, "identifier of 0"},
    {"UNSUBACK", BYTES("\xb0\2\0\1"), 4, NULL},
    {"UNSUBACK with codes", BYTES("\xb0\3\0\1\0"), 4, "behind its last field"},
    {"UNSUBACK of 5", BYTES("\xb0\4\0\1\0\x11"), 5, NULL},
    {"UNSUBACK of 5 without codes", BYTES("\xb0\3\0\1\0"), 5, "no reason codes"},
    {"PINGRESP", BYTES("\xd0\0"), 4, NULL},
    {"PINGRESP with a body", BYTES("\xd0\1\0"), 4, "behind its last field"},
    {"PINGRESP with flags", BYTES("\xd1\0"), 4, "reserved flags"},
    {"DISCONNECT of 3.1.1", BYTES("\xe0\0"), 4, NULL},
    {"DISCONNECT of 5", BYTES("\xe0\1\x8e"), 5, NULL},
    {"DISCONNECT with a session expiry", BYTES("\xe0\7\x8e\5\x11\0\0\0\1"), 5, "may not have"},
    {"DISCONNECT that says where to go", BYTES("\xe0\7\x9d\5\x1c\0\2ab"), 5, NULL},
    {"AUTH", BYTES("\xf0\2\x18\0"), 5, NULL},
    {"type 0", BYTES("\0\0"), 4, "reserved"},
    {"CONNECT", BYTES("\x10\0"), 4, "only clients send"},
    {"SUBSCRIBE", BYTES("\x82\0"), 4, "only clients send"},
    {"UNSUBSCRIBE", BYTES("\xa2\0"), 4, "only clients send"},
    {"PINGREQ", BYTES("\xc0\0"), 4, "only clients send"},
    {"a length of five bytes", BYTES("\x30\xff\xff\xff\xff\1"), 4, "no number of up to four"},
    {"a padded length", BYTES("\xd0\x80\0"), 4, "no number of up to four"},
    {"a length beyond what is taken", BYTES("\x30\xc0\x84\x3d"), 4, ".max_packet"},
    {"the largest length", BYTES("\x30\xff\xff\xff\x7f"), 4, ".max_packet"},
};

static void reads(void)
{
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        char *bytes = check_guarded(packets[i].bytes, packets[i].n);
        locust__mqtt_in in;
        const char *fault = read_one(bytes, packets[i].n, packets[i].version, &in);
        CHECK_ROW(packets[i].name);
        if (!packets[i].fault)
            CHECK(!fault);
        else if (!fault || !strstr(fault, packets[i].fault))
            CHECK_STR(fault ? fault : "(none)", packets[i].fault);
        check_guarded_free(bytes, packets[i].n);
    }
}

/* Cut anywhere, a good packet is one that is not all there yet, and never more than that. */
static void cuts(void)
{
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++)
        for (size_t n = 0; n < packets[i].n && !packets[i].fault; n++) {
            char *bytes = check_guarded(packets[i].bytes, n);
            locust__mqtt_in in;
            CHECK_ROW(packets[i].name);
            CHECK_STR(read_one(bytes, n, packets[i].version, &in), "...");
            check_guarded_free(bytes, n);
        }
}

static void fields(void)
{
    locust__mqtt_in in;
    locust__mqtt_prop p;
    CHECK(!read_one(BYTES("\x20\x0b\1\0\x08\x21\0\x14\x27\0\1\0\0"), 5, &in));
    CHECK(in.type == LOCUST__MQTT_CONNACK && in.session_present && !in.code);
    CHECK_INT(locust__mqtt_get_number(&in, LOCUST__MQTT_P_RECEIVE_MAX, 65535), 20);
    CHECK_INT(locust__mqtt_get_number(&in, LOCUST__MQTT_P_MAX_PACKET, 0), 65536);
    CHECK_INT(locust__mqtt_get_number(&in, LOCUST__MQTT_P_ALIAS_MAX, 7), 7);
    CHECK(!read_one(BYTES("\x3d\x10\0\3a/b\x12\x34\7\x26\0\1k\0\1v!"), 5, &in));
    CHECK(in.dup && in.retain && in.qos == 2 && in.id == 0x1234);
    CHECK(locust__view_is(in.topic, "a/b") && locust__view_is(in.payload, "!"));
    CHECK(locust__mqtt_get(&in, LOCUST__MQTT_P_USER, &p));
    CHECK(locust__view_is(p.text, "k") && locust__view_is(p.value, "v"));
    CHECK(!read_one(BYTES("\x90\6\0\7\0\1\x8f\2"), 5, &in));
    CHECK(in.id == 7 && in.codes.len == 3 && memcmp(in.codes.ptr, "\1\x8f\2", 3) == 0);
    CHECK(!read_one(BYTES("\x40\3\0\2\x97"), 5, &in));
    CHECK(in.id == 2 && in.code == 0x97);
}

static void reasons(void)
{
    CHECK_STR(locust__mqtt_reason(0x87), "the broker says: not authorized (0x87)");
    CHECK_STR(
        locust__mqtt_reason(0xA2), "the broker says: wildcard subscriptions not supported (0xA2)");
    CHECK_STR(locust__mqtt_reason(0xFF), "the broker says: a reason code that there is not");
    CHECK_STR(locust__mqtt_refusal(5, 4), "the broker says: not authorized (5)");
    CHECK_STR(locust__mqtt_refusal(4, 4), "the broker says: bad user name or password (4)");
    CHECK_STR(locust__mqtt_refusal(1, 5), "the broker does not speak MQTT 5: set .version to 4");
    CHECK_STR(locust__mqtt_refusal(0x86, 5), "the broker says: bad user name or password (0x86)");
    CHECK_STR(locust__mqtt_refusal(0x42, 4), "the broker says: a reason code that there is not");
}

static void varints(void) // the limits of [5-1.5.5], table 1-1
{
    static const struct {
        uint32_t value;
        const char *bytes;
        size_t n;
    } rows[] = {
        {0, BYTES("\0")},
        {127, BYTES("\x7f")},
        {128, BYTES("\x80\1")},
        {16383, BYTES("\xff\x7f")},
        {16384, BYTES("\x80\x80\1")},
        {2097151, BYTES("\xff\xff\x7f")},
        {2097152, BYTES("\x80\x80\x80\1")},
        {268435455, BYTES("\xff\xff\xff\x7f")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[4];
        locust__bytes_writer w = locust__bytes_writer_of(out, sizeof out);
        locust__bytes_reader r = locust__bytes_reader_of(rows[i].bytes, rows[i].n);
        locust__mqtt_put_varint(&w, rows[i].value);
        CHECK(!w.failed && w.len == rows[i].n && memcmp(out, rows[i].bytes, w.len) == 0);
        CHECK_INT(locust__mqtt_get_varint(&r), rows[i].value);
        CHECK(!r.failed && !r.left);
    }
}

/* Writes a packet with that many bytes between its head and the payload, and reads its length. */
static void check_written(size_t n, size_t more)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__bytes_writer w = locust__mqtt_packet_begin(&out);
    locust__view packet;
    memset(locust__bytes_room(&w, n), 'x', n);
    packet = locust__mqtt_packet_end(&w, 0x30, more);
    if (CHECK(packet.len > n + 1 && packet.len <= n + 5)) {
        locust__bytes_reader r = locust__bytes_reader_of(packet.ptr + 1, packet.len - 1);
        CHECK_INT((unsigned char)*packet.ptr, 0x30);
        CHECK_INT(locust__mqtt_get_varint(&r), n + more);
        CHECK(!r.failed && r.left == n);
    }
    locust__buf_free(&out);
}

static void writes(void)
{
    static const size_t sizes[] = {1, 127, 128, 16383, 16384, 70000};
    locust__buf out = {NULL, 0, 0, false};
    locust__bytes_writer w;
    char *longest = malloc(65537);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_written(sizes[i], 0);
        check_written(1, sizes[i]);
        check_written(sizes[i], 2097152);
    }
    w = locust__mqtt_packet_begin(&out);
    CHECK(!locust__mqtt_packet_end(&w, 0x30, 268435456).len); // more than a length can say
    w = locust__mqtt_packet_begin(&out);
    memset(longest, 'x', 65536);
    longest[65536] = '\0';
    locust__mqtt_put_text(&w, longest);
    CHECK(!locust__mqtt_packet_end(&w, 0x30, 0).len);
    longest[65535] = '\0';
    w = locust__mqtt_packet_begin(&out);
    locust__mqtt_put_text(&w, longest);
    CHECK_INT(locust__mqtt_packet_end(&w, 0x30, 0).len, 65537 + 4);
    free(longest);
    locust__buf_free(&out);
}

static void written_properties(void)
{
    static const locust_mqtt_property user[] = {{"k", "v"}, {"n", NULL}, {NULL, NULL}};
    static const char want[] = "\x30\x13\x12\x01\x01\x21\x00\x05\x26\0\1k\0\1v\x26\0\1n\0\0";
    locust__buf out = {NULL, 0, 0, false};
    locust__bytes_writer w = locust__mqtt_packet_begin(&out);
    size_t props = locust__mqtt_put_props_begin(&w);
    locust__view packet;
    locust__mqtt_put_prop(&w, 0x01, 1);
    locust__mqtt_put_prop(&w, 0x02, 0); // left out
    locust__mqtt_put_prop(&w, 0x21, 5);
    locust__mqtt_put_prop_text(&w, 0x03, NULL);
    locust__mqtt_put_user(&w, user);
    locust__mqtt_put_props_end(&w, props);
    packet = locust__mqtt_packet_end(&w, 0x30, 0);
    if (CHECK_INT(packet.len, sizeof want - 1))
        CHECK(memcmp(packet.ptr, want, packet.len) == 0);
    w = locust__mqtt_packet_begin(&out); // a list whose length takes two bytes
    props = locust__mqtt_put_props_begin(&w);
    for (int i = 0; i < 40; i++)
        locust__mqtt_put_prop(&w, 0x02, 7);
    locust__mqtt_put_props_end(&w, props);
    packet = locust__mqtt_packet_end(&w, 0x30, 0);
    if (CHECK_INT(packet.len, 3 + 2 + 200))
        CHECK(memcmp(packet.ptr, "\x30\xca\1\xc8\1\2\0\0\0\7", 10) == 0);
    locust__buf_free(&out);
}

TESTS({"reads", reads}, {"cuts", cuts}, {"fields", fields}, {"reasons", reasons},
    {"varints", varints}, {"writes", writes}, {"written properties", written_properties}, )
