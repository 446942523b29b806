/* eventfile/guard.c: the scan before protobuf-c. Iterative; the stack is EF_DEPTH_MAX places.
 *
 * Members of a Value are `bytes` in event.proto but messages in truth: they are walked as such. */
#include "eventfile/guard.h"

#include "event.pb-c.h"
#include "eventfile/wire.h"
#include "member.pb-c.h"

struct guard {
    uint64_t fields;
    uint64_t elements;
    uint64_t values;
    unsigned depth;
    struct {
        const ProtobufCMessageDescriptor *message;
        struct wire wire;
    } stack[EF_DEPTH_MAX];
};

static int guard_push(struct guard *g, const ProtobufCMessageDescriptor *message,
                      struct ef_slice bytes)
{
    if (g->depth == EF_DEPTH_MAX)
        return EF_ERR_LIMIT;
    g->stack[g->depth].message = message;
    g->stack[g->depth].wire = wire_over(bytes);
    g->depth++;
    return 0;
}

/* The message inside a field, if there is one. */
static const ProtobufCMessageDescriptor *inner_message(const ProtobufCMessageDescriptor *message,
                                                       const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return field->descriptor;
    if (message != &ef__pb__value__descriptor)
        return NULL;
    switch (field->id) {
    case 4:
        return &ef__pb__image__descriptor;
    case 5:
        return &ef__pb__histogram__descriptor;
    case 6:
        return &ef__pb__audio__descriptor;
    case 8:
        return &ef__pb__tensor__descriptor;
    default:
        return NULL;
    }
}

static uint32_t wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_I32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_I64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_LEN;
    default:
        return WIRE_VARINT;
    }
}

static int packed_scan(struct guard *g, ProtobufCType type, struct ef_slice bytes)
{
    struct wire w = wire_over(bytes);
    uint32_t wire_type = wire_type_of(type);
    uint64_t number;

    if (wire_type != WIRE_VARINT) {
        size_t width = wire_type == WIRE_I32 ? 4 : 8;
        g->elements += bytes.size / width;
        if (bytes.size % width != 0)
            return EF_ERR_NOT_EVENT;
    }
    while (wire_type == WIRE_VARINT && w.at < w.end) {
        const uint8_t *begin = w.at;
        if (!wire_varint(&w, &number))
            return EF_ERR_NOT_EVENT;
        if (type == PROTOBUF_C_TYPE_BOOL && (number > 1 || w.at - begin > 1))
            return EF_ERR_NOT_EVENT;
        g->elements++;
    }
    return g->elements > EF_ELEMENTS_MAX ? EF_ERR_LIMIT : 0;
}

/* A field of a known number whose tag has been read. */
static int known_field(struct guard *g, struct wire *w, uint32_t tag,
                       const ProtobufCMessageDescriptor *message,
                       const ProtobufCFieldDescriptor *field)
{
    uint32_t wire_type = wire_type_of(field->type);
    struct ef_slice bytes;

    if (wire_type == WIRE_LEN && (tag & 7) == WIRE_LEN) {
        if (!wire_len(w, &bytes))
            return EF_ERR_NOT_EVENT;
        if (message == &ef__pb__summary__descriptor && ++g->values > EF_VALUES_MAX)
            return EF_ERR_LIMIT;
        const ProtobufCMessageDescriptor *inner = inner_message(message, field);
        return inner ? guard_push(g, inner, bytes) : 0;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED && (tag & 7) == WIRE_LEN)
        return wire_len(w, &bytes) ? packed_scan(g, field->type, bytes) : EF_ERR_NOT_EVENT;
    if ((tag & 7) != wire_type)
        return EF_ERR_NOT_EVENT;
    return wire_skip(w, tag) ? 0 : EF_ERR_NOT_EVENT;
}

int guard_scan(const ProtobufCMessageDescriptor *message, struct ef_slice bytes)
{
    struct guard g;

    g.fields = g.elements = g.values = 0;
    g.depth = 0;
    int r = guard_push(&g, message, bytes);
    while (r == 0 && g.depth > 0) {
        struct wire *w = &g.stack[g.depth - 1].wire;
        uint32_t tag;

        if (w->at == w->end) {
            g.depth--;
            continue;
        }
        if (!wire_tag(w, &tag))
            return EF_ERR_NOT_EVENT;
        if (++g.fields > EF_FIELDS_MAX)
            return EF_ERR_LIMIT;
        message = g.stack[g.depth - 1].message;
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(message, tag >> 3);
        if (field)
            r = known_field(&g, w, tag, message, field);
        else
            r = wire_skip(w, tag) ? 0 : EF_ERR_NOT_EVENT;
    }
    return r;
}
