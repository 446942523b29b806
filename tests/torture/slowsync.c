/* slowsync.c: preloaded into a program under test, it makes its disk slow: each fdatasync and fsync
 * takes SLOWSYNC_MS longer, or, while the file that SLOWSYNC_HANG names exists, does not return. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd);
int fsync(int fd);

static void delay(void)
{
    const char *ms = getenv("SLOWSYNC_MS"), *hang = getenv("SLOWSYNC_HANG");

    usleep(ms ? (useconds_t)(1000 * strtol(ms, NULL, 10)) : 0);
    while (hang && access(hang, F_OK) == 0)
        usleep(10000);
}

static int call(const char *name, int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

    delay();
    return next(fd);
}

int fdatasync(int fd)
{
    return call("fdatasync", fd);
}

int fsync(int fd)
{
    return call("fsync", fd);
}
