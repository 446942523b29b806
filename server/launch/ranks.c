#include "launch/ranks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/digest.h"

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* A variable that is a number from 0 to 1,000,000; -1: it is none. */
static int number(const char *name)
{
    const char *text = getenv(name);
    char *end;

    if (!text || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    long n = strtol(text, &end, 10);
    return errno || *end || n > 1000000 ? -1 : (int)n;
}

static int first_number(const char *const *names, int otherwise)
{
    for (; *names; names++) {
        int n = number(*names);
        if (n >= 0)
            return n;
    }
    return otherwise;
}

/* key = hash of the words, each with its length, behind the launcher's name. */
static void make_key(struct ranks *place, const char *launcher, const char *const *names)
{
    struct digest digest;
    uint8_t hash[DIGEST_BYTES];

    digest_init(&digest);
    digest_add(&digest, launcher, strlen(launcher) + 1);
    for (; *names; names++) {
        const char *value = getenv(*names);
        digest_add(&digest, value ? value : "", value ? strlen(value) + 1 : 1);
    }
    digest_get(&digest, hash);
    for (int i = 0; i < DIGEST_BYTES; i++)
        snprintf(place->key + (ptrdiff_t)2 * i, 3, "%02x", hash[i]);
}

/* Under mpirun inside Slurm every rank has SLURM_PROCID=0, and the batch shell has it too: Slurm's
 * own variables come late, and only inside a step. */
static void read_mpi(struct ranks *place)
{
    static const char *const key[] = {"PMIX_NAMESPACE", "OMPI_MCA_orte_hnp_uri", NULL};
    static const char *const local[] = {"OMPI_COMM_WORLD_LOCAL_RANK", NULL};
    static const char *const local_world[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", NULL};

    place->rank = number("OMPI_COMM_WORLD_RANK");
    place->world = number("OMPI_COMM_WORLD_SIZE");
    place->local_rank = first_number(local, 0);
    place->local_world = first_number(local_world, 1);
    place->node = place->local_world > 0 ? place->rank / place->local_world : 0;
    if (getenv("PMIX_NAMESPACE"))
        make_key(place, "mpi", key);
}

static void read_slurm(struct ranks *place, int rank)
{
    static const char *const key[] = {"SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_STEP_ID", NULL};
    static const char *const world[] = {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "PMI_SIZE", NULL};
    static const char *const local[] = {"SLURM_LOCALID", NULL};
    static const char *const node[] = {"SLURM_NODEID", NULL};

    place->rank = rank;
    place->world = first_number(world, 1);
    place->local_rank = first_number(local, 0);
    place->local_world = 1;
    place->node = first_number(node, 0);
    int restarts = number("SLURM_RESTART_COUNT");
    if (restarts > 0)
        place->attempt = restarts + 1;
    if (getenv("SLURM_STEP_ID"))
        make_key(place, "slurm", key);
}

static void read_torch(struct ranks *place)
{
    static const char *const key[] = {"MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", NULL};
    static const char *const world[] = {"WORLD_SIZE", NULL};
    static const char *const local[] = {"LOCAL_RANK", NULL};
    static const char *const local_world[] = {"LOCAL_WORLD_SIZE", NULL};
    static const char *const node[] = {"GROUP_RANK", NULL};

    place->rank = number("RANK");
    place->world = first_number(world, 1);
    place->local_rank = first_number(local, 0);
    place->local_world = first_number(local_world, 1);
    int derived = place->local_world > 0 ? place->rank / place->local_world : 0;
    place->node = first_number(node, derived);
    int restarts = number("TORCHELASTIC_RESTART_COUNT");
    if (restarts > 0)
        place->attempt = restarts + 1;
    if (getenv("MASTER_ADDR") && getenv("MASTER_PORT"))
        make_key(place, "torch", key);
}

void ranks_read(struct ranks *ret)
{
    struct ranks place = {.world = 1, .local_world = 1, .attempt = 1};
    int pmi = number("PMI_RANK"), slurm = getenv("SLURM_STEP_ID") ? number("SLURM_PROCID") : -1;

    if (number("OMPI_COMM_WORLD_RANK") >= 0)
        read_mpi(&place);
    else if (pmi >= 0 || slurm >= 0)
        read_slurm(&place, pmi >= 0 ? pmi : slurm);
    else if (number("RANK") >= 0)
        read_torch(&place);
    else {
        *ret = place;
        return;
    }
    place.launched = true;
    if (place.world <= place.rank)
        place.world = place.rank + 1;
    if (place.local_world < 1)
        place.local_world = 1;
    *ret = place;
}

/* 80 bits, the first ones first. */
static void base32(const uint8_t bytes[10], char ret[RUN_ID_BYTES])
{
    uint32_t held = 0;
    int bits = 0, at = 0;

    for (int i = 0; i < 10; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            ret[at++] = letters[held >> (bits - 5) & 31];
    }
    ret[at] = '\0';
}

void run_id_make(char ret[RUN_ID_BYTES])
{
    uint8_t bytes[10];
    uint64_t ms = (uint64_t)(clock_wall_s(NULL) * 1e3);

    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    if (getrandom(bytes + 6, 4, GRND_NONBLOCK) != 4) { /* early at boot: good enough to differ */
        uint64_t mix = (uint64_t)clock_ns(NULL) * 2654435761u ^ (uint64_t)getpid() << 16;
        memcpy(bytes + 6, &mix, 4);
    }
    base32(bytes, ret);
}

void run_id_from_key(const char *key, char ret[RUN_ID_BYTES])
{
    struct digest digest;
    uint8_t hash[DIGEST_BYTES];

    digest_init(&digest);
    digest_add(&digest, key, strlen(key));
    digest_get(&digest, hash);
    base32(hash, ret);
}

bool run_id_valid(const char *id)
{
    return strlen(id) == RUN_ID_BYTES - 1 && strspn(id, letters) == RUN_ID_BYTES - 1;
}
