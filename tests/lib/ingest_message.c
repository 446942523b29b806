#include "ingest_message.h"

#include <stdlib.h>
#include <string.h>

static void put(struct message *m, const void *data, size_t size)
{
    if (size > sizeof m->data - m->size)
        abort();
    if (size > 0)
        memcpy(m->data + m->size, data, size);
    m->size += size;
}

static void put_varint(struct message *m, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    while (value >= 0x80) {
        bytes[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (uint8_t)value;
    put(m, bytes, n);
}

void message_varint(struct message *m, unsigned field, uint64_t value)
{
    put_varint(m, (uint64_t)field << 3);
    put_varint(m, value);
}

void message_double(struct message *m, unsigned field, double value)
{
    put_varint(m, (uint64_t)field << 3 | 1);
    put(m, &value, sizeof value);
}

void message_float(struct message *m, unsigned field, float value)
{
    put_varint(m, (uint64_t)field << 3 | 5);
    put(m, &value, sizeof value);
}

void message_bytes(struct message *m, unsigned field, const void *data, size_t size)
{
    put_varint(m, (uint64_t)field << 3 | 2);
    put_varint(m, size);
    put(m, data, size);
}

void message_text(struct message *m, unsigned field, const char *text)
{
    message_bytes(m, field, text, strlen(text));
}

void message_nest(struct message *m, unsigned field, const struct message *inner)
{
    message_bytes(m, field, inner->data, inner->size);
}

void message_event(struct message *event, double wall_time, int64_t step, const char *tag,
                   const char *plugin, const struct message *members)
{
    struct message value = {0}, summary = {0};

    message_text(&value, 1, tag);
    if (plugin) {
        struct message data = {0}, metadata = {0};
        message_text(&data, 1, plugin);
        message_nest(&metadata, 1, &data);
        message_nest(&value, 9, &metadata);
    }
    put(&value, members->data, members->size);
    message_nest(&summary, 1, &value);
    message_double(event, 1, wall_time);
    if (step != 0)
        message_varint(event, 2, (uint64_t)step);
    message_nest(event, 5, &summary);
}
