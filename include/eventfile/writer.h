/* eventfile/writer.h: writes event files that every TensorBoard reads.
 *
 * Flush and durability are explicit: ef_writer_flush() hands buffered records to the kernel (other
 * processes see them), ef_writer_sync() makes them durable (fdatasync). Nothing is written behind
 * the caller's back but when the buffer of 64 KB is full.
 *
 * Thread: a writer belongs to one thread at a time. */
#ifndef EVENTFILE_WRITER_H
#define EVENTFILE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include <eventfile/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ef_writer ef_writer;

/* A writer to a descriptor at its present place; the descriptor stays the caller's. */
EF_API EF_MUST_CHECK int ef_writer_new(int fd, ef_writer **ret_writer);
/* Creates `path` (O_EXCL) and writes the file_version event that readers expect first; the
 * descriptor is the writer's. wall_time: seconds since 1970. */
EF_API EF_MUST_CHECK int ef_writer_create(const char *path, double wall_time,
                                          ef_writer **ret_writer);
/* Flushes, closes what is its own, releases. Returns the first error met by any call, or 0. */
EF_API EF_MUST_CHECK int ef_writer_close(ef_writer *writer);

/* One record of raw payload bytes. */
EF_API EF_MUST_CHECK int ef_writer_record(ef_writer *writer, const void *payload, size_t size);
/* Events of the usual kinds. */
EF_API EF_MUST_CHECK int ef_writer_file_version(ef_writer *writer, double wall_time);
EF_API EF_MUST_CHECK int ef_writer_scalar(ef_writer *writer, double wall_time, int64_t step,
                                          const char *tag, float value);
/* The same as a rank-0 tensor with plugin "scalars", as TF2 writes it. */
EF_API EF_MUST_CHECK int ef_writer_scalar_tensor(ef_writer *writer, double wall_time, int64_t step,
                                                 const char *tag, float value);
EF_API EF_MUST_CHECK int ef_writer_session_start(ef_writer *writer, double wall_time,
                                                 int64_t step);

/* Hands what is buffered to the kernel; makes what was written durable (flushes first). 0 or
 * EF_ERR_IO, which every later call gives as well. */
EF_API EF_MUST_CHECK int ef_writer_flush(ef_writer *writer);
EF_API EF_MUST_CHECK int ef_writer_sync(ef_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
