/* ef_script.c: a growing file and its reader, by script. */
#include "ef_script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <eventfile/error.h>

static void script_need(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

void ef_script_begin(struct ef_script *s, const struct ef_builder *truth)
{
    *s = (struct ef_script){.truth = truth, .now_ns = INT64_C(1000) * 1000000000};
    s->changed_ns = s->now_ns;
    s->fd = memfd_create("ef_script", MFD_CLOEXEC);
    script_need(s->fd >= 0, "memfd_create");
    script_need(ef_reader_new(&s->reader) == 0, "ef_reader_new");
    ef_reader_attach(s->reader, s->fd);
}

void ef_script_end(struct ef_script *s)
{
    ef_reader_free(s->reader);
    close(s->fd);
}

void ef_script_put(struct ef_script *s, uint64_t at, const void *data, size_t size)
{
    script_need(pwrite(s->fd, data, size, (off_t)at) == (ssize_t)size, "pwrite");
    if (at + size > s->size)
        s->size = at + size;
    s->changed_ns = s->now_ns;
}

void ef_script_write(struct ef_script *s, uint64_t from, uint64_t to)
{
    ef_script_put(s, from, s->truth->data + from, (size_t)(to - from));
}

void ef_script_zero(struct ef_script *s, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[4096];

    for (; from < to; from += sizeof zeros)
        ef_script_put(s, from, zeros, to - from < sizeof zeros ? to - from : sizeof zeros);
}

void ef_script_truncate(struct ef_script *s, uint64_t size)
{
    script_need(ftruncate(s->fd, (off_t)size) == 0, "ftruncate");
    s->size = size;
    s->changed_ns = s->now_ns;
}

void ef_script_wait(struct ef_script *s, double seconds)
{
    s->now_ns += (int64_t)(seconds * 1e9);
}

static void script_say(struct ef_script *s, const char *format, ...)
{
    size_t used = strlen(s->text);
    va_list args;

    va_start(args, format);
    vsnprintf(s->text + used, sizeof s->text - used, format, args);
    va_end(args);
}

static void script_place(struct ef_script *s, uint64_t offset)
{
    size_t i = s->truth->records;

    while (i > 0 && s->truth->offsets[i - 1] > offset)
        i--;
    if (i == 0)
        script_say(s, "@%llu", (unsigned long long)offset);
    else if (s->truth->offsets[i - 1] == offset)
        script_say(s, "%zu", i - 1);
    else
        script_say(s, "%zu+%llu", i - 1, (unsigned long long)(offset - s->truth->offsets[i - 1]));
}

/* The number of the record that begins at `offset`; -1 if none does. */
static long script_record(const struct ef_script *s, uint64_t offset)
{
    for (size_t i = 0; i < s->truth->records; i++)
        if (s->truth->offsets[i] == offset)
            return (long)i;
    return -1;
}

struct run {
    long first, last; /* records, not said yet; first < 0: none */
    uint64_t end;
};

static void run_say(struct ef_script *s, struct run *run)
{
    if (run->first >= 0)
        script_say(s, "%sgive %ld-%ld", s->text[0] ? "; " : "", run->first, run->last);
    run->first = -1;
}

static void run_add(struct ef_script *s, struct run *run, const struct ef_item *item)
{
    long first = script_record(s, item->offset);

    if (run->first < 0 || run->end != item->offset) {
        run_say(s, run);
        run->first = first;
        run->last = first - 1;
    }
    run->last += (long)item->records;
    run->end = item->offset + item->size;
    if (first < 0)
        script_say(s, "%sgive @%llu", s->text[0] ? "; " : "", (unsigned long long)item->offset);
}

const char *ef_script_read(struct ef_script *s)
{
    struct run run = {.first = -1};
    struct ef_item item;
    int r;

    s->text[0] = '\0';
    ef_reader_tell(s->reader, s->size, s->changed_ns, s->now_ns);
    while ((r = ef_reader_next(s->reader, &item)) > 0) {
        if (item.kind == EF_ITEM_RECORDS) {
            run_add(s, &run, &item);
            continue;
        }
        run_say(s, &run);
        script_say(s, "%s%s ", s->text[0] ? "; " : "", item.kind == EF_ITEM_GAP ? "gap" : "late");
        script_place(s, item.gap.offset);
        script_say(s, " %llu %s", (unsigned long long)item.gap.length,
                   ef_reason_word(item.gap.reason));
        if (item.kind == EF_ITEM_LATE && s->rewinds)
            ef_reader_rewind(s->reader, 0);
    }
    run_say(s, &run);
    if (r < 0)
        script_say(s, "%serror: %s", s->text[0] ? "; " : "", ef_strerror(r));
    return s->text;
}
