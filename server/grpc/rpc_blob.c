/* ReadBlob: a stream of pieces. */
#include <endian.h>

#include "eventfile/wire.h"
#include "grpc/call.h"

/* Prefix of a message with one field of `size` bytes, and that field's head. */
static void write_head(struct call_piece *piece)
{
    uint8_t *p = piece->head + CALL_PREFIX_BYTES;
    size_t value = piece->size;

    *p++ = WIRE_TAG(1, WIRE_LEN);
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    piece->head_size = (size_t)(p - piece->head);
    uint32_t whole = htobe32((uint32_t)(piece->head_size - CALL_PREFIX_BYTES + piece->size));
    piece->head[0] = 0;
    memcpy(piece->head + 1, &whole, sizeof whole);
}

static void read_blob(struct call *call, const struct rpc *rpc)
{
    struct wire w = {(const uint8_t *)call->message.data,
                     (const uint8_t *)call->message.data + call->message.size};
    struct ef_slice key = {NULL, 0};
    struct provider_error error;
    uint32_t tag;

    while (w.at < w.end)
        if (!wire_tag(&w, &tag) ||
            (tag == WIRE_TAG(1, WIRE_LEN) ? !wire_len(&w, &key) : !wire_skip(&w, tag))) {
            call_fail(call, GRPC_INTERNAL, "the request is no valid message");
            return;
        }
    int r = provider_blob(call->provider, (struct text){(const char *)key.data, key.size},
                          &call->blob, &error);
    if (r < 0) {
        call_broken(call, r, &error);
        return;
    }
    const size_t most = LIMIT_GRPC_BLOB_PIECE_BYTES;
    size_t count = (call->blob.size + most - 1) / most;
    call->pieces = calloc(count + 1, sizeof *call->pieces);
    if (!call->pieces) {
        call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t from = i * most;
        call->pieces[i].data = call->blob.data + from;
        call->pieces[i].size = MIN(call->blob.size - from, most);
        write_head(&call->pieces[i]);
    }
    call->n_pieces = count;
    call->held = call->blob.size;
}

const struct rpc rpc_blob[1] = {
    {"/tensorboard.data.TensorBoardDataProvider/ReadBlob", read_blob, PROVIDER_BLOBS},
};
