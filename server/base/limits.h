/* limits.h: every size, count and time that comes from outside has its limit here.
 *
 * One page that tells what a stranger can make this server hold. Limits of the event-file format
 * are in <eventfile/limits.h>. Units are in the names. */
#ifndef TB_BASE_LIMITS_H
#define TB_BASE_LIMITS_H

#include <stdint.h>

/* names and paths */
#define LIMIT_PATH_BYTES 4096
#define LIMIT_NAME_BYTES 255
#define LIMIT_TAG_BYTES 4096
#define LIMIT_RUN_ID_BYTES 64
#define LIMIT_LOGDIRS 64

/* tailing */
#define LIMIT_DIR_DEPTH 64
#define LIMIT_DIRS 1000000
#define LIMIT_OPEN_FILES 1024           /* kept open while idle; and half of RLIMIT_NOFILE */
#define LIMIT_GENERATIONS_PER_PATH 100
#define LIMIT_SAFETY_POLL_MS 5000
#define LIMIT_POLL_MIN_MS 250           /* a polled directory, after a change */
#define LIMIT_TURN_BYTES (16u << 20)    /* backlog that one run may read before others get a turn */
#define LIMIT_TURN_ALONE_BYTES (64u << 20) /* the same while nobody waits for a turn, and … */
#define LIMIT_TURN_ALONE_MS 25             /* … for so long */

/* store */
#define LIMIT_CHUNK_POINTS 4096
#define LIMIT_SERIES_PER_RUN 1000000
#define LIMIT_LIVE_BACKLOG_POINTS 4096  /* further behind: `behind` */
#define LIMIT_SERIES_EVENTS 64          /* truncations and resets kept a series */
#define LIMIT_DAMAGE_ENTRIES 10000      /* listed a run; more are counted */
#define LIMIT_REASONS 64                /* numbers of damage reasons in a segment */
#define LIMIT_PROOF_BYTES 4096          /* of a file, that prove it is the one that was read */
#define LIMIT_SEGMENT_TABLE_BYTES (1u << 30)
#define LIMIT_SEGMENT_BYTES (UINT64_C(64) << 30)
#define LIMIT_SEGMENTS_PER_RUN 4096     /* files in a run's index folder that are looked at */
#define LIMIT_MERGE_BYTES (256u << 20)  /* written by one merge */

/* run history */
#define LIMIT_RANKS 100000
#define LIMIT_EVENTS_PER_RUN 10000
#define LIMIT_EVENT_DATA_BYTES (64u << 10)
#define LIMIT_EVENTS_PER_REQUEST 1000
#define LIMIT_UPLOAD_BYTES (64u << 20)      /* one request */
#define LIMIT_FILE_BYTES 999999999999999ull /* of one file, as places in it are written */
#define LIMIT_DRIP_BYTES (64u << 10)        /* of an upload, each LIMIT_REQUEST_SECONDS at least */
#define LIMIT_SOURCE_BYTES 255              /* name of who uploads */
#define LIMIT_TOKENS 1000
#define LIMIT_RUN_TOKEN_DAYS 30             /* beyond the end of its run */
#define LIMIT_UPLOAD_AHEAD_BYTES (128u << 20) /* of one file, taken and not durable yet */
#define LIMIT_BUSY_SECONDS 600              /* a run that was heard of since is not deleted */
#define LIMIT_DURABLE_SECONDS 60            /* an answer waits so long for the disk */
#define LIMIT_RUN_TEXT_BYTES (64u << 10)    /* notes, tags, job of a run, each */
#define LIMIT_HELD_BACK_FILES 1000          /* named in the answer to a heartbeat */

/* HTTP */
#define LIMIT_BODY_BYTES (1u << 20)
#define LIMIT_HEADER_BYTES 16384
#define LIMIT_URL_BYTES 8192
#define LIMIT_QUERY_SERIES 100000
#define LIMIT_ANSWER_POINTS 20000000
#define LIMIT_HELD_POINTS (2 * LIMIT_ANSWER_POINTS) /* of all answers under way */
#define LIMIT_ANSWER_BYTES (1u << 30)
#define LIMIT_REGEX_BYTES 1000
#define LIMIT_REGEX_MATCH_STEPS 100000
#define LIMIT_LIST_ROWS 10000
#define LIMIT_WIDTH_PX 16384
#define LIMIT_REQUEST_SECONDS 60
#define LIMIT_IDLE_SECONDS 75
#define LIMIT_WAIT_SECONDS 30
#define LIMIT_CONNECTIONS_PER_ADDRESS 2048
#define LIMIT_HEADERS 100
#define LIMIT_PATH_SEGMENTS 80
#define LIMIT_QUERY_NAMES 1024          /* name=value pairs of one address */
#define LIMIT_JSON_DEPTH 8
#define LIMIT_REGEX_MS 2000             /* of matching, in one request */
#define LIMIT_REGEX_DEPTH 1000
#define LIMIT_REGEX_HEAP_KB 1024
#define LIMIT_STREAM_SERIES 1000        /* tags followed by one GET /runs/{id}/stream */
#define LIMIT_ANSWER_BYTES_PER_S 1024   /* a client that takes less for long is cut off */
#define LIMIT_BRIDGES 256               /* late upgrades, a worker */
#define LIMIT_UNDECIDED_MS 5000         /* a connection that has not said what it is */
#define LIMIT_AUTH_FAILURES_PER_MINUTE 10

