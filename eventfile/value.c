/* eventfile/value.c: any Summary.Value that needs no joining of pieces. */
#include "eventfile/value.h"

#include "eventfile/plugin.h"
#include "eventfile/wire.h"

static const struct ef_slice nothing = {NULL, 0};

/* Wire types of the known fields of the members kept as bytes, by field number; 255: unknown
 * field; 8 added: packed numbers are fine as well. */
#define PACKED 8
#define FREE 255
static const uint8_t image_fields[] = {FREE, WIRE_VARINT, WIRE_VARINT, WIRE_VARINT, WIRE_LEN};
static const uint8_t audio_fields[] = {FREE, WIRE_I32, WIRE_VARINT, WIRE_VARINT, WIRE_LEN,
                                       WIRE_LEN};
static const uint8_t histo_fields[] = {FREE,     WIRE_I64, WIRE_I64,          WIRE_I64,
                                       WIRE_I64, WIRE_I64, WIRE_I64 | PACKED, WIRE_I64 | PACKED};

static bool fields_hold(struct ef_slice bytes, const uint8_t *types, size_t n_types)
{
    struct wire w = wire_over(bytes);
    struct ef_slice packed;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        uint32_t field = tag >> 3;
        uint8_t type = field < n_types ? types[field] : FREE;
        if (type != FREE && (type & PACKED) && (tag & 7) == WIRE_LEN) {
            if (!wire_len(&w, &packed) || packed.size % 8 != 0)
                return false;
            continue;
        }
        if (type != FREE && (type & 7) != (tag & 7))
            return false;
        if (!wire_skip(&w, tag))
            return false;
    }
    return true;
}

bool member_holds(enum ef_value_kind kind, struct ef_slice bytes)
{
    switch (kind) {
    case EF_VALUE_HISTOGRAM:
        return fields_hold(bytes, histo_fields, sizeof histo_fields);
    case EF_VALUE_IMAGE:
        return fields_hold(bytes, image_fields, sizeof image_fields);
    case EF_VALUE_AUDIO:
        return fields_hold(bytes, audio_fields, sizeof audio_fields);
    default:
        return true;
    }
}

static bool plugin_piece(struct ef_metadata *metadata, struct ef_slice piece)
{
    struct wire w = wire_over(piece);
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        bool fine;
        if (tag == WIRE_TAG(1, WIRE_LEN))
            fine = wire_len(&w, &metadata->plugin);
        else if (tag == WIRE_TAG(2, WIRE_LEN))
            fine = wire_len(&w, &metadata->content);
        else
            fine = tag >> 3 > 2 && wire_skip(&w, tag);
        if (!fine)
            return false;
    }
    return true;
}

static bool metadata_piece(struct ef_metadata *metadata, struct ef_slice piece)
{
    struct wire w = wire_over(piece);
    struct ef_slice plugin;
    uint64_t number;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        bool fine;
        switch (tag) {
        case WIRE_TAG(1, WIRE_LEN):
            fine = wire_len(&w, &plugin) && plugin_piece(metadata, plugin);
            break;
        case WIRE_TAG(2, WIRE_LEN):
            fine = wire_len(&w, &metadata->display_name);
            break;
        case WIRE_TAG(3, WIRE_LEN):
            fine = wire_len(&w, &metadata->description);
            break;
        case WIRE_TAG(4, WIRE_VARINT):
            fine = wire_varint(&w, &number);
            if (fine)
                metadata->data_class = (int)(int32_t)(uint32_t)number;
            break;
        default:
            fine = tag >> 3 > 4 && wire_skip(&w, tag);
        }
        if (!fine)
            return false;
    }
    return true;
}

void value_from_tensor(struct ef_value *value, const struct tensor *t, struct ef_slice payload)
{
    enum ef_number number;
    uint64_t bits;

    if (plugin_allows_scalar(value, t->rank == 0) && tensor_single(t, &number, &bits)) {
        value->kind = EF_VALUE_SCALAR;
        value->number = (uint8_t)number;
        value->bits = bits;
        value->payload = nothing;
        value->dtype = t->dtype;
        return;
    }
    value->kind = EF_VALUE_TENSOR;
    value->payload = payload;
    value->dtype = t->dtype;
}

