// mqtt.c - boards that publish readings, and a dashboard that receives them, on one MQTT broker.
//   cc -O2 -I.. mqtt.c -o mqtt
//   ./mqtt --headless --users 21 --spawn-rate 10 --run-time 1m --host mqtt://127.0.0.1:1883
// Shows: a connection with a will, publications that are timed to their PUBACK, messages timed from the clock of
// the board that sent them (.stamp) to their arrival, a check of what arrived.
#include "locust.h"
#include <stdio.h>

static void board_start(locust_user *u)
{
    /* Row "MQTT connect". Without this call the first one that needs it connects to the user's host. */
    locust_mqtt_connect(u, u->host, .username = "board", .password = "secret", .keep_alive_s = 30,
                        .will_topic = "gone", .will_payload = "board", .version = 5);
}

static void publish(locust_user *u)
{
    /* Row "MQTT publish:1:sensors/[id]": to the PUBACK; .name in place of the topic */
    char topic[32];
    snprintf(topic, sizeof topic, "sensors/%llu", (unsigned long long)u->id);
    locust_mqtt_publish(u, topic, "{\"t\": 21.5}", .qos = 1, .name = "sensors/[id]", .stamp = true);
}

LOCUST_USER(Board,
    .host = "mqtt://127.0.0.1:1883", /* mqtts://, mqtt+ws://host/path, mqtt+wss:// */
    .weight = 20,
    .wait_time = LOCUST_CONSTANT_PACING(1),
    .on_start = board_start,
    .tasks = LOCUST_TASKS(LOCUST_TASK(publish)));

static void dashboard_start(locust_user *u)
{
    locust_mqtt_subscribe(u, "sensors/#", .qos = 1); /* row "MQTT subscribe:1:sensors/#": to the SUBACK */
}

static void watch(locust_user *u)
{
    locust_mqtt_message m; /* lives until this user's next call on the client */
    if (locust_mqtt_receive(u, &m, 2) && m.sent_ms > 0) /* row "MQTT receive:sensors/#" if it was stamped */
        if (m.len < 2)
            locust_fail(u, "an empty reading");
}

LOCUST_USER(Dashboard,
    .host = "mqtt://127.0.0.1:1883",
    .fixed_count = 1,
    .on_start = dashboard_start,
    .tasks = LOCUST_TASKS(LOCUST_TASK(watch)));

LOCUST_MAIN(.users = { &Board, &Dashboard })
