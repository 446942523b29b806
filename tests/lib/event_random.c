/* event_random.c: random messages, built from the inside out into fixed buffers. */
#include "event_random.h"

#include <stdbool.h>
#include <string.h>

#define MESSAGE_MAX 4096

/* Bytes of a message under construction; what does not fit is left out. */
struct message {
    size_t size;
    uint8_t bytes[MESSAGE_MAX];
};

unsigned event_random_below(struct event_random *r, unsigned limit)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = r->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % limit);
}

static bool chance(struct event_random *r, unsigned percent)
{
    return event_random_below(r, 100) < percent;
}

static uint64_t number(struct event_random *r)
{
    uint64_t n = 0;
    unsigned bytes = event_random_below(r, 9);

    for (unsigned i = 0; i < bytes; i++)
        n = n << 8 | event_random_below(r, 256);
    return chance(r, 10) ? ~n : n;
}

static void put(struct message *m, const void *bytes, size_t size)
{
    if (size <= MESSAGE_MAX - m->size) {
        memcpy(m->bytes + m->size, bytes, size);
        m->size += size;
    }
}

/* Now and then longer than needed, as hand-made encoders do it. */
static void put_varint(struct event_random *r, struct message *m, uint64_t n)
{
    uint8_t bytes[12];
    size_t size = 0;

    do {
        bytes[size++] = (uint8_t)((n & 0x7f) | 0x80);
        n >>= 7;
    } while (n > 0);
    while (size < 5 && chance(r, 2))
        bytes[size++] = 0x80;
    bytes[size - 1] &= 0x7f;
    put(m, bytes, size);
}

static void put_tag(struct event_random *r, struct message *m, unsigned field, unsigned type)
{
    if (chance(r, 1))
        type = event_random_below(r, 8);
    put_varint(r, m, (uint64_t)field << 3 | type);
}

static void put_len(struct event_random *r, struct message *m, unsigned field, const void *bytes,
                    size_t size)
{
    if (size + 16 > MESSAGE_MAX - m->size)
        return;
    put_tag(r, m, field, 2);
    put_varint(r, m, size);
    put(m, bytes, size);
}

static void put_text(struct event_random *r, struct message *m, unsigned field)
{
    static const char *const texts[] = {
        "",       "loss",    "scalars", "histograms", "images", "accuracy/very/long/name",
        "tensor", "hparams", "text",    "a\xff\xfe"};
    const char *text = texts[event_random_below(r, 10)];

    put_len(r, m, field, text, strlen(text));
}

static void put_fixed(struct event_random *r, struct message *m, unsigned field, unsigned width)
{
    uint64_t n = number(r);

    put_tag(r, m, field, width == 4 ? 5 : 1);
    put(m, &n, width); /* any bytes will do: order of bytes does not matter */
}

static void put_number(struct event_random *r, struct message *m, unsigned field, uint64_t n)
{
    put_tag(r, m, field, 0);
    put_varint(r, m, n);
}

static void put_unknown(struct event_random *r, struct message *m)
{
    unsigned field = 19 + event_random_below(r, 3) * 100;

    switch (event_random_below(r, 4)) {
    case 0:
        put_number(r, m, field, number(r));
        break;
    case 1:
        put_fixed(r, m, field, 8);
        break;
    case 2:
        put_text(r, m, field);
        break;
    default:
        put_fixed(r, m, field, 4);
        break;
    }
}

/* Elements of a list: packed or one by one; width 0 is a varint. */
static void put_list(struct event_random *r, struct message *m, unsigned field, unsigned width,
                     bool boolean)
{
    unsigned count = chance(r, 70) ? 1 : event_random_below(r, 4);
    bool packed = chance(r, 70);
    struct message list = {0};

    for (unsigned i = 0; i < count; i++) {
        uint64_t n = boolean ? event_random_below(r, 2) : number(r);
        if (!packed && width)
            put_fixed(r, m, field, width);
        else if (!packed)
            put_number(r, m, field, n);
        else if (width)
            put(&list, &n, width);
        else
            put_varint(r, &list, n);
    }
    if (packed)
        put_len(r, m, field, list.bytes, list.size);
}

