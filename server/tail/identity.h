/* identity.h: is this still the file whose bytes were read?
 *
 * Remembers checksums (CRC-32C) of sound bytes that were given out, and compares them with what a
 * descriptor shows now:
 *   head    the first 4,096 bytes, in steps of 64, so that a file cut short can be compared too;
 *   window  the last 4,096 bytes that were given out;
 *   marks   4,096 bytes at about each MiB in between, for files cut short and replaced ones.
 * Damaged and suspect bytes are in none of them: a range ends before them and a new one begins
 * behind. Inode and device play no part: inodes are used again, devices change at remounts.
 *
 * Before: tailfile, with each range it gives out. Thread: the worker that has the run. */
#ifndef TB_TAIL_IDENTITY_H
#define TB_TAIL_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define IDENTITY_BYTES 4096
#define IDENTITY_STEP 64

struct identity_mark {
    uint64_t end;
    uint32_t size, crc;
};

struct identity {
    uint32_t *steps; /* CRC of the first 64, 128, … bytes, as far as head_size goes */
    uint32_t head_size, head_crc;
    bool head_closed; /* a hole follows the head */
    uint64_t window_end;
    uint32_t window_size, window_crc;
    struct identity_mark *marks;
    size_t n_marks, marks_capacity;
    uint64_t hole_offset, hole_end; /* bytes to leave out when they come */
};

/* The bytes of the window while a file is read: one per turn, for one file after the other. */
struct identity_scratch {
    uint8_t bytes[IDENTITY_BYTES];
    size_t size;
};

enum identity_verdict { IDENTITY_EQUAL = 1, IDENTITY_DIFFERENT };

void identity_done(struct identity *identity);

/* Compares with a file of `size` bytes: head and window, with `full` all marks too. What lies
 * behind `size` cannot be compared and counts as equal. Fills `scratch` for identity_feed().
 * enum identity_verdict, or -errno when the file cannot be read. */
_must_check_ int identity_check(const struct identity *identity, int fd, uint64_t size, bool full,
                                struct identity_scratch *scratch);

/* As it was when checksums were taken elsewhere (of the first `head_size` bytes, of the window):
 * compares with a file of `size` bytes, and goes on from there. The bytes before `offset` are
 * those that were given out. Results as above; the identity is empty before. */
_must_check_ int identity_resume(struct identity *identity, int fd, uint64_t size,
                                 const struct identity_mark *head,
                                 const struct identity_mark *window, uint64_t offset,
                                 struct identity_scratch *scratch);

/* Sound bytes were given out. -ENOMEM: a mark or the steps are missing, the rest still works. */
int identity_feed(struct identity *identity, struct identity_scratch *scratch, uint64_t offset,
                  const uint8_t *data, size_t size);
/* These bytes (given already or still to come) must not be compared. */
void identity_leave_out(struct identity *identity, struct identity_scratch *scratch,
                        uint64_t offset, uint64_t length);
/* After a row of feeds: the window's checksum is made. */
void identity_settle(struct identity *identity, const struct identity_scratch *scratch);

#endif
