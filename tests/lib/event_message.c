/* event_message.c: the encoder. Not the library's: a mistake in one must not hide in the other. */
#include "event_message.h"

#include <stdlib.h>
#include <string.h>

void event_message_raw(struct event_message *m, const void *bytes, size_t size)
{
    if (size > sizeof m->bytes - m->size)
        abort();
    if (size > 0)
        memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

static void put_varint(struct event_message *m, uint64_t n)
{
    uint8_t byte;

    for (; n >= 0x80; n >>= 7) {
        byte = (uint8_t)(n | 0x80);
        event_message_raw(m, &byte, 1);
    }
    byte = (uint8_t)n;
    event_message_raw(m, &byte, 1);
}

void event_message_number(struct event_message *m, unsigned field, uint64_t number)
{
    put_varint(m, field << 3);
    put_varint(m, number);
}

void event_message_float(struct event_message *m, unsigned field, float number)
{
    put_varint(m, field << 3 | 5);
    event_message_raw(m, &number, sizeof number);
}

void event_message_double(struct event_message *m, unsigned field, double number)
{
    put_varint(m, field << 3 | 1);
    event_message_raw(m, &number, sizeof number);
}

void event_message_bytes(struct event_message *m, unsigned field, const void *bytes, size_t size)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, size);
    event_message_raw(m, bytes, size);
}

void event_message_text(struct event_message *m, unsigned field, const char *text)
{
    event_message_bytes(m, field, text, strlen(text));
}

void event_message_inner(struct event_message *m, unsigned field,
                         const struct event_message *inner)
{
    event_message_bytes(m, field, inner->bytes, inner->size);
}

struct event_message event_message_of_value(const struct event_message *value)
{
    struct event_message event = {0}, summary = {0};

    event_message_inner(&summary, 1, value);
    event_message_double(&event, 1, 1.5);
    event_message_number(&event, 2, 7);
    event_message_inner(&event, 5, &summary);
    return event;
}

struct event_message event_message_of_tensor(const struct event_message *tensor,
                                             const char *plugin)
{
    struct event_message value = {0}, metadata = {0}, plugin_data = {0};

    event_message_text(&value, 1, "t");
    event_message_inner(&value, 8, tensor);
    if (plugin) {
        event_message_text(&plugin_data, 1, plugin);
        event_message_inner(&metadata, 1, &plugin_data);
        event_message_inner(&value, 9, &metadata);
    }
    return value;
}
