/* output.c: JSON literals and the progress line that commands print. */
#include <math.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/double.h"
#include "base/json.h"
#include "cli/cli.h"

void cli_json_string(FILE *out, const void *text, size_t size)
{
    _cleanup_(buf_done) struct buf b = BUF_INIT(SIZE_MAX);

    json_escape(&b, text, size);
    fputc('"', out);
    if (b.length > 0) /* an empty buffer has no memory to point at */
        fwrite(b.data, 1, b.length, out);
    fputc('"', out);
}

void cli_json_double(FILE *out, double value)
{
    char text[DOUBLE_TEXT_BYTES];

    if (isfinite(value)) {
        double_text(text, value);
        fputs(text, out);
    } else {
        fputs(isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"", out);
    }
}

void cli_progress(struct cli_progress *progress, uint64_t done, uint64_t total)
{
    int64_t now = clock_ns(NULL);

    progress->done = done;
    progress->total = total;
    if (now < progress->next_ns || !isatty(STDERR_FILENO))
        return;
    progress->next_ns = now + NS_PER_S / 5;
    progress->shown = true;
    if (total)
        fprintf(stderr, "\r\033[K%s %.1f of %.1f MB", progress->verb, (double)done / 1e6,
                (double)total / 1e6);
    else
        fprintf(stderr, "\r\033[K%s %.1f MB", progress->verb, (double)done / 1e6);
    fflush(stderr);
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->shown)
        fprintf(stderr, "\r\033[K");
    progress->shown = false;
    progress->next_ns = 0;
}
