/* fileio.h: reads and writes that a signal or a short count does not end. Any thread. */
#ifndef TB_BASE_FILEIO_H
#define TB_BASE_FILEIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* All of `data`. 0; -errno: some of it may have been written. */
int fileio_write(int fd, const void *data, size_t size);
/* The bytes at `offset`. How many there were: fewer than `size` if the file ends there; -errno. */
_must_check_ ssize_t fileio_read(int fd, void *ret, size_t size, uint64_t offset);

#endif
