// SPDX-License-Identifier: BSD-2-Clause
/* The backend without a card. */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vesper_policy.h"
#include "vesper_sa.h"
#include "vesper_status.h"

#define EVENT_POLL_NS 1000000

static void identity_map(uint8_t map[64])
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		map[i] = (uint8_t)i;
}

int soft_open(struct vesper *v)
{
	struct soft *s = calloc(1, sizeof(*s));

	if (s) {
		s->esp.sas = sa_table_new();
		s->esp.policies = policy_table_new();
	}
	if (!s || !s->esp.sas || !s->esp.policies) {
		if (s) {
			sa_table_free(s->esp.sas);
			policy_table_free(s->esp.policies);
		}
		free(s);
		return vesper_fail(v, -ENOMEM, "no memory for the SA table");
	}
	s->esp.events = &s->events;
	s->esp.mtu = v->mtu;
	s->esp.policy_bypass = v->policy_bypass;
	identity_map(s->esp.dscp_map);
	event_queue_init(&s->events);
	v->state = s;
	return 0;
}

static void soft_close(struct vesper *v)
{
	struct soft *s = v->state;

	sa_table_free(s->esp.sas);
	policy_table_free(s->esp.policies);
	free(s);
}

static bool soft_on_card(const struct vesper *v)
{
	(void)v;
	return false;
}

static int soft_info(struct vesper *v, struct vesper_info *info)
{
	(void)v;
	*info = (struct vesper_info){
		.abi_major = VESPER_ABI_MAJOR,
		.abi_minor = VESPER_ABI_MINOR,
		.features = VESPER_FEAT_LOOKASIDE | VESPER_FEAT_TUNNEL | VESPER_FEAT_TRANSPORT |
			    VESPER_FEAT_IPV4 | VESPER_FEAT_AES_GCM | VESPER_FEAT_IPV6 |
			    VESPER_FEAT_AES_GMAC | VESPER_FEAT_ESN | VESPER_FEAT_UDP |
			    VESPER_FEAT_INPLACE | VESPER_FEAT_POLICY | VESPER_FEAT_LIFETIME |
			    VESPER_FEAT_EVENTS,
		.sa_entries = SOFT_SA_MAX,
		.replay_max = VESPER_REPLAY_MAX,
		.policy_entries = POLICY_ENTRIES,
		.policy_masks = POLICY_MASKS,
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
	err = sa_table_add(s->esp.sas, sa, handle);
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return vesper_fail(v, err, "%s", vesper_mbx_strerror(VESPER_MBX_E_DUPLICATE));
	case -ENOSPC:
		return vesper_fail(v, err, "%s", vesper_mbx_strerror(VESPER_MBX_E_FULL));
	case -EMFILE:
		return vesper_fail(v, -ENOSPC, "%s", vesper_mbx_strerror(VESPER_MBX_E_PORTS_FULL));
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

	return sa_table_del(s->esp.sas, handle) ? no_such_sa(v, handle) : 0;
}

static int soft_sa_lease(struct vesper *v, uint32_t handle, uint64_t lease_end)
{
	struct soft *s = v->state;
	struct esp_sa *sa = sa_table_get(s->esp.sas, handle);

	if (!sa)
		return no_such_sa(v, handle);
	if ((handle & VESPER_SA_INBOUND) ||
	    !vesper_lease_fits(lease_end, sa->info.seq, sa->info.sa.flags))
		return vesper_fail(v, -EINVAL, "lease_end = %llu: %s",
				   (unsigned long long)lease_end,
				   vesper_mbx_strerror(VESPER_MBX_E_LEASE));
	sa->info.lease_end = lease_end;
	sa->told_lease = false;
	return 0;
}

static int soft_sa_query(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct soft *s = v->state;
	struct esp_sa *sa = sa_table_get(s->esp.sas, handle);

	if (!sa)
		return no_such_sa(v, handle);
	*info = sa->info;
	return 0;
}

static int soft_sa_next(struct vesper *v, uint32_t handle, struct vesper_sa_info *info)
{
	struct soft *s = v->state;
	struct esp_sa *sa = sa_table_next(s->esp.sas, handle);

	if (!sa)
		return vesper_fail(v, -ENOENT, "no further SA");
	*info = sa->info;
	return 0;
}

static int soft_policy_add(struct vesper *v, const struct vesper_policy *policy, uint32_t *handle)
{
	struct soft *s = v->state;
	struct vesper_sa_error bad;
	enum vesper_mbx_status code = vesper_policy_check(policy, &bad);
	struct esp_sa *sa;
	int err;

	if (code == VESPER_MBX_OK && policy->action == VESPER_PROTECT &&
	    sa_table_find_out(s->esp.sas, policy->sa, &sa) != VESPER_ST_OK) {
		code = VESPER_MBX_E_POLICY_SA;
		bad.field = offsetof(struct vesper_policy, sa);
		bad.value = policy->sa;
	}
	if (code != VESPER_MBX_OK)
		return vesper_fail(v, -EINVAL, "policy field %s = %llu: %s",
				   vesper_policy_field_name(bad.field),
				   (unsigned long long)bad.value, vesper_mbx_strerror(code));
	err = policy_add(s->esp.policies, policy, handle);
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return vesper_fail(v, err, "%s",
				   vesper_mbx_strerror(VESPER_MBX_E_POLICY_DUPLICATE));
	case -ENOSPC:
		return vesper_fail(v, err, "%s", vesper_mbx_strerror(VESPER_MBX_E_POLICY_FULL));
	case -E2BIG:
		return vesper_fail(v, -ENOSPC, "%s",
				   vesper_mbx_strerror(VESPER_MBX_E_POLICY_MASKS));
	default:
		return vesper_fail(v, err, "the policy could not be added: %s", strerror(-err));
	}
}

