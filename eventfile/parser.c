/* eventfile/parser.c: records from pieces of a file, without I/O.
 *
 * A record that lies whole in the piece is given from there, without a copy. One that a cut goes
 * through is collected in `carry`, which grows as bytes arrive. Invariants:
 *   1. offset is the first byte that no returned record covers.
 *   2. carry holds the bytes [offset, offset + carry_size), piece follows them directly; the
 *      record last returned lies in carry only while carry_given is set. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <eventfile/record.h>

struct ef_parser {
    uint64_t offset;
    const uint8_t *piece; /* borrowed; NULL when a new one may come */
    size_t piece_size;
    uint8_t *carry;
    size_t carry_size;
    size_t carry_capacity;
    bool carry_given;
    int error;
};

ef_parser *ef_parser_new(uint64_t offset)
{
    ef_parser *parser = calloc(1, sizeof *parser);

    if (parser)
        parser->offset = offset;
    return parser;
}

ef_parser *ef_parser_free(ef_parser *parser)
{
    if (parser)
        free(parser->carry);
    free(parser);
    return NULL;
}

int ef_parser_feed(ef_parser *parser, const void *data, size_t size)
{
    if (parser->error < 0)
        return parser->error;
    if (parser->piece || (!data && size > 0))
        return EF_ERR_INVALID;
    parser->piece = data;
    parser->piece_size = size;
    return 0;
}

static void parser_drop(ef_parser *parser, size_t size)
{
    parser->piece += size;
    parser->piece_size -= size;
}

/* Moves bytes from the piece until carry holds `want`, or the piece ends. */
static int parser_collect(ef_parser *parser, size_t want)
{
    size_t more = want - parser->carry_size;

    if (more > parser->piece_size)
        more = parser->piece_size;
    size_t size = parser->carry_size + more;
    if (size > parser->carry_capacity) {
        size_t capacity = parser->carry_capacity ? parser->carry_capacity : 4096;
        while (capacity < size)
            capacity *= 2;
        uint8_t *grown = realloc(parser->carry, capacity);
        if (!grown)
            return EF_ERR_NOMEM;
        parser->carry = grown;
        parser->carry_capacity = capacity;
    }
    if (more > 0) {
        memcpy(parser->carry + parser->carry_size, parser->piece, more);
        parser->carry_size = size;
        parser_drop(parser, more);
    }
    return 0;
}

static void parser_give(ef_parser *parser, const uint8_t *record, uint64_t size,
                        struct ef_record *ret_record)
{
    *ret_record = (struct ef_record){
        .offset = parser->offset, .data = record + EF_HEADER_BYTES, .size = size};
    parser->offset += size + EF_RECORD_OVERHEAD;
}

/* Completes and checks the record in carry: header first, so that its length is known. */
static int parser_next_carried(ef_parser *parser, struct ef_record *ret_record)
{
    uint64_t size = 0;
    size_t want = EF_HEADER_BYTES;

    for (;;) {
        if (parser->carry_size < want) {
            int r = parser_collect(parser, want);
            if (r < 0)
                return r;
        }
        if (parser->carry_size < want)
            return 0;
        int r = ef_record_check(parser->carry, parser->carry_size, &size);
        if (r < 0)
            return r;
        if (r > 0) {
            parser_give(parser, parser->carry, size, ret_record);
            parser->carry_given = true;
            return 1;
        }
        want = (size_t)size + EF_RECORD_OVERHEAD;
    }
}

static int parser_next_in_piece(ef_parser *parser, struct ef_record *ret_record)
{
    uint64_t size;
    int r = ef_record_check(parser->piece, parser->piece_size, &size);

    if (r > 0) {
        parser_give(parser, parser->piece, size, ret_record);
        parser_drop(parser, (size_t)size + EF_RECORD_OVERHEAD);
    } else if (r == 0 && parser->piece_size > 0) {
        r = parser_collect(parser, parser->piece_size);
    }
    return r;
}

int ef_parser_next(ef_parser *parser, struct ef_record *ret_record)
{
    if (parser->error < 0)
        return parser->error;
    if (parser->carry_given) {
        parser->carry_given = false;
        parser->carry_size = 0;
    }
    if (!parser->piece)
        return 0;
    int r = parser->carry_size > 0 ? parser_next_carried(parser, ret_record)
                                   : parser_next_in_piece(parser, ret_record);
    if (r > 0 || r == EF_ERR_NOMEM)
        return r; /* memory may come back: the call can be repeated */
    if (r < 0)
        parser->error = r;
    parser->piece = NULL;
    parser->piece_size = 0;
    return r;
}

uint64_t ef_parser_offset(const ef_parser *parser)
{
    return parser->offset;
}
