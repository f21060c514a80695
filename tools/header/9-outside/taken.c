/* ============================================================================================
 * >>taken  names of the C library that a task cannot have
 *
 * Purpose     a task named read or index is an error of the compiler, whose words are about a
 *             function of the C library. Each macro stands for itself, and changes nothing: but a
 *             compiler that complains of such a name shows its line, which says what to do.
 * Limits      where the test is compiled with the implementation, that is in one file.
 * ============================================================================================ */

#ifndef LOCUST_IMPLEMENTATION
// clang-format off
#ifndef accept
#define accept accept // taken by the C library: write LOCUST_TASK_NAMED(accept_task, "accept")
#endif
#ifndef access
#define access access // taken by the C library: write LOCUST_TASK_NAMED(access_task, "access")
#endif
#ifndef close
#define close close // taken by the C library: write LOCUST_TASK_NAMED(close_task, "close")
#endif
#ifndef connect
#define connect connect // taken by the C library: write LOCUST_TASK_NAMED(connect_task, "connect")
#endif
#ifndef index
#define index index // taken by the C library: write LOCUST_TASK_NAMED(index_task, "index")
#endif
#ifndef link
#define link link // taken by the C library: write LOCUST_TASK_NAMED(link_task, "link")
#endif
#ifndef listen
#define listen listen // taken by the C library: write LOCUST_TASK_NAMED(listen_task, "listen")
#endif
#ifndef open
#define open open // taken by the C library: write LOCUST_TASK_NAMED(open_task, "open")
#endif
#ifndef pause
#define pause pause // taken by the C library: write LOCUST_TASK_NAMED(pause_task, "pause")
#endif
#ifndef poll
#define poll poll // taken by the C library: write LOCUST_TASK_NAMED(poll_task, "poll")
#endif
#ifndef read
#define read read // taken by the C library: write LOCUST_TASK_NAMED(read_task, "read")
#endif
#ifndef remove
#define remove remove // taken by the C library: write LOCUST_TASK_NAMED(remove_task, "remove")
#endif
#ifndef rename
#define rename rename // taken by the C library: write LOCUST_TASK_NAMED(rename_task, "rename")
#endif
#ifndef select
#define select select // taken by the C library: write LOCUST_TASK_NAMED(select_task, "select")
#endif
#ifndef send
#define send send // taken by the C library: write LOCUST_TASK_NAMED(send_task, "send")
#endif
#ifndef sleep
#define sleep sleep // taken by the C library: write LOCUST_TASK_NAMED(sleep_task, "sleep")
#endif
#ifndef sync
#define sync sync // taken by the C library: write LOCUST_TASK_NAMED(sync_task, "sync")
#endif
#ifndef write
#define write write // taken by the C library: write LOCUST_TASK_NAMED(write_task, "write")
#endif
// clang-format on
#endif
