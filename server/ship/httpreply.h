/* httpreply.h: the bytes of HTTP/1.1 answers to struct channel_reply, without I/O.
 *
 * Strict where a mistake would let one answer run into the next: status line, Content-Length,
 * chunks. Before: http1.c with whatever came from the socket. After: channel_receive().
 * Thread: one owner. Hostile input: never more memory than the limits, never a loop on the spot. */
#ifndef TB_SHIP_HTTPREPLY_H
#define TB_SHIP_HTTPREPLY_H

#include "ship/channel.h"

enum httpreply_state {
    HTTPREPLY_STATUS,
    HTTPREPLY_HEADERS,
    HTTPREPLY_BODY, /* `left` bytes */
    HTTPREPLY_CHUNK_SIZE,
    HTTPREPLY_CHUNK,
    HTTPREPLY_CHUNK_END,
    HTTPREPLY_TRAILER,
    HTTPREPLY_TO_END, /* the body ends with the connection */
    HTTPREPLY_DONE,
};

struct httpreply {
    enum httpreply_state state;
    bool head;                     /* the request was HEAD: no body, whatever the headers say */
    bool close;                    /* the connection ends with this answer */
    bool has_length, chunked, old; /* old: HTTP/1.0 */
    uint64_t left;
    size_t header_bytes, line_size;
    char line[4096];
    struct channel_reply *reply;
};

/* Begins an answer; *reply is cleared. */
void httpreply_begin(struct httpreply *parser, struct channel_reply *reply, bool head);
/* Takes bytes; returns how many (fewer than `size` only when DONE), or -EPROTO, -EMSGSIZE. */
_must_check_ ssize_t httpreply_feed(struct httpreply *parser, const char *data, size_t size);
/* The connection has ended: 0 if the answer is whole (now DONE), or -EPROTO. */
_must_check_ int httpreply_end(struct httpreply *parser);

/* One header of an answer, also from libcurl. */
void httpreply_header(struct channel_reply *reply, const char *name, size_t name_size,
                      const char *value, size_t value_size);
/* Clears a reply, its memory kept. */
void httpreply_clear(struct channel_reply *reply);

#endif
