/* event_random.h: Event messages of unusual shapes, by a seed.
 *
 * Fields in any order, left out, repeated, in pieces; packed and single numbers; every dtype;
 * unknown fields; overlong varints; now and then a damaged byte. The same seed gives the same
 * bytes on every machine. */
#ifndef TEST_EVENT_RANDOM_H
#define TEST_EVENT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct event_random {
    uint64_t state;
};

/* A number below `limit` (> 0). */
unsigned event_random_below(struct event_random *r, unsigned limit);

/* Writes a message of at most `capacity` bytes; returns its size. */
size_t event_random_make(struct event_random *r, uint8_t *out, size_t capacity);

#endif
