/* check.h: assertions for our own mistakes, never for input.
 *
 * CHECK() stays in every build: what it guards would corrupt data. DCHECK() is for hot paths
 * and is gone from release builds. A failed check prints where and ends the process. */
#ifndef TB_BASE_CHECK_H
#define TB_BASE_CHECK_H

_Noreturn void check_failed(const char *file, int line, const char *what);

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            check_failed(__FILE__, __LINE__, #cond);                                               \
    } while (0)

#ifdef NDEBUG
#define DCHECK(cond) ((void)sizeof(!(cond)))
#else
#define DCHECK(cond) CHECK(cond)
#endif

/* A magic number in long-lived structs, checked on entry in debug builds. */
#define CHECK_MAGIC(p, m) DCHECK((p) != NULL && (p)->magic == (m))

#endif
