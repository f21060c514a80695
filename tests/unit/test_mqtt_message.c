// Topics and stamps of MQTT messages: MQTT 5.0, 4.7.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"

static void matches(void)
{
    static const struct {
        const char *filter, *topic;
        bool want;
    } rows[] = {
        {"sport/tennis/player1/#", "sport/tennis/player1", true}, // the examples of 4.7.1.2
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/#", "sport", true},
        {"#", "sport", true},
        {"sport/tennis/+", "sport/tennis/player1", true}, // of 4.7.1.3
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        {"#", "$SYS/monitor", false}, // of 4.7.2
        {"+/monitor/Clients", "$SYS/monitor/Clients", false},
        {"$SYS/#", "$SYS/monitor", true},
        {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"ACCOUNTS", "Accounts", false},   // of 4.7.3
        {"$share/group/a/+", "a/b", true}, // of 4.8.2
        {"$share/group/a/+", "b/b", false},
        {"a", "a/b", false},
        {"a/b", "a", false},
        {"a/+/c", "a/b/c", true},
        {"a/+/c", "a/b/d", false},
        {"a/+/c", "a//c", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].topic);
        char *topic = check_guarded(rows[i].topic, n);
        CHECK_ROW(rows[i].filter);
        CHECK_INT(locust__mqtt_matches(rows[i].filter, (locust__view){topic, n}), rows[i].want);
        check_guarded_free(topic, n);
    }
}

static void stamps(void)
{
    static const struct {
        const char *payload;
        int64_t want;
    } rows[] = {
        {"x locust=0000000000000001", 1},
        {" locust=18c1d2e3f4a5b6c7", 0x18c1d2e3f4a5b6c7},
        {" locust=ffffffffffffffff", 0},
        {" locust=000000000000000g", 0},
        {" locust=00000000000000001", 0},
        {"locust=0000000000000001", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].payload);
        char *payload = check_guarded(rows[i].payload, n);
        CHECK_ROW(rows[i].payload);
        CHECK_INT(locust__mqtt_stamp_read((locust__view){payload, n}), rows[i].want);
        check_guarded_free(payload, n);
    }
}

TESTS({"matches", matches}, {"stamps", stamps}, )
