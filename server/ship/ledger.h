/* ledger.h: per file of a run what the server has acknowledged, as text in the spool.
 *
 * The server's own offset is the truth; the ledger saves asking for what is done, and remembers
 * which files were there before the command began. Format:
 *
 *     tailboard-ledger 1
 *     KIND GENERATION DURABLE SIZE MTIME_NS INODE NAME        one line a file
 *     end COUNT
 *
 * KIND: b (was there before, not ours while unchanged), f (going on), d (complete). SIZE, MTIME_NS
 * and INODE are what the file was then. NAME is percent-encoded: no blank, no line end. A ledger
 * without its last line counts as none. Thread: any; no I/O. */
#ifndef TB_SHIP_LEDGER_H
#define TB_SHIP_LEDGER_H

#include "base/buf.h"

enum ledger_kind { LEDGER_BEFORE = 'b', LEDGER_GOING = 'f', LEDGER_DONE = 'd' };

struct ledger_entry {
    enum ledger_kind kind;
    uint32_t generation;
    uint64_t durable, size, inode;
    int64_t mtime_ns;
    const char *name; /* in the run's history */
};

void ledger_begin(struct buf *out);
void ledger_add(struct buf *out, const struct ledger_entry *entry);
void ledger_end(struct buf *out, size_t count);

/* Calls `entry` for each line; names live for the call. 0; -EBADMSG: no whole ledger (nothing was
 * called); or the first negative result of `entry`. `text` is changed. */
_must_check_ int ledger_parse(char *text, int (*entry)(void *ctx, const struct ledger_entry *entry),
                              void *ctx);

/* Percent-encodes a name, '/' stays: for the ledger and for addresses. */
void ledger_encode(struct buf *out, const char *name);

#endif
