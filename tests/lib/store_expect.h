/* store_expect.h: a store holds exactly what the model of store_world.h says.
 *
 * Fails the running cmocka test where it does not. Thread: the test's. */
#ifndef TB_TESTS_STORE_EXPECT_H
#define TB_TESTS_STORE_EXPECT_H

#include "store_world.h"

/* Every series in both views, summaries and references; `seed` is named in messages. */
void expect_run(struct world *w, uint64_t seed);
/* The value as bits of a double. */
uint64_t expect_as_f64(enum value_kind kind, uint64_t bits);
bool expect_same_double(double a, double b);

#endif
