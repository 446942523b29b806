/* eventfile/crc32c.c: chooses the CRC-32C implementation once, and the plain calls.
 * The tables are in crc32c_table.c, the processor's instruction in crc32c_cpu.h. */
#include <eventfile/crc32c.h>

#include <limits.h>
#include <stdatomic.h>

#ifdef EF_HAVE_ISAL
#include <isa-l/crc.h>
#endif
#ifdef __aarch64__
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

#include "eventfile/crc32c_cpu.h"

#ifdef EF_CRC32C_CPU_NAME

#define ODD_MASK(n) ((n) ? ~UINT64_C(0) << 1 << (63 - (n) * 8 % 64) : 0)
#define ODD_START(n) ((n) ? (uint64_t)EF_CRC32C_START << 1 << (63 - (n) * 8 % 64) : 0)
#define ODD_BEHIND(n) ((uint64_t)EF_CRC32C_START >> (n) * 8)
#define ODDS(of) {of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7)}

const struct ef_crc32c_odd ef_crc32c_odd = {ODDS(ODD_MASK), ODDS(ODD_START), ODDS(ODD_BEHIND)};

/* 0: not asked yet. Asking twice at once does no harm: the answer is always the same. */
enum { CPU_UNKNOWN, CPU_NO, CPU_YES };
static atomic_int crc32c_cpu_known;

static bool crc32c_ask_cpu(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2");
#else
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#endif
}

bool ef_crc32c_has_cpu(void)
{
    int known = atomic_load_explicit(&crc32c_cpu_known, memory_order_relaxed);

    if (known == CPU_UNKNOWN) {
        known = crc32c_ask_cpu() ? CPU_YES : CPU_NO;
        atomic_store_explicit(&crc32c_cpu_known, known, memory_order_relaxed);
    }
    return known == CPU_YES;
}

/* noinline: nothing of it may be moved in front of the question for the instruction. */
static __attribute__((noinline)) uint32_t crc32c_serial(uint32_t state, const uint8_t *data,
                                                        size_t size)
{
    uint64_t wide = state;

    for (; size >= 8; data += 8, size -= 8)
        wide = ef_crc32c_cpu_u64(wide, ef_load64(data));
    state = (uint32_t)wide;
    for (; size > 0; data++, size--)
        state = ef_crc32c_cpu_u8(state, *data);
    return state;
}

#else

bool ef_crc32c_has_cpu(void)
{
    return false;
}

static uint32_t crc32c_serial(uint32_t state, const uint8_t *data, size_t size)
{
    return ef_crc32c_table_update(state, data, size);
}

#define EF_CRC32C_CPU_NAME "table"
#endif

uint32_t ef_crc32c_update(uint32_t state, const uint8_t *data, size_t size)
{
    if (!ef_crc32c_has_cpu())
        return ef_crc32c_table_update(state, data, size);
#ifdef EF_HAVE_ISAL
    /* ISA-L takes its length as int and its input without const; it only reads. */
    while (size >= EF_CRC32C_LONG_BYTES) {
        size_t piece = size < (1u << 30) ? size : (1u << 30);
        state = crc32_iscsi((unsigned char *)(uintptr_t)data, (int)piece, state);
        data += piece;
        size -= piece;
    }
#endif
    return crc32c_serial(state, data, size);
}

uint32_t ef_crc32c_extend(uint32_t crc, const void *data, size_t size)
{
    return ~ef_crc32c_update(~crc, data, size);
}

uint32_t ef_crc32c(const void *data, size_t size)
{
    return ef_crc32c_extend(0, data, size);
}

const char *ef_crc32c_implementation(void)
{
    return ef_crc32c_has_cpu() ? EF_CRC32C_CPU_NAME : "table";
}
