/* guard_test.c: what protobuf-c must never see: deep nesting, malformed fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eventfile/guard.h"

#include "event.pb-c.h"
#include "event_message.h"

/* A message that may hold itself: message Nest { Nest inner = 1; repeated int32 list = 2; } */
extern const ProtobufCMessageDescriptor nest_descriptor;

struct nest {
    ProtobufCMessage base;
    struct nest *inner;
    size_t n_list;
    int32_t *list;
};

static const ProtobufCFieldDescriptor nest_fields[] = {
    {"inner", 1, PROTOBUF_C_LABEL_NONE, PROTOBUF_C_TYPE_MESSAGE, 0, offsetof(struct nest, inner),
     &nest_descriptor, NULL, 0, 0, NULL, NULL},
    {"list", 2, PROTOBUF_C_LABEL_REPEATED, PROTOBUF_C_TYPE_INT32, offsetof(struct nest, n_list),
     offsetof(struct nest, list), NULL, NULL, 0, 0, NULL, NULL},
};
static const unsigned nest_by_name[] = {0, 1};
static const ProtobufCIntRange nest_ranges[] = {{1, 0}, {0, 2}};

const ProtobufCMessageDescriptor nest_descriptor = {
    PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC, "Nest", "Nest", "Nest", "", sizeof(struct nest), 2,
    nest_fields, nest_by_name, 1, nest_ranges, NULL, NULL, NULL, NULL};

/* `depth` messages one in another. Each length needs all bytes inside: built from the inside. */
static uint8_t *nested(unsigned depth, size_t *ret_size)
{
    size_t room = (size_t)depth * 8 + 16, at = room;
    uint8_t *buffer = malloc(room);

    assert_non_null(buffer);
    for (unsigned i = 1; i < depth; i++) {
        size_t size = room - at;
        for (int k = 4; k >= 0; k--) /* five-byte lengths */
            buffer[--at] = (uint8_t)((size >> (7 * k) & 0x7f) | (k < 4 ? 0x80 : 0));
        buffer[--at] = 0x0a;
    }
    memmove(buffer, buffer + at, room - at);
    *ret_size = room - at;
    return buffer;
}

static int scan_nested(unsigned depth)
{
    size_t size;
    uint8_t *bytes = nested(depth, &size);
    int r = guard_scan(&nest_descriptor, (struct ef_slice){bytes, size});

    free(bytes);
    return r;
}

static void nesting_is_allowed_up_to_the_limit(void **state)
{
    assert_int_equal(scan_nested(1), 0);
    assert_int_equal(scan_nested(EF_DEPTH_MAX), 0);
    assert_int_equal(scan_nested(EF_DEPTH_MAX + 1), EF_ERR_LIMIT);
    assert_int_equal(scan_nested(1000000), EF_ERR_LIMIT);
}

static int scan_bytes(const char *bytes, size_t size)
{
    return guard_scan(&nest_descriptor, (struct ef_slice){(const uint8_t *)bytes, size});
}

static void lists_are_looked_through(void **state)
{
    assert_int_equal(scan_bytes("\x12\x02\x01\x02", 4), 0);
    assert_int_equal(scan_bytes("\x10\x01\x10\x02", 4), 0);
    assert_int_equal(scan_bytes("\x12\x02\x01\x82", 4), EF_ERR_NOT_EVENT); /* an open varint */
    assert_int_equal(scan_bytes("\x15\x01\x02\x03\x04", 5), EF_ERR_NOT_EVENT); /* 32 bits */
}

static void members_of_values_are_looked_through(void **state)
{
    struct event_message tensor = {0}, value, event;

    event_message_bytes(&tensor, 5, "123", 3); /* floats of three bytes */
    value = event_message_of_tensor(&tensor, NULL);
    event = event_message_of_value(&value);
    assert_int_equal(
        guard_scan(&ef__pb__event__descriptor, (struct ef_slice){event.bytes, event.size}),
        EF_ERR_NOT_EVENT);
}

static void what_passes_is_unpacked(void **state)
{
    size_t size;
    uint8_t *bytes = nested(EF_DEPTH_MAX, &size);
    ProtobufCMessage *m = protobuf_c_message_unpack(&nest_descriptor, NULL, size, bytes);

    assert_non_null(m);
    protobuf_c_message_free_unpacked(m, NULL);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting_is_allowed_up_to_the_limit),
        cmocka_unit_test(lists_are_looked_through),
        cmocka_unit_test(members_of_values_are_looked_through),
        cmocka_unit_test(what_passes_is_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
