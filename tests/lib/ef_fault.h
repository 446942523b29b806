/* ef_fault.h: lets the n-th allocation, read or write fail, for every n.
 *
 *     for (long n = 1; ef_fault_next(n); n++) {
 *         ...               // the call fails once on the way, then works again
 *     }
 *
 * For programs named *_fault_test.c: only there malloc, calloc, realloc, pread and write are
 * wrapped at link time (code that the C library calls itself is not). Thread: one. */
#ifndef TEST_EF_FAULT_H
#define TEST_EF_FAULT_H

#include <stdbool.h>

/* Arms the n-th call from now on. False when the call armed last was never reached: every one has
 * failed once. */
bool ef_fault_next(long n);
/* No call fails any more. */
void ef_fault_off(void);

#endif
