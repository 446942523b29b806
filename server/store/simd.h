/* simd.h: one loop compiled for several instruction sets, chosen at run time.
 *
 *     static inline __attribute__((always_inline)) void sum_body(args) { plain loop }
 *     SIMD_VARIANTS(sum, (args with types), (args))      defines: static void sum(args)
 *
 * The loops are plain C that compilers vectorise; results are the same in every variant. On
 * x86-64 there is one with AVX2; elsewhere the plain one serves alone. Private to the store. */
#ifndef TB_STORE_SIMD_H
#define TB_STORE_SIMD_H

#include <stdbool.h>

#if defined(__GNUC__) && !defined(__clang__)
#define SIMD_LOOPS __attribute__((optimize("O3")))
#else
#define SIMD_LOOPS
#endif

#if defined(__x86_64__)
/* One load of the flags that the compiler's runtime fills before main(). */
static inline bool simd_wide(void)
{
    return __builtin_cpu_supports("avx2");
}

#define SIMD_VARIANTS(name, params, args)                                                          \
    __attribute__((target("avx2,bmi,bmi2"))) SIMD_LOOPS static void name##_avx2 params             \
    {                                                                                              \
        name##_body args;                                                                          \
    }                                                                                              \
    SIMD_LOOPS static void name##_plain params                                                     \
    {                                                                                              \
        name##_body args;                                                                          \
    }                                                                                              \
    static inline void name params                                                                 \
    {                                                                                              \
        if (simd_wide())                                                                           \
            name##_avx2 args;                                                                      \
        else                                                                                       \
            name##_plain args;                                                                     \
    }
#else
#define SIMD_VARIANTS(name, params, args)                                                          \
    static void name params                                                                        \
    {                                                                                              \
        name##_body args;                                                                          \
    }
#endif

#endif
