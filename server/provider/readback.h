/* readback.h: bytes of event files, read again where a reference says.
 *
 * From the archive if it has them (what is shown may not be there yet), else from the run's own
 * directory. A record is given out only if both its CRCs hold: a file that was replaced meanwhile
 * is found out. Nothing is allocated by what a length says before its CRC was checked.
 *
 * Thread: one owner at a time. */
#ifndef TB_PROVIDER_READBACK_H
#define TB_PROVIDER_READBACK_H

#include <eventfile/event.h>

#include "provider/core.h"

struct readback {
    struct provider *provider;
    const char *run_id, *directory; /* of the run now; they live as long as the store */
    struct archive_run *archived;   /* NULL: the archive does not have it */
    char *path;                     /* of the file that is open */
    uint32_t generation;
    struct archive_file *file;
    int fd; /* in the run's directory; -1: not open, -2: cannot be opened */
    uint8_t *data; /* of the record read last */
    size_t capacity;
    ef_decoder *decoder;
};

void readback_init(struct readback *rb, struct provider *provider);
void readback_done(struct readback *rb);
/* Strings are borrowed. */
void readback_run(struct readback *rb, const char *run_id, const char *directory);
void readback_file(struct readback *rb, const char *path, uint32_t generation);

/* Bytes of the file that was named: how many there are, or -errno. Not checked. */
_must_check_ ssize_t readback_bytes(struct readback *rb, uint64_t offset, void *ret, size_t size);

/* The value of one point: its record is read, checked and decoded. `tag` is the series'; graphs and
 * run metadata come as a value of kind EF_VALUE_OBSOLETE whose payload is the blob. Slices are
 * valid until the next call. 0; -EBADMSG: the bytes are not that value any more; -ENOMEM; -EIO… */
_must_check_ int readback_value(struct readback *rb, const struct value_place *place,
                                struct text tag, struct ef_value *ret);

/* Takes the memory that the slices of the last value lie in. */
void *readback_take(struct readback *rb);

#endif
