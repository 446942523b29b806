/* eventfile/limits.h: the limits of the event-file format as this library reads it. */
#ifndef EVENTFILE_LIMITS_H
#define EVENTFILE_LIMITS_H

#define EF_HEADER_BYTES 12 /* u64 length, u32 masked CRC-32C of the length */
#define EF_FOOTER_BYTES 4  /* u32 masked CRC-32C of the payload */
#define EF_RECORD_OVERHEAD (EF_HEADER_BYTES + EF_FOOTER_BYTES)

#ifdef EF_FUZZING
#define EF_RECORD_MAX_BYTES (UINT64_C(1) << 16)
#else
#define EF_RECORD_MAX_BYTES (UINT64_C(1) << 30) /* largest payload accepted */
#endif

#define EF_DEPTH_MAX 100            /* nesting of messages handed to protobuf-c */
#define EF_FIELDS_MAX 4000000       /* fields in one message tree handed to protobuf-c */
#define EF_ELEMENTS_MAX 64000000    /* packed numbers in one event, all lists together */
#define EF_VALUES_MAX 1000000       /* Summary values in one event */
#define EF_READ_BYTES (1u << 20)    /* bytes read at once by the reader */
#define EF_RANGES_MAX 10000         /* damaged ranges that a reader looks at again */
#define EF_SUSPECTS_MAX 1000        /* suspect ranges; what is bad beyond is judged at once */
#define EF_SUSPECT_SECONDS 30       /* bad bytes are "not yet written" for so long */

#endif
