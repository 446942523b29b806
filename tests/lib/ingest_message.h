/* ingest_message.h: protobuf messages written field by field, for tests that need an exact shape.
 *
 *     struct message value = {0}, summary = {0}, event = {0};
 *     message_text(&value, 1, "loss"); message_float(&value, 2, 0.5f);
 *     message_nest(&summary, 1, &value);
 *     message_double(&event, 1, 1700000000); message_nest(&event, 5, &summary);
 *
 * A message that grows beyond its room ends the program. */
#ifndef TEST_INGEST_MESSAGE_H
#define TEST_INGEST_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct message {
    uint8_t data[8192];
    size_t size;
};

void message_varint(struct message *m, unsigned field, uint64_t value);
void message_double(struct message *m, unsigned field, double value);
void message_float(struct message *m, unsigned field, float value);
void message_bytes(struct message *m, unsigned field, const void *data, size_t size);
void message_text(struct message *m, unsigned field, const char *text);
void message_nest(struct message *m, unsigned field, const struct message *inner);

/* Event.summary with one Value made of a tag, the fields of `members` (a Value without a tag), and,
 * unless `plugin` is NULL, metadata that names it. */
void message_event(struct message *event, double wall_time, int64_t step, const char *tag,
                   const char *plugin, const struct message *members);

#endif