/* live */
#define LIMIT_MESSAGE_BYTES (1u << 20)
#define LIMIT_MESSAGES_PER_SECOND 50
#define LIMIT_WATCHES_PER_CLIENT 100000
#define LIMIT_WATCHES 2000000
#define LIMIT_UNACKED_BYTES (1u << 20)
#define LIMIT_STALLED_SECONDS 60
#define LIMIT_LIVE_BUCKETS 64
#define LIMIT_PING_SECONDS 15
#define LIMIT_SILENT_SECONDS 45
#define LIMIT_BEAT_SECONDS 5
#define LIMIT_LIVE_INTERVAL_MS 50       /* between two messages to a client, at most */
#define LIMIT_LIVE_BATCH_BYTES (256u << 10)  /* one message of frames */
#define LIMIT_LIVE_BATCH_SERIES 4096    /* series asked for one message */
#define LIMIT_LIVE_TEXT_BYTES (4u << 20)     /* one text message to a client */
#define LIMIT_LIVE_LISTED_SERIES 20000  /* of a run, told one by one when new */
#define LIMIT_LIVE_LISTED_BATCH 1000    /* new series, runs or damage entries a message */
#define LIMIT_LIVE_DAMAGE_ENTRIES 100   /* newest ones in a `damage` message */
#define LIMIT_LIVE_LIST_MS 250          /* between two looks for new series of a run */
#define LIMIT_LIVE_RUNS_MS 1000         /* between two `runs` messages to a client */
#define LIMIT_LIVE_ERRORS 16            /* waiting to be told to a client */
#define LIMIT_LIVE_NOTICES 1000000      /* changed series not yet looked at */
#define LIMIT_MESSAGE_COST_BYTES 20480  /* a message counts as one more for each of these */
#define LIMIT_PROTOCOL_TOKEN_BYTES 512  /* a token in the subprotocol list */
#define LIMIT_LIVE_BYE_MS 2000          /* for the last words at shutdown */

/* compute nodes */
#define LIMIT_CONSOLE_BYTES (UINT64_C(1) << 30) /* recorded of one stream of one process */
#define LIMIT_DIRTY_PATCH_BYTES (10u << 20)     /* git diff kept with a run */
#define LIMIT_GIT_MS 3000               /* to learn commit and changes before a command starts */
#define LIMIT_REPLY_HEADER_BYTES 16384  /* of a server's answer to a node */
#define LIMIT_REPLY_BODY_BYTES (1u << 20)
#define LIMIT_PIECE_BYTES (64u << 20)   /* one PATCH */
#define LIMIT_PIECES_UNDER_WAY 8        /* requests without an answer yet, on one connection */
#define LIMIT_CONNECT_MS 10000
#define LIMIT_EXCHANGE_MS 60000         /* without a byte moving */
#define LIMIT_BACKOFF_MS 30000          /* between two tries */
#define LIMIT_RETRY_AFTER_S 600
#define LIMIT_SHIP_FILES 1000000        /* followed by one agent */
#define LIMIT_SHIP_OPEN_FILES 256
#define LIMIT_SHIP_DEPTH 64             /* of folders */
#define LIMIT_EVENTS_PER_RUN 10000
#define LIMIT_SUSPECT_MS 30000          /* until bytes that look bad are sent as damaged */

/* TensorBoard's doors */
#define LIMIT_MEMO_ENTRIES (1u << 20)   /* costly answers that are remembered */
#define LIMIT_BLOB_KEY_BYTES 65536
#define LIMIT_GRPC_REQUEST_BYTES (4u << 20)    /* one message of a client, unpacked too */
#define LIMIT_GRPC_ANSWER_BYTES ((256u << 20) - 1) /* one message: what stock clients take */
#define LIMIT_GRPC_BLOB_PIECE_BYTES (8u << 20) /* of a blob, in one message */
#define LIMIT_GRPC_HELD_BYTES (UINT64_C(2) << 30) /* of all answers that wait to be sent */
#define LIMIT_GRPC_STREAMS 100          /* calls under way on one connection */
#define LIMIT_GRPC_CALLS 1000           /* that wait for a worker, all connections together */
#define LIMIT_GRPC_STALLED_SECONDS 60   /* a client that takes nothing of an answer */
#define LIMIT_GRPC_IDLE_SECONDS 600     /* a connection without a call */

/* archive */
#define LIMIT_CARRIED_BYTES (64u << 10) /* of one append; larger ones are read from the source */
#define LIMIT_ARCHIVE_QUEUE_BYTES (64u << 20) /* carried bytes that wait to be written */
#define LIMIT_ARCHIVE_OPEN_FILES 256    /* kept open for writing while idle */
#define LIMIT_ARCHIVE_SOURCES 4096      /* descriptors of sources, held until all is safe */
#define LIMIT_ARCHIVE_TURN_BYTES (8u << 20) /* of one file before another gets a turn */
#define LIMIT_ARCHIVE_COMMIT_MS 100     /* between two group commits nobody waits for */
#define LIMIT_ARCHIVE_HUNG_MS 10000
#define LIMIT_ARCHIVE_BACKOFF_MS 30000  /* between two tries after an error */
#define LIMIT_ARCHIVE_CLOSE_MS 10000
#define LIMIT_ARCHIVE_RESERVE_BYTES (UINT64_C(10) << 30)
#define LIMIT_FSCK_FINDINGS 10000       /* listed of one check; more are counted */
#define LIMIT_FILES_PER_RUN 100000      /* paths, with all their generations */
#define LIMIT_EVENT_BYTES (64u << 10)   /* of one event's data */
#define LIMIT_NOTES_BYTES (64u << 10)
#define LIMIT_JOURNAL_LINE_BYTES (1u << 20)

#endif
