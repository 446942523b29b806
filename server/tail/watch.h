/* watch.h: two ways to learn that something changed, both telling discover.
 *
 *   watch_inotify   a raw inotify descriptor on uv_poll (libuv's own file watcher hides overflows)
 *   watch_poll      stat in turns: the only way on network file systems, the fallback where watches
 *                   ran out, and everywhere each LIMIT_SAFETY_POLL_MS as a safety net
 *
 * Thread: the tail thread. */
#ifndef TB_TAIL_WATCH_H
#define TB_TAIL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/cleanup.h"

struct dirnode;

struct watch_inotify {
    uv_poll_t poll;
    int fd; /* -1: none to be had */
    bool open;
    void (*told)(void *ctx, const struct inotify_event *event);
    void *ctx;
};

/* 0 or -errno; without a descriptor everything is polled. */
_must_check_ int watch_inotify_start(struct watch_inotify *watch, uv_loop_t *loop,
                                     void (*told)(void *ctx, const struct inotify_event *event),
                                     void *ctx);
/* Closes the handle; the loop must run once more. */
void watch_inotify_stop(struct watch_inotify *watch);
/* The number of the watch, or -errno (-ENOSPC: the user's limit is reached). */
_must_check_ int watch_inotify_add(struct watch_inotify *watch, const char *path, bool directory);
void watch_inotify_remove(struct watch_inotify *watch, int wd);

/* What polling compares. All zero: not known, or not there. */
struct watch_facts {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
};

struct watch_facts watch_facts_of(const struct stat *st);

/* Does this path lie where changes by other machines give no inotify events (NFS, SMB, Lustre,
 * CephFS, FUSE, 9p and such)? */
bool watch_is_remote(const char *path);

#define WATCH_TICK_MS 50
#define WATCH_SLOTS 128 /* of a tick each: longer than any interval */

/* Directories in the order in which they are due. A timing wheel: adding and taking cost the same
 * for ten as for ten thousand. Time stands still in it until watch_wheel_now() is called. */
struct watch_wheel {
    struct dirnode *slots[WATCH_SLOTS];
    struct dirnode *round; /* the slot that was taken last, as far as it is not looked at */
    uint64_t tick, taken;  /* now; the tick whose slot was taken last */
    unsigned spread; /* new directories get different ticks */
};

void watch_wheel_now(struct watch_wheel *wheel, uint64_t tick);
void watch_wheel_add(struct watch_wheel *wheel, struct dirnode *node, uint32_t delay_ms);
/* The same, but when others of its kind are looked at as well: fewer times to wake up. */
void watch_wheel_join(struct watch_wheel *wheel, struct dirnode *node, uint32_t delay_ms);
void watch_wheel_remove(struct watch_wheel *wheel, struct dirnode *node);
/* The tick at which the next look is due, always later than now; UINT64_MAX: none. */
uint64_t watch_wheel_due(const struct watch_wheel *wheel);

struct discover;
/* Looks at what is due, as far as there is time. */
void watch_poll_due(struct discover *discover);
/* When a directory is looked at for the first time, and (if polled) after a change. */
void watch_poll_begin(struct discover *discover, struct dirnode *node);

#endif
