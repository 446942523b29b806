/* event_message.h: protobuf messages for tests, field by field, in the order of the calls.
 *
 *     struct event_message value = {0}, event = {0};
 *     event_message_text(&value, 1, "loss");
 *     event_message_float(&value, 2, 0.5f);
 *     ...
 *
 * What does not fit ends the program. */
#ifndef TEST_EVENT_MESSAGE_H
#define TEST_EVENT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define EVENT_MESSAGE_BYTES 4096

struct event_message {
    size_t size;
    uint8_t bytes[EVENT_MESSAGE_BYTES];
};

void event_message_raw(struct event_message *m, const void *bytes, size_t size);
void event_message_number(struct event_message *m, unsigned field, uint64_t number);
void event_message_float(struct event_message *m, unsigned field, float number);
void event_message_double(struct event_message *m, unsigned field, double number);
void event_message_bytes(struct event_message *m, unsigned field, const void *bytes, size_t size);
void event_message_text(struct event_message *m, unsigned field, const char *text);
void event_message_inner(struct event_message *m, unsigned field,
                         const struct event_message *inner);

/* An event of wall time 1.5 and step 7 whose summary has this one value. */
struct event_message event_message_of_value(const struct event_message *value);
/* A value of tag "t" with this tensor and, unless it is NULL, plugin name. */
struct event_message event_message_of_tensor(const struct event_message *tensor,
                                             const char *plugin);

#endif
