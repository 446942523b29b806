/* eventfile/decoder.h: what a decoder keeps between calls; shared by event.c and reference.c. */
#ifndef EVENTFILE_DECODER_H
#define EVENTFILE_DECODER_H

#include <stdbool.h>

#include <eventfile/event.h>

#include "eventfile/arena.h"

struct ef_decoder {
    struct ef_value *values;
    size_t capacity;
    bool bulky; /* holds much memory for an unusual event: give it back before the next */
    uint64_t fallbacks;
    struct arena arena;
};

/* Room for `count` values; those there stay. 0, EF_ERR_NOMEM. */
EF_MUST_CHECK int decoder_reserve(ef_decoder *decoder, size_t count);

/* By protobuf-c. Counts as a fallback. Errors as of ef_event_decode(). */
EF_MUST_CHECK int reference_decode(ef_decoder *decoder, struct ef_slice payload,
                                   struct ef_event *ret_event);

#endif