static void make_shape(struct event_random *r, struct message *m)
{
    unsigned dims = chance(r, 60) ? 0 : event_random_below(r, 4);

    for (unsigned i = 0; i < dims; i++) {
        struct message dim = {0};
        if (chance(r, 90))
            put_number(r, &dim, 1, chance(r, 80) ? 1 : number(r));
        if (chance(r, 10))
            put_text(r, &dim, 2);
        put_len(r, m, 2, dim.bytes, dim.size);
    }
    if (chance(r, 3))
        put_number(r, m, 3, 1);
    if (chance(r, 3))
        put_unknown(r, m);
}

static void tensor_field(struct event_random *r, struct message *m)
{
    static const struct {
        uint8_t field, width;
    } lists[] = {{5, 4},  {6, 8},  {7, 0},  {9, 4},  {10, 0}, {11, 0},
                 {12, 8}, {13, 0}, {16, 0}, {17, 0}};
    static const uint8_t widths[] = {1, 2, 4, 8, 4, 8, 0, 3};
    struct message shape = {0};
    unsigned which = event_random_below(r, 10);
    uint64_t n = number(r);

    switch (event_random_below(r, 9)) {
    case 0:
    case 1:
        put_number(r, m, 1, chance(r, 95) ? event_random_below(r, 35) : n);
        break;
    case 2:
        make_shape(r, &shape);
        put_len(r, m, 2, shape.bytes, shape.size);
        break;
    case 3:
        put_len(r, m, 4, &n, widths[event_random_below(r, 8)]);
        break;
    case 4:
        put_len(r, m, 18, &n, chance(r, 80) ? 1 : 2);
        break;
    case 5:
        if (chance(r, 20))
            put_text(r, m, 8 + event_random_below(r, 2) * 7);
        else if (chance(r, 20))
            put_unknown(r, m);
        else
            put_number(r, m, 3, n);
        break;
    default:
        put_list(r, m, lists[which].field, lists[which].width, lists[which].field == 11);
        break;
    }
}

/* A tensor that would be a scalar: dtype and the one element that belongs to it. */
static void make_single(struct event_random *r, struct message *m)
{
    static const struct {
        uint8_t dtype, field, width, bytes;
    } forms[] = {{1, 5, 4, 4},   {2, 6, 8, 8},   {3, 7, 0, 4},   {4, 7, 0, 1},  {5, 7, 0, 2},
                 {6, 7, 0, 1},   {9, 10, 0, 8},  {10, 11, 0, 1}, {14, 13, 0, 2}, {17, 7, 0, 2},
                 {19, 13, 0, 2}, {22, 16, 0, 4}, {23, 17, 0, 8}, {25, 18, 0, 1}, {28, 18, 0, 1}};
    unsigned i = event_random_below(r, 15);
    struct message shape = {0};
    uint64_t n = number(r);

    if (chance(r, 80))
        put_number(r, m, 1, forms[i].dtype);
    if (chance(r, 60)) {
        make_shape(r, &shape);
        put_len(r, m, 2, shape.bytes, shape.size);
    }
    if (chance(r, 50) || forms[i].field == 18)
        put_len(r, m, forms[i].field == 18 ? 18 : 4, &n, forms[i].bytes);
    else
        put_list(r, m, forms[i].field, forms[i].width, forms[i].dtype == 10);
    if (chance(r, 20))
        put_number(r, m, 1, forms[i].dtype);
}

static void make_tensor(struct event_random *r, struct message *m)
{
    if (chance(r, 60)) {
        make_single(r, m);
        return;
    }
    for (unsigned i = event_random_below(r, 6); i > 0; i--)
        tensor_field(r, m);
}

static void make_metadata(struct event_random *r, struct message *m)
{
    struct message plugin;

    for (unsigned i = event_random_below(r, 4); i > 0; i--) {
        switch (event_random_below(r, 6)) {
        case 0:
        case 1:
        case 2:
            plugin.size = 0;
            if (chance(r, 95))
                put_text(r, &plugin, 1);
            if (chance(r, 20))
                put_text(r, &plugin, 2);
            put_len(r, m, 1, plugin.bytes, plugin.size);
            break;
        case 3:
            put_text(r, m, 2 + event_random_below(r, 2));
            break;
        case 4:
            put_number(r, m, 4, event_random_below(r, 5));
            break;
        default:
            put_unknown(r, m);
        }
    }
}

