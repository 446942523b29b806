/* reference_test.c: the hand-written decoder and protobuf-c agree on messages of every shape.
 *
 * A failure prints the payload; `seed` below starts the run anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <eventfile/event.h>

#include "event_check.h"
#include "event_random.h"

#define ROUNDS 200000

static void random_shapes_decode_alike_both_ways(void **state)
{
    struct event_check *check = event_check_new();
    struct event_random random = {.state = 1};
    size_t decoded = 0, kinds[EF_VALUE_OBSOLETE + 1] = {0}, tensors_as_scalars = 0;

    for (int i = 0; i < ROUNDS; i++) {
        uint8_t stack[4096];
        size_t size = event_random_make(&random, stack, sizeof stack);
        uint8_t *payload = malloc(size ? size : 1); /* so that reading past it is noticed */
        struct ef_event event;

        assert_non_null(payload);
        for (size_t k = 0; k < size; k++)
            payload[k] = stack[k];
        if (event_check(check, payload, size, &event) == 0) {
            decoded++;
            for (size_t k = 0; k < event.n_values; k++) {
                kinds[event.values[k].kind]++;
                tensors_as_scalars +=
                    event.values[k].kind == EF_VALUE_SCALAR && event.values[k].dtype != 0;
            }
        }
        free(payload);
    }
    /* the generator reaches everything, and most of it is well-formed */
    assert_true(decoded > ROUNDS / 2);
    for (int kind = 0; kind <= EF_VALUE_OBSOLETE; kind++)
        assert_true(kinds[kind] > ROUNDS / 1000);
    assert_true(tensors_as_scalars > ROUNDS / 100);
    /* fallbacks are for the malformed and for pieces to join */
    assert_true(event_check_fallbacks(check) < ROUNDS / 2);
    event_check_free(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes_decode_alike_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
