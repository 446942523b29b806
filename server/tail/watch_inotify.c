/* watch_inotify.c: the raw inotify descriptor on the tail thread's loop. See watch.h.
 *
 * Not uv_fs_event: it hides IN_Q_OVERFLOW, and a lost event would be a lost file. */
#include <errno.h>
#include <string.h>

#include "tail/watch.h"

enum {
    READ_BYTES = 64 << 10,
    READS_AT_ONCE = 16, /* then timers and the walk get their turn */
};

static void readable(uv_poll_t *poll, int status, int events)
{
    struct watch_inotify *watch = poll->data;
    _Alignas(struct inotify_event) static _Thread_local char bytes[READ_BYTES];

    for (int i = 0; i < READS_AT_ONCE; i++) {
        ssize_t n = read(watch->fd, bytes, sizeof bytes);
        if (n <= 0)
            return;
        for (char *p = bytes; p < bytes + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)p;
            watch->told(watch->ctx, event);
            p += sizeof *event + event->len;
        }
    }
}

int watch_inotify_start(struct watch_inotify *watch, uv_loop_t *loop,
                        void (*told)(void *ctx, const struct inotify_event *event), void *ctx)
{
    *watch = (struct watch_inotify){.fd = -1, .told = told, .ctx = ctx};
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = uv_poll_init(loop, &watch->poll, fd);
    if (r < 0) {
        close(fd);
        return r;
    }
    watch->fd = fd;
    watch->open = true;
    watch->poll.data = watch;
    return uv_poll_start(&watch->poll, UV_READABLE, readable);
}

static void closed(uv_handle_t *handle)
{
    struct watch_inotify *watch = handle->data;

    close(watch->fd);
    watch->fd = -1;
}

void watch_inotify_stop(struct watch_inotify *watch)
{
    if (!watch->open)
        return;
    watch->open = false;
    uv_close((uv_handle_t *)&watch->poll, closed);
}

int watch_inotify_add(struct watch_inotify *watch, const char *path, bool directory)
{
    uint32_t mask = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

    if (!watch->open)
        return -ENOSYS;
    if (directory)
        mask |= IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
    int wd = inotify_add_watch(watch->fd, path, mask);
    return wd < 0 ? -errno : wd;
}

void watch_inotify_remove(struct watch_inotify *watch, int wd)
{
    if (watch->open && wd >= 0)
        (void)inotify_rm_watch(watch->fd, wd); /* it may have gone with its directory */
}