static int soft_policy_del(struct vesper *v, uint32_t handle)
{
	return policy_del(soft_of(v)->esp.policies, handle) ?
		       vesper_fail(v, -ENOENT, "handle %#x: %s", handle,
				   vesper_mbx_strerror(VESPER_MBX_E_POLICY_HANDLE)) :
		       0;
}

static int soft_policy_next(struct vesper *v, uint32_t *handle, struct vesper_policy *policy)
{
	return policy_get_next(soft_of(v)->esp.policies, handle, policy) ?
		       vesper_fail(v, -ENOENT, "no further policy") :
		       0;
}

static int soft_dscp_map(struct vesper *v, const uint8_t map[64])
{
	memcpy(soft_of(v)->esp.dscp_map, map, 64);
	return 0;
}

static int soft_events(struct vesper *v, struct vesper_event *events, size_t count, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = EVENT_POLL_NS };
	struct soft *s = v->state;
	uint64_t end = event_queue_now(&s->events) + (uint64_t)timeout_ms * 1000000u;

	/* Nobody else makes events while the caller waits: only his time passes. */
	while (!s->events.count && timeout_ms > 0 && event_queue_now(&s->events) < end)
		nanosleep(&pause, NULL);
	return (int)event_queue_get(&s->events, events, count);
}

void soft_one(struct soft *s, struct vesper_frame *frame, unsigned int op)
{
	if (frame_bad_length(frame))
		frame_drop(frame, VESPER_ST_BAD_LENGTH);
	else if (op == VESPER_OP_CONTEXT)
		frame_drop(frame, VESPER_ST_BAD_OP);
	else if (op == VESPER_OP_DECRYPT)
		esp_in(&s->esp, frame);
	else
		esp_out(&s->esp, frame, op);
	/* A verdict in place goes with a frame that was delivered. */
	s->stats.tx[frame->inplace ? VESPER_ST_OK : frame->status]++;
	s->stats.tx_bytes += frame->len;
}

static int soft_crypt(struct vesper *v, struct vesper_frame *frames, size_t count,
		      enum crypt_way way)
{
	struct soft *s = v->state;
	int passed = 0;
	size_t i;

	if (way == WAY_SEND)
		return vesper_fail(v, -EOPNOTSUPP,
				   "sending needs a card; this handle is software only");
	for (i = 0; i < count; i++) {
		soft_one(s, &frames[i], frame_op(&frames[i], way));
		passed += frames[i].status == VESPER_ST_OK;
	}
	return passed;
}

static int soft_stats(struct vesper *v, struct vesper_stats *stats)
{
	struct soft *s = v->state;

	*stats = s->stats;
	stats->cycles = event_queue_now(&s->events);
	stats->events = s->events.written;
	stats->events_suppressed = s->events.suppressed;
	stats->events_lost = s->events.lost;
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
	const struct crypto_msg m = {
		.data = data, .len = sizeof(data), .tag = tag, .tag_len = sizeof(tag)
	};
	struct crypto_key *key;
	bool good;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		key = crypto->key_new(zero, known[i].key_len);
		memset(data, 0, sizeof(data));
		good = key && !crypto->seal(key, &m) &&
		       !memcmp(data, known[i].text, sizeof(data)) &&
		       !memcmp(tag, known[i].tag, sizeof(tag)) && !crypto->open(key, &m) &&
		       !memcmp(data, zero, sizeof(data));
		/* And a forged tag must not pass. */
		tag[15] ^= 1;
		good = good && crypto->open(key, &m) == -EBADMSG;
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
	struct vesper_policy policy;
	uint32_t handle = 0;

	while (!policy_get_next(s->esp.policies, &handle, &policy))
		policy_del(s->esp.policies, handle);
	sa_table_wipe(s->esp.sas);
	identity_map(s->esp.dscp_map);
	memset(&s->stats, 0, sizeof(s->stats));
	event_queue_init(&s->events);
	return 0;
}

const struct backend backend_soft = {
	.close = soft_close,
	.on_card = soft_on_card,
	.info = soft_info,
	.sa_add = soft_sa_add,
	.sa_del = soft_sa_del,
	.sa_lease = soft_sa_lease,
	.sa_query = soft_sa_query,
	.sa_next = soft_sa_next,
	.policy_add = soft_policy_add,
	.policy_del = soft_policy_del,
	.policy_next = soft_policy_next,
	.dscp_map = soft_dscp_map,
	.events = soft_events,
	.crypt = soft_crypt,
	.stats = soft_stats,
	.selftest = soft_selftest,
	.reset = soft_reset,
};