static void make_old_style(struct event_random *r, struct message *m, unsigned member)
{
    for (unsigned i = event_random_below(r, 5); i > 0; i--) {
        if (member == 5)
            put_list(r, m, 6 + event_random_below(r, 2), 8, false);
        else
            put_text(r, m, 4);
        if (member == 5 && chance(r, 50))
            put_fixed(r, m, 1 + event_random_below(r, 5), 8);
        else if (member == 6 && chance(r, 50))
            put_fixed(r, m, 1, 4);
        else if (member != 5 && chance(r, 50))
            put_number(r, m, 2 + event_random_below(r, 2), number(r));
    }
}

static void value_field(struct event_random *r, struct message *m)
{
    struct message inner = {0};
    unsigned member;

    switch (event_random_below(r, 12)) {
    case 0:
    case 1:
        put_text(r, m, 1);
        break;
    case 2:
        put_text(r, m, chance(r, 50) ? 7 : 3);
        break;
    case 3:
    case 4:
        put_fixed(r, m, 2, 4);
        break;
    case 5:
    case 6:
    case 7:
        make_metadata(r, &inner);
        put_len(r, m, 9, inner.bytes, inner.size);
        break;
    case 8:
        member = 4 + event_random_below(r, 3);
        make_old_style(r, &inner, member);
        put_len(r, m, member, inner.bytes, inner.size);
        break;
    case 9:
        put_unknown(r, m);
        break;
    default:
        make_tensor(r, &inner);
        put_len(r, m, 8, inner.bytes, inner.size);
        break;
    }
}

static void make_value(struct event_random *r, struct message *m)
{
    struct message inner = {0};

    if (chance(r, 50)) { /* nearly what writers do */
        put_text(r, m, 1);
        if (chance(r, 40)) {
            put_fixed(r, m, 2, 4);
        } else {
            make_tensor(r, &inner);
            put_len(r, m, 8, inner.bytes, inner.size);
        }
        inner.size = 0;
        make_metadata(r, &inner);
        if (chance(r, 60))
            put_len(r, m, 9, inner.bytes, inner.size);
    }
    for (unsigned i = event_random_below(r, chance(r, 50) ? 1 : 6); i > 0; i--)
        value_field(r, m);
}

static void make_summary(struct event_random *r, struct message *m)
{
    for (unsigned i = event_random_below(r, chance(r, 80) ? 2 : 5) + 1; i > 0; i--) {
        struct message value = {0};
        make_value(r, &value);
        put_len(r, m, 1, value.bytes, value.size);
    }
    if (chance(r, 3))
        put_unknown(r, m);
}

static void event_field(struct event_random *r, struct message *m)
{
    struct message inner = {0};
    unsigned field = 3 + event_random_below(r, 8);

    if (chance(r, 50))
        field = 5;
    switch (field) {
    case 5:
        make_summary(r, &inner);
        break;
    case 6:
    case 7:
        if (chance(r, 80))
            put_number(r, &inner, 1, event_random_below(r, 5));
        put_text(r, &inner, 2);
        break;
    case 8:
    case 10:
        put_text(r, &inner, 1);
        if (field == 8)
            put_text(r, &inner, 2);
        break;
    default:
        put_text(r, m, field);
        return;
    }
    put_len(r, m, field, inner.bytes, inner.size);
}

size_t event_random_make(struct event_random *r, uint8_t *out, size_t capacity)
{
    struct message m = {0};

    if (chance(r, 90))
        put_fixed(r, &m, 1, 8);
    if (chance(r, 80))
        put_number(r, &m, 2, number(r));
    for (unsigned i = chance(r, 80) ? 1 : event_random_below(r, 4); i > 0; i--)
        event_field(r, &m);
    if (chance(r, 5))
        put_unknown(r, &m);
    if (chance(r, 5))
        put_fixed(r, &m, 1, 8);
    if (m.size > 0 && chance(r, 10))
        m.bytes[event_random_below(r, (unsigned)m.size)] ^=
            (uint8_t)(1u << event_random_below(r, 8));
    if (m.size > 0 && chance(r, 3))
        m.size = event_random_below(r, (unsigned)m.size);
    if (m.size > capacity)
        m.size = capacity;
    memcpy(out, m.bytes, m.size);
    return m.size;
}
