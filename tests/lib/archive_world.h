/* archive_world.h: an archive in a temporary directory, for tests: opened, closed, killed (its
 * directory copied as a crash would leave it), and looked at from outside. */
#ifndef TB_TESTS_ARCHIVE_WORLD_H
#define TB_TESTS_ARCHIVE_WORLD_H

#include "archive/archive.h"

struct archive_world {
    char dir[128];
    struct archive_options options;
    struct archive *archive;
    struct clock clock;
};

/* Under /tmp; not open yet. */
struct archive_world *archive_world_new(void);
void archive_world_open(struct archive_world *world);
void archive_world_close(struct archive_world *world);
/* Closes, removes the directory, frees. */
void archive_world_free(struct archive_world *world);

/* A run of this id; kind FOUND. */
struct archive_run *archive_world_run(struct archive_world *world, const char *id);
struct archive_file *archive_world_file(struct archive_run *run, const char *path,
                                        const char *source);
/* Waits for the callback of a call: pass these two; the result. */
struct archive_wait;
struct archive_wait *archive_wait_new(void);
void archive_wait_done(void *wait, int result);
int archive_wait_free(struct archive_wait *wait); /* waits at most 20 s */
/* archive_sync() and wait. */
void archive_world_sync(struct archive_run *run);
/* A file below the archive, whole; freed by the caller. NULL: it is not there. */
uint8_t *archive_world_read(struct archive_world *world, const char *path, size_t *ret_size);
/* Writes a file below the archive as somebody else would. */
void archive_world_write(struct archive_world *world, const char *path, const void *data,
                         size_t size);
bool archive_world_exists(struct archive_world *world, const char *path);
/* Copies the directory as it is to a new world that is not open: what kill -9 would leave. */
struct archive_world *archive_world_crash(struct archive_world *world);

#endif
