/* event_check.h: holds ef_event_decode() and ef_event_decode_reference() together.
 *
 * Used by the fuzz target, the random shapes test and the golden test. A difference is printed with
 * the payload in hex and ends the process, so that fuzzers and cmocka both notice. */
#ifndef TEST_EVENT_CHECK_H
#define TEST_EVENT_CHECK_H

#include <stddef.h>

struct event_check;

struct event_check *event_check_new(void);
struct event_check *event_check_free(struct event_check *check);

/* Decodes both ways and compares all that event.h says is filled. Returns the common result and,
 * if it is 0, the hand-written way's event in *ret_event (may be NULL). */
struct ef_event;
int event_check(struct event_check *check, const void *data, size_t size,
                struct ef_event *ret_event);

/* How many of these events the hand-written way gave to protobuf-c. */
unsigned long event_check_fallbacks(const struct event_check *check);

#endif
