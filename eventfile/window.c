/* eventfile/window.c: windows over a source of bytes, and the buffers they share. */
#include "eventfile/window.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <eventfile/salvage.h>

/* As many as threads that read at once, or few more; others are freed. */
#define READBUF_KEPT 8
#define KEEP_COPIED (EF_READ_BYTES / 16) /* more bytes are not worth a second buffer */

static pthread_mutex_t readbuf_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *readbuf_kept[READBUF_KEPT];
static size_t readbuf_n;

uint8_t *ef_readbuf_take(void)
{
    uint8_t *buffer = NULL;

    pthread_mutex_lock(&readbuf_lock);
    if (readbuf_n > 0)
        buffer = readbuf_kept[--readbuf_n];
    pthread_mutex_unlock(&readbuf_lock);
    return buffer ? buffer : malloc(EF_READ_BYTES);
}

void ef_readbuf_give(uint8_t *buffer)
{
    if (!buffer)
        return;
    pthread_mutex_lock(&readbuf_lock);
    if (readbuf_n < READBUF_KEPT) {
        readbuf_kept[readbuf_n++] = buffer;
        buffer = NULL;
    }
    pthread_mutex_unlock(&readbuf_lock);
    free(buffer);
}

void ef_window_release(struct ef_window *window)
{
    if (window->capacity == EF_READ_BYTES)
        ef_readbuf_give(window->data);
    else
        free(window->data);
    *window = (struct ef_window){0};
}

uint8_t *ef_window_keep(struct ef_window *window, uint64_t offset)
{
    uint64_t used = offset - window->offset;

    if (window->capacity != EF_READ_BYTES || offset < window->offset || used > window->size ||
        window->size - used > KEEP_COPIED)
        return NULL;
    uint8_t *fresh = ef_readbuf_take(), *kept = window->data;
    if (!fresh)
        return NULL;
    window->size -= (size_t)used;
    memcpy(fresh, ef_window_data(window) + used, window->size);
    window->data = fresh;
    window->begin = 0;
    window->offset = offset;
    return kept;
}

/* Drops what lies before `offset`, or everything if `offset` is not in the window. */
static void window_seek(struct ef_window *window, uint64_t offset)
{
    uint64_t skip = offset - window->offset;

    if (offset >= window->offset && skip < window->size) {
        window->begin += (size_t)skip;
        window->size -= (size_t)skip;
    } else {
        window->begin = 0;
        window->size = 0;
    }
    window->offset = offset;
}

/* Makes room behind the content: moves it to the front, doubles the buffer when it is full. */
static int window_room(struct ef_window *window)
{
    if (!window->data) {
        window->data = ef_readbuf_take();
        if (!window->data)
            return EF_ERR_NOMEM;
        window->capacity = EF_READ_BYTES;
        return 0;
    }
    if (window->begin > 0) {
        memmove(window->data, ef_window_data(window), window->size);
        window->begin = 0;
    }
    if (window->size < window->capacity)
        return 0;
    size_t capacity = window->capacity ? window->capacity * 2 : EF_READ_BYTES;
    uint8_t *grown = realloc(window->data, capacity);
    if (!grown)
        return EF_ERR_NOMEM;
    window->data = grown;
    window->capacity = capacity;
    return 0;
}

int ef_window_load(struct ef_window *window, const struct ef_source *source, uint64_t offset,
                   uint64_t want, uint64_t end)
{
    window_seek(window, offset);
    while (window->size < want && window->size < end - offset) {
        int r = window_room(window);
        if (r < 0)
            return r;
        size_t room = window->capacity - window->size;
        if (window->step > 0 && room > window->step)
            room = window->step;
        if (room > end - offset - window->size)
            room = (size_t)(end - offset - window->size);
        ssize_t n = source->read_at(source->ctx, ef_window_data(window) + window->size, room,
                                    offset + window->size);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        window->size += (size_t)n;
    }
    return 0;
}
