/* Whatever a server answers: no crash, no more memory than the limits say, and the same result for
 * every way of cutting. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ship/httpreply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(const char *text, size_t size, size_t piece, bool head, struct channel_reply *reply,
                size_t *ret_used)
{
    struct httpreply parser;
    size_t used = 0;

    httpreply_begin(&parser, reply, head);
    while (used < size && parser.state != HTTPREPLY_DONE) {
        ssize_t n = httpreply_feed(&parser, text + used, MIN(piece, size - used));
        if (n < 0)
            return (int)n;
        CHECK(n > 0);
        used += (size_t)n;
    }
    *ret_used = used;
    return parser.state == HTTPREPLY_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct channel_reply whole = {0}, cut = {0};
    size_t whole_used = 0, cut_used = 0;

    if (size < 2)
        return 0;
    const char *text = (const char *)data + 2;
    bool head = data[0] & 1;
    int a = feed(text, size - 2, size, head, &whole, &whole_used);
    int b = feed(text, size - 2, 1u + data[1] % 32, head, &cut, &cut_used);
    CHECK((a < 0) == (b < 0));
    CHECK(whole.body.length <= LIMIT_REPLY_BODY_BYTES);
    if (a >= 0) {
        CHECK(a == b && whole_used == cut_used && whole.status == cut.status);
        CHECK(whole.body.length == cut.body.length && whole.offset == cut.offset);
    }
    if (a == 1) {
        char code[64];
        channel_problem(&whole, code, sizeof code);
    }
    buf_done(&whole.body);
    buf_done(&cut.body);
    return 0;
}
