/* salvage_file.c: copies what is sound of a damaged event file, and lists what is not.
 *
 *     salvage_file DAMAGED SALVAGED
 *
 * The file is taken as finished: nothing is waited for. A record whose header had one wrong bit
 * comes out with the header mended. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <eventfile/eventfile.h>

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0)
            return EF_ERR_IO;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int salvage(ef_reader *reader, int from, int to)
{
    struct ef_item item;
    struct stat st;
    int r;

    if (fstat(from, &st) < 0)
        return EF_ERR_IO;
    ef_reader_attach(reader, from);
    ef_reader_finish(reader);
    ef_reader_tell(reader, (uint64_t)st.st_size, 0, 0);
    while ((r = ef_reader_next(reader, &item)) > 0) {
        if (item.kind == EF_ITEM_RECORDS)
            r = write_all(to, item.data, item.size);
        else if (item.kind == EF_ITEM_GAP)
            printf("%" PRIu64 "\t%" PRIu64 "\t%s\n", item.gap.offset, item.gap.length,
                   ef_reason_word(item.gap.reason));
        if (r < 0)
            return r;
    }
    return r;
}

int main(int argc, char **argv)
{
    ef_reader *reader;
    int from = argc > 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    int to = from >= 0 ? open(argv[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;

    if (to < 0) {
        fprintf(stderr, "usage: %s DAMAGED SALVAGED (must not exist)\n", argv[0]);
        return 2;
    }
    int r = ef_reader_new(&reader);
    if (r == 0) {
        r = salvage(reader, from, to);
        ef_reader_free(reader);
    }
    close(from);
    if (close(to) < 0 && r == 0)
        r = EF_ERR_IO;
    if (r < 0)
        fprintf(stderr, "%s: %s\n", argv[1], ef_strerror(r));
    return r < 0;
}
