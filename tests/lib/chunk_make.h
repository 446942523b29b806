/* chunk_make.h: sealed chunks for tests, from points that the caller has. Thread: the test's. */
#ifndef TB_TESTS_CHUNK_MAKE_H
#define TB_TESTS_CHUNK_MAKE_H

#include "store/chunk.h"

/* A chunk of `count` (1 … 4,096) points, freed by the caller. */
struct chunk *chunk_make(enum value_kind kind, const int64_t *step, const double *wall,
                         const uint64_t *bits, size_t count);

/* `count` points by a seed, of values that this kind can have, odd ones included. */
void chunk_make_points(uint64_t seed, enum value_kind kind, int64_t *step, double *wall,
                       uint64_t *bits, size_t count);

#endif
