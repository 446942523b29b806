/* filestate_scalar.c: the loop that takes in nearly all records of nearly all files.
 *
 * A loop of its own, so that everything it needs stays in registers: whatever is not as expected,
 * it leaves to filestate_span(), which comes back with the record after that. */
#include <endian.h>
#include <eventfile/record.h>

#include "ingest/filestate.h"

#define SCALAR_ROOM (EF_RECORD_OVERHEAD + EF_SCALAR_AGAIN_ROOM)

const uint8_t *filestate_scalars(struct filestate *file, const uint8_t *p, const uint8_t *end,
                                 uint64_t *count)
{
    struct tagcache_entry *last = file->tags.last;
    struct events events;

    if (!last || !events_open(&events, file->generation))
        return p;
    while ((size_t)(end - p) >= SCALAR_ROOM) {
        struct tagcache_entry *entry = last->next;
        struct ef_scalar scalar;
        uint64_t size;
        memcpy(&size, p, sizeof size);
        size = le64toh(size);
        if (!ef_scalar_again(&entry->form, p + EF_HEADER_BYTES, size, &scalar) ||
            !events_add(&events, scalar.wall_time))
            break;
        if (__builtin_expect(lane_add(entry->lane, scalar.step, scalar.wall_time, VALUE_F32,
                                      scalar.bits) < 0, 0)) {
            events.count--; /* the record is taken once more */
            break;
        }
        last = entry;
        p += size + EF_RECORD_OVERHEAD;
    }
    file->tags.last = last;
    events_close(&events, file->generation);
    *count += events.count;
    return p;
}
