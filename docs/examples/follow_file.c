/* follow_file.c: prints the scalars of an event file, and goes on as it grows.
 *
 *     follow_file PATH [SECONDS]
 *
 * Ends after SECONDS without anything new (default: never). A server would watch the file in place
 * of looking each 100 ms. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <eventfile/eventfile.h>

#define LOOK_NS 100000000

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void print_event(const struct ef_event *event)
{
    if (event->what == EF_WHAT_FILE_VERSION)
        printf("# %.*s\n", (int)event->text.size, (const char *)event->text.data);
    for (size_t i = 0; event->what == EF_WHAT_SUMMARY && i < event->n_values; i++) {
        const struct ef_value *value = &event->values[i];
        if (value->kind == EF_VALUE_SCALAR)
            printf("%.*s\t%" PRId64 "\t%.9g\n", (int)value->tag.size, (const char *)value->tag.data,
                   event->step, ef_number_double((enum ef_number)value->number, value->bits));
    }
}

/* A run of whole, checked records: header, payload, footer, and again. */
static int print_records(ef_decoder *decoder, const struct ef_item *item)
{
    uint64_t size;

    for (size_t at = 0; at < item->size; at += size + EF_RECORD_OVERHEAD) {
        struct ef_event event;
        int r = ef_record_check(item->data + at, item->size - at, &size);
        if (r <= 0)
            return r;
        r = ef_event_decode(decoder, item->data + at + EF_HEADER_BYTES, size, &event);
        if (r == EF_ERR_NOMEM)
            return r;
        if (r < 0)
            fprintf(stderr, "byte %" PRIu64 ": %s\n", item->offset + at, ef_strerror(r));
        else
            print_event(&event);
    }
    return 0;
}

static int print_items(ef_reader *reader, ef_decoder *decoder)
{
    struct ef_item item;
    int r, items = 0;

    while ((r = ef_reader_next(reader, &item)) > 0) {
        items++;
        if (item.kind == EF_ITEM_GAP)
            fprintf(stderr, "byte %" PRIu64 ": %" PRIu64 " bytes are damaged (%s)\n", item.offset,
                    item.gap.length, ef_reason_word(item.gap.reason));
        else if (item.kind == EF_ITEM_RECORDS && (r = print_records(decoder, &item)) < 0)
            break;
    }
    fflush(stdout);
    return r < 0 ? r : items;
}

static int follow(ef_reader *reader, ef_decoder *decoder, int fd, int64_t patience_ns)
{
    const struct timespec pause = {0, LOOK_NS};

    ef_reader_attach(reader, fd);
    for (int64_t idle_ns = 0; patience_ns < 0 || idle_ns < patience_ns; idle_ns += LOOK_NS) {
        struct stat st;
        if (fstat(fd, &st) < 0)
            return EF_ERR_IO;
        ef_reader_tell(reader, (uint64_t)st.st_size,
                       (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                       now_ns(CLOCK_REALTIME));
        int r = print_items(reader, decoder);
        if (r < 0)
            return r;
        if (r > 0)
            idle_ns = 0;
        nanosleep(&pause, NULL);
    }
    return 0;
}

int main(int argc, char **argv)
{
    ef_reader *reader = NULL;
    ef_decoder *decoder = ef_decoder_new();
    int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0) {
        fprintf(stderr, "usage: %s PATH [SECONDS]\n", argv[0]);
        ef_decoder_free(decoder);
        return 2;
    }
    int r = decoder ? ef_reader_new(&reader) : EF_ERR_NOMEM;
    if (r == 0)
        r = follow(reader, decoder, fd, argc > 2 ? (int64_t)(atof(argv[2]) * 1e9) : -1);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", argv[1], ef_strerror(r));
    ef_reader_free(reader);
    ef_decoder_free(decoder);
    close(fd);
    return r < 0;
}
