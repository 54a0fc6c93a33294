// SPDX-License-Identifier: BSD-2-Clause
/* The backend without a card. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "soft_sa.h"
#include "vesper_sa.h"
#include "vesper_status.h"

struct soft {
	struct sa_table *sas;
	struct vesper_stats stats;
};

int soft_open(struct vesper *v)
{
	struct soft *s = calloc(1, sizeof(*s));

	if (s)
		s->sas = sa_table_new();
	if (!s || !s->sas) {
		free(s);
		return vesper_fail(v, -ENOMEM, "no memory for the SA table");
	}
	v->state = s;
	return 0;
}

static void soft_close(struct vesper *v)
{
	struct soft *s = v->state;

	sa_table_free(s->sas);
	free(s);
}

static int soft_info(struct vesper *v, struct vesper_info *info)
{
	(void)v;
	*info = (struct vesper_info){
		.abi_major = VESPER_ABI_MAJOR,
		.abi_minor = VESPER_ABI_MINOR,
		.features = VESPER_FEAT_LOOKASIDE | VESPER_FEAT_TUNNEL | VESPER_FEAT_TRANSPORT |
			    VESPER_FEAT_IPV4 | VESPER_FEAT_AES_GCM,
		.sa_entries = SOFT_SA_MAX,
	};
	return 0;
}

static int soft_sa_add(struct vesper *v, const struct vesper_sa *sa, uint32_t *handle)
{
	struct soft *s = v->state;
	struct vesper_sa_error bad;
	enum vesper_mbx_status code = vesper_sa_check(sa, &bad);
	int err;

	if (code != VESPER_MBX_OK)
		return vesper_fail(v, -EINVAL, "SA field %s = %llu: %s",
				   vesper_sa_field_name(bad.field), (unsigned long long)bad.value,
				   vesper_mbx_strerror(code));
	err = sa_table_add(s->sas, sa, handle);
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return vesper_fail(v, err, "%s", vesper_mbx_strerror(VESPER_MBX_E_DUPLICATE));
	case -ENOSPC:
		return vesper_fail(v, err, "%s", vesper_mbx_strerror(VESPER_MBX_E_FULL));
	default:
		return vesper_fail(v, err, "the SA could not be set up: %s", strerror(-err));
	}
}

static int no_such_sa(struct vesper *v, uint32_t handle)
{
	return vesper_fail(v, -ENOENT, "handle %#x: %s", handle,
			   vesper_mbx_strerror(VESPER_MBX_E_HANDLE));
}

static int soft_sa_del(struct vesper *v, uint32_t handle)
{
	struct soft *s = v->state;

	return sa_table_del(s->sas, handle) ? no_such_sa(v, handle) : 0;
}

static int soft_sa_query(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct soft *s = v->state;
	struct esp_sa *sa = sa_table_get(s->sas, handle);

	if (!sa)
		return no_such_sa(v, handle);
	*info = sa->info;
	return 0;
}

static int soft_sa_next(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct soft *s = v->state;
	struct esp_sa *sa = sa_table_next(s->sas, handle);

	if (!sa)
		return vesper_fail(v, -ENOENT, "no further SA");
	*info = sa->info;
	return 0;
}

/* The card drops a descriptor with such a length before it looks at the frame. */
static bool bad_length(const struct vesper_frame *frame)
{
	return frame->len < VESPER_FRAME_MIN || frame->len > VESPER_FRAME_MAX;
}

static void drop(struct vesper_frame *frame, enum vesper_status status)
{
	frame->status = (uint8_t)status;
	frame->len = 0;
	frame->seq = 0;
	frame->esp = false;
}

static int soft_crypt(struct vesper *v, struct vesper_frame *frames, size_t count, unsigned int op)
{
	struct soft *s = v->state;
	int passed = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		struct vesper_frame *frame = &frames[i];

		if (bad_length(frame))
			drop(frame, VESPER_ST_BAD_LENGTH);
		else if (op == VESPER_OP_ENCRYPT)
			esp_out(sa_table_find_out, s->sas, frame, v->mtu);
		else
			esp_in(sa_table_find_in, s->sas, frame);
		s->stats.tx[frame->status]++;
		s->stats.tx_bytes += frame->len;
		passed += frame->status == VESPER_ST_OK;
	}
	return passed;
}

static int soft_stats(struct vesper *v, struct vesper_stats *stats)
{
	struct soft *s = v->state;

	*stats = s->stats;
	return 0;
}

/* GCM specification, test cases 2, 8 and 14: all-zero key, nonce and block. */
static const struct {
	uint8_t key_len;
	uint8_t text[16];
	uint8_t tag[16];
} known[] = {
	{ 16,
	  { 0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92, 0xf3, 0x28, 0xc2, 0xb9, 0x71, 0xb2,
	    0xfe, 0x78 },
	  { 0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec, 0x13, 0xbd, 0xf5, 0x3a, 0x67, 0xb2, 0x12, 0x57,
	    0xbd, 0xdf } },
	{ 24,
	  { 0x98, 0xe7, 0x24, 0x7c, 0x07, 0xf0, 0xfe, 0x41, 0x1c, 0x26, 0x7e, 0x43, 0x84, 0xb0,
	    0xf6, 0x00 },
	  { 0x2f, 0xf5, 0x8d, 0x80, 0x03, 0x39, 0x27, 0xab, 0x8e, 0xf4, 0xd4, 0x58, 0x75, 0x14,
	    0xf0, 0xfb } },
	{ 32,
	  { 0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3,
	    0x9d, 0x18 },
	  { 0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a,
	    0xb9, 0x19 } },
};

static int soft_selftest(struct vesper *v)
{
	static const uint8_t zero[32];
	uint8_t data[16], tag[16];
	struct crypto_key *key;
	bool good;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		key = crypto->key_new(zero, known[i].key_len);
		memset(data, 0, sizeof(data));
		good = key &&
		       !crypto->seal(key, zero, NULL, 0, data, sizeof(data), tag, sizeof(tag)) &&
		       !memcmp(data, known[i].text, sizeof(data)) &&
		       !memcmp(tag, known[i].tag, sizeof(tag)) &&
		       !crypto->open(key, zero, NULL, 0, data, sizeof(data), tag, sizeof(tag)) &&
		       !memcmp(data, zero, sizeof(data));
		/* And a forged tag must not pass. */
		tag[15] ^= 1;
		good = good && crypto->open(key, zero, NULL, 0, data, sizeof(data), tag,
					    sizeof(tag)) == -EBADMSG;
		crypto->key_free(key);
		if (!good)
			return vesper_fail(v, -EIO, "AES-%u-GCM of %s fails its known-answer test",
					   8 * known[i].key_len, crypto->name);
	}
	return 0;
}

static int soft_reset(struct vesper *v)
{
	struct soft *s = v->state;

	sa_table_wipe(s->sas);
	memset(&s->stats, 0, sizeof(s->stats));
	return 0;
}

const struct backend backend_soft = {
	.close = soft_close,
	.info = soft_info,
	.sa_add = soft_sa_add,
	.sa_del = soft_sa_del,
	.sa_query = soft_sa_query,
	.sa_next = soft_sa_next,
	.crypt = soft_crypt,
	.stats = soft_stats,
	.selftest = soft_selftest,
	.reset = soft_reset,
};
