/* ef_script.h: a file that grows, and a clock, by script; what a reader says comes back as text.
 *
 *     struct ef_script s;
 *     ef_script_begin(&s, &builder);          // the finished file, written piece by piece below
 *     ef_script_write(&s, 0, 200);            // bytes 0 to 199 of it are there now
 *     assert_string_equal(ef_script_read(&s), "give 0-2");
 *     ef_script_wait(&s, 31);                 // seconds pass
 *     assert_string_equal(ef_script_read(&s), "gap 3 62 payload");
 *     ef_script_end(&s);
 *
 * The text has one entry an item, joined by "; ": "give A-B" for records by number (one entry for
 * runs that touch), "gap PLACE LENGTH REASON" and "late PLACE LENGTH REASON", where PLACE is the
 * number of the record that begins there, with "+N" for N bytes behind, or "@N" in front of all,
 * and "error: SENTENCE" for a result below 0. "" when nothing came. */
#ifndef TEST_EF_SCRIPT_H
#define TEST_EF_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include <eventfile/reader.h>

#include "ef_builder.h"

struct ef_script {
    const struct ef_builder *truth;
    int fd;
    uint64_t size;
    int64_t now_ns, changed_ns;
    ef_reader *reader;
    bool rewinds; /* start over at each late item, as a caller that wants file order does */
    char text[8192];
};

void ef_script_begin(struct ef_script *s, const struct ef_builder *truth);
void ef_script_end(struct ef_script *s);

/* Bytes [from, to) of the finished file are there now; holes in front of them read as zeros. */
void ef_script_write(struct ef_script *s, uint64_t from, uint64_t to);
void ef_script_put(struct ef_script *s, uint64_t at, const void *data, size_t size);
void ef_script_zero(struct ef_script *s, uint64_t from, uint64_t to);
void ef_script_truncate(struct ef_script *s, uint64_t size);
void ef_script_wait(struct ef_script *s, double seconds);

/* Tells the reader where things stand, takes all it gives, and returns it as text. */
const char *ef_script_read(struct ef_script *s);

#endif
