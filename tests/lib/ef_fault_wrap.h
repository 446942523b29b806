/* ef_fault_wrap.h: the wrapped calls of ef_fault.h; included once, by the test program itself, as
 * a library's member would not be linked into programs that wrap nothing. */
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include "ef_fault.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_write(int fd, const void *data, size_t size);

static long fault_left; /* calls until the one that fails; 0: none will */
static bool fault_hit = true;

bool ef_fault_next(long n)
{
    bool hit = fault_hit;

    fault_hit = false;
    fault_left = hit ? n : 0;
    return hit;
}

void ef_fault_off(void)
{
    fault_left = 0;
}

static bool fault_now(int error)
{
    if (fault_left == 0 || --fault_left > 0)
        return false;
    fault_hit = true;
    errno = error;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fault_now(ENOMEM) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fault_now(ENOMEM) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fault_now(ENOMEM) ? NULL : __real_realloc(p, size);
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
    return fault_now(EIO) ? -1 : __real_pread(fd, data, size, offset);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    return fault_now(ENOSPC) ? -1 : __real_write(fd, data, size);
}
