/* cleanup.h: scope-bound release of resources (GCC and Clang `cleanup` attribute).
 *
 *     _cleanup_(buf_done) struct buf b = {0};
 *     _cleanup_free_ char *name = strdup(x);
 *     return TAKE_PTR(name);
 *
 * No domain knowledge; every module may include this. Thread: any. */
#ifndef TB_BASE_CLEANUP_H
#define TB_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h> /* MIN, MAX */
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

/* Hands a pointer over: the variable becomes NULL, the value is returned. */
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) *take_ptr_ = &(p);                                                           \
        __typeof__(p) take_val_ = *take_ptr_;                                                      \
        *take_ptr_ = NULL;                                                                         \
        take_val_;                                                                                 \
    })

/* The same for a descriptor: the variable becomes -1. */
#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int *take_fd_ = &(fd);                                                                     \
        int take_val_ = *take_fd_;                                                                 \
        *take_fd_ = -1;                                                                            \
        take_val_;                                                                                 \
    })

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        fclose(*f);
}

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))
#ifndef MIN /* <sys/param.h> has the same */
#endif

#endif
