/* eventfile/window.h: the part of a file that a reader has in memory. Private.
 *
 * Buffers of EF_READ_BYTES are recycled among all readers of the process: a fresh page costs more
 * than reading it, and ten thousand idle readers must not hold a buffer each. A window larger than
 * that grows as bytes are read, never by what a length field says.
 *
 * Thread: a window belongs to one thread at a time; the recycling is locked. */
#ifndef EVENTFILE_WINDOW_H
#define EVENTFILE_WINDOW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ef_source;

struct ef_window {
    uint8_t *data; /* NULL: none taken */
    size_t capacity;
    size_t begin;    /* index in data of the byte at `offset` */
    size_t size;     /* bytes held from there on */
    uint64_t offset; /* in the file */
    size_t step;     /* most bytes to read at once if the window is small; 0: what fits */
};

/* Makes the window begin at `offset` and hold at least `want` bytes, or all up to `end` if that is
 * less; reads as much as fits into the buffer when it has to read at all. A source that ends
 * before `end` is no error: look at window->size. 0, EF_ERR_IO, EF_ERR_NOMEM. */
int ef_window_load(struct ef_window *window, const struct ef_source *source, uint64_t offset,
                   uint64_t want, uint64_t end);

static inline uint8_t *ef_window_data(const struct ef_window *window)
{
    return window->data + window->begin;
}

/* Gives the buffer back; the content is gone. */
void ef_window_release(struct ef_window *window);

/* Hands the buffer over and goes on in a fresh one at `offset`, with the bytes held from there on
 * (few). NULL: the buffer is no recycled one, does not reach that far, or no memory. */
uint8_t *ef_window_keep(struct ef_window *window, uint64_t offset);

/* A buffer of EF_READ_BYTES, recycled if there is one; NULL when out of memory. */
uint8_t *ef_readbuf_take(void);
void ef_readbuf_give(uint8_t *buffer);

#endif
