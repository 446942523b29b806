/* eventfile/shape.c: is a payload shaped as an Event?
 *
 * The last of the four questions that the search for sound records asks. Known fields must carry
 * their wire types down to the values of a summary and their metadata; everything below is length
 * and bytes. Iterative: the depth is that of the tables here, not of the input. Thread: any. */
#include <eventfile/salvage.h>

#include "eventfile/bytes.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum shape_message {
    SHAPE_LEAF,
    SHAPE_EVENT,
    SHAPE_SUMMARY,
    SHAPE_VALUE,
    SHAPE_METADATA,
    SHAPE_PLUGIN,
    SHAPE_LOG,
    SHAPE_SESSION,
    SHAPE_TAGGED,
    SHAPE_SOURCE,
    SHAPE_MESSAGES
};

struct shape_field {
    uint8_t wire;
    uint8_t inner; /* enum shape_message: what a field of bytes holds */
};

#define SHAPE_FIELDS 11 /* numbers 1 to 10 */
#define SHAPE_DEPTH 5   /* event, summary, value, metadata, plugin */

/* Highest known number; a field above it is unknown and may have any wire type. */
static const uint8_t shape_known[SHAPE_MESSAGES] = {
    [SHAPE_EVENT] = 10,   [SHAPE_SUMMARY] = 1, [SHAPE_VALUE] = 9,
    [SHAPE_METADATA] = 4, [SHAPE_PLUGIN] = 2,  [SHAPE_LOG] = 2,
    [SHAPE_SESSION] = 3,  [SHAPE_TAGGED] = 2,  [SHAPE_SOURCE] = 1,
};

static const struct shape_field shape_fields[SHAPE_MESSAGES][SHAPE_FIELDS] = {
    [SHAPE_EVENT] = {[1] = {WIRE_FIXED64, 0},
                     [2] = {WIRE_VARINT, 0},
                     [3] = {WIRE_BYTES, 0},
                     [4] = {WIRE_BYTES, 0},
                     [5] = {WIRE_BYTES, SHAPE_SUMMARY},
                     [6] = {WIRE_BYTES, SHAPE_LOG},
                     [7] = {WIRE_BYTES, SHAPE_SESSION},
                     [8] = {WIRE_BYTES, SHAPE_TAGGED},
                     [9] = {WIRE_BYTES, 0},
                     [10] = {WIRE_BYTES, SHAPE_SOURCE}},
    [SHAPE_SUMMARY] = {[1] = {WIRE_BYTES, SHAPE_VALUE}},
    [SHAPE_VALUE] = {[1] = {WIRE_BYTES, 0},
                     [2] = {WIRE_FIXED32, 0},
                     [3] = {WIRE_BYTES, 0},
                     [4] = {WIRE_BYTES, 0},
                     [5] = {WIRE_BYTES, 0},
                     [6] = {WIRE_BYTES, 0},
                     [7] = {WIRE_BYTES, 0},
                     [8] = {WIRE_BYTES, 0},
                     [9] = {WIRE_BYTES, SHAPE_METADATA}},
    [SHAPE_METADATA] = {[1] = {WIRE_BYTES, SHAPE_PLUGIN},
                        [2] = {WIRE_BYTES, 0},
                        [3] = {WIRE_BYTES, 0},
                        [4] = {WIRE_VARINT, 0}},
    [SHAPE_PLUGIN] = {[1] = {WIRE_BYTES, 0}, [2] = {WIRE_BYTES, 0}},
    [SHAPE_LOG] = {[1] = {WIRE_VARINT, 0}, [2] = {WIRE_BYTES, 0}},
    [SHAPE_SESSION] = {[1] = {WIRE_VARINT, 0}, [2] = {WIRE_BYTES, 0}, [3] = {WIRE_BYTES, 0}},
    [SHAPE_TAGGED] = {[1] = {WIRE_BYTES, 0}, [2] = {WIRE_BYTES, 0}},
    [SHAPE_SOURCE] = {[1] = {WIRE_BYTES, 0}},
};

static bool shape_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70 && *p < end; shift += 7) {
        uint8_t byte = *(*p)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* Passes one field. A field of bytes is told by its end, so that the caller may enter it. */
static bool shape_field(const uint8_t **p, const uint8_t *end, uint64_t *ret_number,
                        unsigned *ret_wire, const uint8_t **ret_bytes)
{
    uint64_t key, size;

    if (!shape_varint(p, end, &key) || key > UINT32_MAX || key >> 3 == 0)
        return false;
    *ret_number = key >> 3;
    *ret_wire = (unsigned)(key & 7);
    switch (key & 7) {
    case WIRE_VARINT:
        return shape_varint(p, end, &size);
    case WIRE_FIXED64:
        size = 8;
        break;
    case WIRE_FIXED32:
        size = 4;
        break;
    case WIRE_BYTES:
        if (!shape_varint(p, end, &size))
            return false;
        break;
    default:
        return false;
    }
    if (size > (uint64_t)(end - *p))
        return false;
    *ret_bytes = *p;
    *p += size;
    return true;
}

bool ef_event_shaped(const void *data, size_t size)
{
    struct {
        const uint8_t *end;
        unsigned message;
    } stack[SHAPE_DEPTH];
    int top = 0;
    const uint8_t *p = data;

    if (size == 0)
        return true;
    stack[0].end = p + size;
    stack[0].message = SHAPE_EVENT;
    while (top >= 0) {
        const uint8_t *bytes = NULL;
        uint64_t number;
        unsigned wire, message = stack[top].message;

        if (p == stack[top].end) {
            top--;
            continue;
        }
        if (!shape_field(&p, stack[top].end, &number, &wire, &bytes))
            return false;
        if (number > shape_known[message])
            continue;
        if (wire != shape_fields[message][number].wire)
            return false;
        if (shape_fields[message][number].inner != SHAPE_LEAF && p > bytes) {
            top++; /* its fields next, then those behind it */
            stack[top].end = p;
            stack[top].message = shape_fields[message][number].inner;
            p = bytes;
        }
    }
    return true;
}