/* Where a value's member stands while its fields are walked. */
struct member {
    uint8_t kind;    /* enum ef_value_kind of the last one met */
    unsigned pieces; /* of that one, without another between */
    struct ef_slice bytes;
    uint32_t simple;
    struct tensor tensor;
};

static void member_begin(struct member *m, enum ef_value_kind kind, bool simple)
{
    /* A message that comes twice is merged; anything else replaces what was there. A scalar here
     * is simple_value: tensors become scalars only at the end. */
    bool again = m->pieces > 0 && m->kind == kind && !simple;

    m->kind = (uint8_t)kind;
    m->pieces = again ? m->pieces + 1 : 1;
    if (kind == EF_VALUE_TENSOR && !again)
        tensor_init(&m->tensor);
}

static bool member_message(struct member *m, struct wire *w, enum ef_value_kind kind)
{
    member_begin(m, kind, false);
    if (!wire_len(w, &m->bytes))
        return false;
    if (kind == EF_VALUE_TENSOR)
        return tensor_piece(&m->tensor, m->bytes);
    return member_holds(kind, m->bytes);
}

static bool member_field(struct member *m, struct wire *w, uint32_t tag)
{
    switch (tag) {
    case WIRE_TAG(2, WIRE_I32):
        member_begin(m, EF_VALUE_SCALAR, true);
        return wire_i32(w, &m->simple);
    case WIRE_TAG(3, WIRE_LEN):
        member_begin(m, EF_VALUE_OBSOLETE, true);
        return wire_len(w, &m->bytes);
    case WIRE_TAG(4, WIRE_LEN):
        return member_message(m, w, EF_VALUE_IMAGE);
    case WIRE_TAG(5, WIRE_LEN):
        return member_message(m, w, EF_VALUE_HISTOGRAM);
    case WIRE_TAG(6, WIRE_LEN):
        return member_message(m, w, EF_VALUE_AUDIO);
    case WIRE_TAG(8, WIRE_LEN):
        return member_message(m, w, EF_VALUE_TENSOR);
    default:
        return tag >> 3 > 9 && wire_skip(w, tag);
    }
}

static bool value_finish(struct ef_value *value, const struct member *m)
{
    value->kind = m->kind;
    value->number = 0;
    value->bits = 0;
    value->dtype = 0;
    value->payload = nothing;
    if (m->kind == EF_VALUE_TENSOR) {
        value_from_tensor(value, &m->tensor, m->bytes);
    } else if (m->kind == EF_VALUE_SCALAR) {
        value->number = EF_NUMBER_F32;
        value->bits = m->simple;
        return true;
    } else if (m->kind != EF_VALUE_NONE) {
        value->payload = m->bytes;
    }
    /* the pieces of a payload that is passed on have to be joined */
    return m->pieces <= 1 || value->kind == EF_VALUE_SCALAR;
}

bool value_decode(struct ef_slice bytes, struct ef_value *ret_value)
{
    struct wire w = wire_over(bytes);
    struct member member;
    struct ef_slice piece;
    uint32_t tag;

    member.kind = EF_VALUE_NONE;
    member.pieces = 0;
    ret_value->tag = nothing;
    ret_value->has_metadata = false;
    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        switch (tag) {
        case WIRE_TAG(1, WIRE_LEN):
            if (!wire_len(&w, &ret_value->tag))
                return false;
            break;
        case WIRE_TAG(7, WIRE_LEN): /* node_name */
            if (!wire_skip(&w, tag))
                return false;
            break;
        case WIRE_TAG(9, WIRE_LEN):
            if (!ret_value->has_metadata)
                ret_value->metadata = (struct ef_metadata){0};
            ret_value->has_metadata = true;
            if (!wire_len(&w, &piece) || !metadata_piece(&ret_value->metadata, piece))
                return false;
            break;
        default:
            if (!member_field(&member, &w, tag))
                return false;
        }
    }
    return value_finish(ret_value, &member);
}
