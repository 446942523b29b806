/* shipfile.h: one file that is shipped: what is on this disk, and how far the server has it.
 *
 *   news, walk, timer ──► shipfile_look() ──► `limit`: bytes that may be sent
 *                          upload.c ──► `sent` ──► answers ──► `acked`
 *
 * acked ≤ sent ≤ limit ≤ size, but for a file that was cut at its source (sent > size).
 *
 * Kinds: event files are judged by the library's reader (whole records and partial tails go at
 * once, suspect bytes wait until they are judged, damage goes marked); other files of ./logs and
 * the console are followed as they grow; files of ./outputs go as a whole once they have settled.
 *
 * Thread: ship's. A file on its way keeps its descriptor, so that a deleted one is read to its end;
 * resting ones hold none. */
#ifndef TB_SHIP_SHIPFILE_H
#define TB_SHIP_SHIPFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <eventfile/reader.h>

#include "base/digest.h"
#include "ship/channel.h"

struct shiproot;

enum shipfile_kind { SHIPFILE_EVENT, SHIPFILE_FOLLOW, SHIPFILE_WHOLE };

enum shipfile_state {
    SHIPFILE_RESTING, /* nothing to send: whole files that have not settled, files that were before
                       */
    SHIPFILE_ASK,     /* where does the server stand? HEAD is due */
    SHIPFILE_ANEW,    /* its bytes differ from the server's: a new generation is due */
    SHIPFILE_WAITING, /* for the answer to one of these */
    SHIPFILE_OPEN,    /* bytes go */
    SHIPFILE_DONE,    /* complete at the server */
    SHIPFILE_REFUSED, /* the server does not take it */
};

#define SHIPFILE_MEMORY 64 /* bytes that are compared again before more are sent */

struct shipfile_facts {
    dev_t dev;
    ino_t ino;
    uint64_t size;
    int64_t mtime_ns;
};

struct shipfile_gap {
    uint64_t offset, length;
};

struct shipfile {
    struct shiproot *root;
    char *path; /* here */
    char *name; /* in the run's history, without "nodes/k/" */
    enum shipfile_kind kind;
    bool elsewhere; /* its path at the server is another's: it goes to nodes/k/ */

    int fd;                      /* -1: closed */
    struct shipfile_facts facts; /* of the path when last looked at */
    int64_t changed_ns;          /* monotonic: when the facts last changed */
    int64_t looked_ns;
    int64_t due_ns;  /* look again then; -1: never */
    int64_t anew_ns; /* a rewritten file's last generation began; 0: not rewritten */
    bool before;     /* was there before the command, and is unchanged */
    bool contested;  /* seems to be another run's: asked again when it changes */
    bool gone;       /* the path leads nowhere */
    bool replaced;   /* the path leads to another file than the descriptor */
    bool final;      /* the run has ended: judged, taken as it is */
    bool unsettled;  /* changed while it was taken, at the end */
    bool told;       /* its trouble was printed */
    bool unsure;     /* all was sent and answered, and did not become durable: is it there still? */
    int64_t heard_ns; /* its last answer, or the last bytes that became durable */
    bool unproven;   /* shorter than what the server has, and nothing here remembers that */

    ef_reader *reader;         /* event files on their way */
    uint64_t boundary;         /* a record begins here: where a new reader starts */
    bool judged;               /* the reader has given all there was */
    struct shipfile_gap *gaps; /* damage not acknowledged yet */
    size_t n_gaps;
    struct shipfile_gap repair; /* bytes that were damaged and are sound now; length 0: none */

    enum shipfile_state state;
    uint32_t generation; /* 0: the server has none */
    uint64_t limit, sent, acked;
    uint64_t asked;                                       /* its size when the server was asked */
    unsigned under_way;                                   /* requests without an answer */
    bool resync;                                          /* ask again once nothing is under way */
    bool completing;                                      /* the last request is under way */
    struct digest digest;                                 /* of the first digest.size bytes */
    uint8_t head[SHIPFILE_MEMORY], last[SHIPFILE_MEMORY]; /* of the file; bytes before `sent` */
    uint32_t head_size, last_size;

    bool queued; /* in a queue of upload */
    struct shipfile *next_queued;
    struct shipfile *next; /* all files of the run */
};

/* NULL: out of memory. Strings are copied. */
struct shipfile *shipfile_new(struct shiproot *root, const char *path, const char *name,
                              enum shipfile_kind kind);
struct shipfile *shipfile_free(struct shipfile *file);

/* Looks at the file on disk: sets limit, state and due_ns. True: there is something to send or to
 * ask. */
bool shipfile_look(struct shipfile *file, int64_t now_ns);
/* Closes the descriptor and releases the reader of a file that rests; it is opened when needed. */
void shipfile_rest(struct shipfile *file);
/* A file that was found with these facts; it is opened when its turn comes. */
void shipfile_meet(struct shipfile *file, const struct stat *st, int64_t now_ns);
/* Do these facts differ from those it was looked at with? */
bool shipfile_is_news(const struct shipfile *file, const struct stat *st);
/* Opens it for its turn, if it is not. False: not possible now. */
bool shipfile_ready(struct shipfile *file, int64_t now_ns);
/* What was received may be lost with the server that received it. True: it is time to ask. */
bool shipfile_doubts(struct shipfile *file, int64_t now_ns);
/* A file of ./logs that was followed has other bytes now: it is taken as a whole from now on. */
void shipfile_rewritten(struct shipfile *file, int64_t now_ns);
/* Is there something to send, to ask or to complete now? */
bool shipfile_wants(const struct shipfile *file);
/* All there is is acknowledged, or cannot be had. */
bool shipfile_over(const struct shipfile *file);

/* Compares with what the server holds: its proof goes as far as the file did when it was asked. 1:
 * equal as far as both go; 0: different, or not to be told; -errno. */
_must_check_ int shipfile_compare(struct shipfile *file, const struct channel_check *check);
/* The server is at this place of this generation. */
void shipfile_resume(struct shipfile *file, uint32_t generation, uint64_t offset);
/* The server has opened a new generation for it. */
void shipfile_begin_anew(struct shipfile *file, uint32_t generation, int64_t now_ns);
/* Before a piece is sent: are the bytes before `sent` still the same? 1, 0, -errno. */
_must_check_ int shipfile_unchanged(struct shipfile *file);
/* Bytes to send, from `sent` on, which moves. Bytes read; -ESTALE: the file ends before. */
_must_check_ ssize_t shipfile_read(struct shipfile *file, void *data, size_t size);
/* Brings the hash up to `sent`, at most some MB a call. 1: it is; 0: more calls; -errno. */
_must_check_ int shipfile_hash(struct shipfile *file);
/* Whole files, before the last request: is it still what was taken? */
bool shipfile_held_still(struct shipfile *file);
/* Whole files: what was taken was a moving target; it is taken again when it has settled. */
void shipfile_drop(struct shipfile *file, int64_t now_ns);

#endif
