/* fuzz_event.c: any bytes as an event: both decoders must say the same; no series rule may fail. */
#include <stdint.h>
#include <stdlib.h>

#include <eventfile/event.h>

#include "event_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event_check *check = event_check_new();
    struct ef_event event;
    struct ef_series series;
    enum ef_number number;
    uint64_t bits;

    if (event_check(check, data, size, &event) == 0) {
        for (size_t i = 0; i < event.n_values; i++) {
            const struct ef_value *value = &event.values[i];
            ef_value_series(value, &series);
            if (series.kind < EF_SERIES_SCALAR || series.kind > EF_SERIES_BLOB)
                abort();
            if (!ef_value_single(value, &number, &bits) && value->kind == EF_VALUE_SCALAR)
                abort();
        }
    }
    event_check_free(check);
    return 0;
}
