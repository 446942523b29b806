/* write_file.c: writes an event file that every TensorBoard reads.
 *
 *     write_file PATH [COUNT]
 *
 * COUNT values of one series, then flush and sync. The name should hold "tfevents", or readers of a
 * whole directory do not look at it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <eventfile/eventfile.h>

static int write_values(ef_writer *writer, double wall_time, long count)
{
    for (long step = 0; step < count; step++) {
        float loss = 1.0f / (float)(step + 1);
        int r = ef_writer_scalar(writer, wall_time + (double)step, step, "loss", loss);
        if (r < 0)
            return r;
    }
    return ef_writer_sync(writer);
}

int main(int argc, char **argv)
{
    ef_writer *writer;
    double now = (double)time(NULL);

    if (argc < 2) {
        fprintf(stderr, "usage: %s PATH [COUNT]\n", argv[0]);
        return 2;
    }
    int r = ef_writer_create(argv[1], now, &writer); /* writes the file_version event as well */
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], ef_strerror(r));
        return 1;
    }
    r = write_values(writer, now, argc > 2 ? atol(argv[2]) : 10);
    int closed = ef_writer_close(writer); /* always: it releases the writer */
    if (r < 0 || closed < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], ef_strerror(r < 0 ? r : closed));
        return 1;
    }
    return 0;
}
