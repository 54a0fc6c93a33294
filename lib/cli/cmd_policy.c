// SPDX-License-Identifier: BSD-2-Clause
/* vesper policy add, del, list; vesper events. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "tally.h"

static int read_policy(const struct cli *cli, struct vesper_policy *policy)
{
	const struct field *field;
	char name[32];
	const char *equals;
	int i;

	*policy = (struct vesper_policy){ 0 };
	for (i = 1; i < cli->nargs; i++) {
		equals = strchr(cli->args[i], '=');
		if (!equals || (size_t)(equals - cli->args[i]) >= sizeof(name))
			return cli_fail(cli, CLI_USAGE, "'%s' is not FIELD=VALUE", cli->args[i]);
		snprintf(name, sizeof(name), "%.*s", (int)(equals - cli->args[i]), cli->args[i]);
		field = field_find(policy_fields, name);
		if (!field)
			return cli_fail(cli, CLI_USAGE, "unknown field '%s'", name);
		if (!field_set(field, policy, equals + 1))
			return cli_fail(cli, CLI_USAGE, "field '%s': '%s' is not %s", name,
					equals + 1, field->wanted);
	}
	if (!policy->family)
		policy->family = VESPER_IPV4;
	return CLI_OK;
}

static int add(const struct cli *cli, struct vesper *v)
{
	struct vesper_policy policy;
	uint32_t handle;
	int err = read_policy(cli, &policy);

	if (err)
		return err;
	if (vesper_policy_add(v, &policy, &handle))
		return cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
	printf("%#010x\n", handle);
	return CLI_OK;
}

static int del(const struct cli *cli, struct vesper *v)
{
	uint64_t handle;

	if (cli->nargs != 2)
		return cli_fail(cli, CLI_USAGE,
				"which policy? Give the handle that `vesper policy list` shows");
	if (!text_to_number(cli->args[1], UINT32_MAX, &handle))
		return cli_fail(cli, CLI_USAGE, "'%s' is not a handle", cli->args[1]);
	return vesper_policy_del(v, (uint32_t)handle) ?
		       cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v)) :
		       CLI_OK;
}

static const char *action_name(unsigned int action)
{
	return action == VESPER_PROTECT ? "protect" :
	       action == VESPER_BYPASS	? "bypass" :
					  "discard";
}

static unsigned int be16(const uint8_t bytes[2])
{
	return (unsigned int)(bytes[0] << 8 | bytes[1]);
}

static void print_policy(FILE *json, uint32_t handle, const struct vesper_policy *p)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	if (!json) {
		printf("%#010x  priority %u  %s/%u -> %s/%u  protocol %u", handle, p->priority,
		       address_text(p->family, p->src, src), p->src_len,
		       address_text(p->family, p->dst, dst), p->dst_len, p->proto);
		if (be16(p->sport_mask))
			printf(" source-port %#x/%#x", be16(p->sport), be16(p->sport_mask));
		if (be16(p->dport_mask))
			printf(" destination-port %#x/%#x", be16(p->dport), be16(p->dport_mask));
		printf("  %s", action_name(p->action));
		if (p->sa)
			printf(" %#010x", p->sa);
		putchar('\n');
		return;
	}
	fprintf(json,
		"{\"handle\": %u, \"priority\": %u, \"source\": \"%s/%u\", \"destination\": \"%s/%u\", "
		"\"protocol\": %u, \"source_port\": %u, \"source_port_mask\": %u, "
		"\"destination_port\": %u, \"destination_port_mask\": %u, \"action\": \"%s\", \"sa\": %u}",
		handle, p->priority, address_text(p->family, p->src, src), p->src_len,
		address_text(p->family, p->dst, dst), p->dst_len, p->proto, be16(p->sport),
		be16(p->sport_mask), be16(p->dport), be16(p->dport_mask), action_name(p->action),
		p->sa);
}

static int list(const struct cli *cli, struct vesper *v)
{
	struct vesper_policy policy;
	uint32_t handle = 0;
	const char *comma = "";
	FILE *out = NULL;
	int err;

	if (cli->json) {
		out = json_open(cli);
		if (!out)
			return CLI_FAILED;
		fputc('[', out);
	}
	while (!(err = vesper_policy_next(v, &handle, &policy))) {
		if (out)
			fputs(comma, out);
		print_policy(out, handle, &policy);
		comma = ",\n ";
	}
	if (out) {
		fputs("]\n", out);
		if (json_close(cli, out))
			return CLI_FAILED;
	}
	return err == -ENOENT ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
}

static int policy_main(const struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(const struct cli *cli, struct vesper *v);
	} verbs[] = { { "add", add }, { "del", del }, { "list", list } };
	struct vesper *v;
	size_t i;
	int err;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(cli->args[0], verbs[i].name))
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		return cli_fail(cli, CLI_USAGE, "'%s' is not add, del or list", cli->args[0]);
	if (cli->nargs != 1 && verbs[i].run == list)
		return cli_fail(cli, CLI_USAGE, "unexpected argument '%s'", cli->args[1]);
	err = cli_open(cli, &v);
	if (err)
		return err;
	err = verbs[i].run(cli, v);
	vesper_close(v);
	return err;
}

/* ---- events ---- */

static const char *event_name(unsigned int code)
{
	switch (code) {
	case VESPER_EV_SOFT_PACKETS:
		return "soft_packets";
	case VESPER_EV_SOFT_BYTES:
		return "soft_bytes";
	case VESPER_EV_EXPIRED:
		return "expired";
	case VESPER_EV_LEASE_LOW:
		return "lease_low";
	default:
		return vesper_status_name(code) ? vesper_status_name(code) : "unknown";
	}
}

static void print_event(FILE *json, const struct vesper_event *e)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	unsigned int family = e->flags & VESPER_EVF_IPV6 ? VESPER_IPV6 : VESPER_IPV4;
	bool packet = e->code < VESPER_ST_COUNT;
	uint32_t spi;

	memcpy(&spi, e->spi, sizeof(spi));
	if (json)
		fprintf(json,
			"{\"time\": %" PRIu64
			", \"event\": \"%s\", \"inbound\": %s, \"source\": \"%s\", "
			"\"destination\": \"%s\", \"spi\": %u, \"seq\": %" PRIu64
			", \"sa\": %u, \"flow_label\": %u, \"suppressed\": %u}\n",
			e->time, event_name(e->code),
			e->flags & VESPER_EVF_INBOUND ? "true" : "false",
			packet ? address_text(family, e->src, src) : "",
			packet ? address_text(family, e->dst, dst) : "", ntohl(spi), e->seq, e->sa,
			e->flow_label, e->suppressed);
	else
		printf("%12" PRIu64 "  %-3s %-13s %s%s%s  spi 0x%08x  seq %" PRIu64
		       "  sa %#010x  flow %#x  suppressed %u\n",
		       e->time, e->flags & VESPER_EVF_INBOUND ? "in" : "out", event_name(e->code),
		       packet ? address_text(family, e->src, src) : "", packet ? " -> " : "-",
		       packet ? address_text(family, e->dst, dst) : "", ntohl(spi), e->seq, e->sa,
		       e->flow_label, e->suppressed);
}

/* Until --count or --timeout. The first call sets the ring up: what happened before is not told. */
static int events_main(const struct cli *cli)
{
	struct vesper_event events[64];
	unsigned long seen = 0;
	FILE *out = NULL;
	struct vesper *v;
	size_t want;
	int n, i, err = cli_open(cli, &v);

	if (err)
		return err;
	if (cli->json) {
		out = json_open(cli);
		if (!out)
			err = CLI_FAILED;
	}
	while (!err) {
		want = sizeof(events) / sizeof(events[0]);
		if (cli->count && cli->count - seen < want)
			want = cli->count - seen;
		n = vesper_events(v, events, want, (int)cli->timeout_ms);
		if (n < 0)
			err = cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
		for (i = 0; i < n; i++)
			print_event(out, &events[i]);
		fflush(out ? out : stdout);
		seen += n > 0 ? (unsigned long)n : 0;
		if (n <= 0 || (cli->count && seen >= cli->count))
			break;
	}
	if (out && json_close(cli, out))
		err = CLI_FAILED;
	vesper_close(v);
	return err;
}

const struct cli_command cmd_policy = {
	.name = "policy",
	.args = "[OPTIONS] add FIELD=VALUE...|list|del HANDLE",
	.summary = "install, show and delete the card's outbound policies",
	.options = "sj",
	.min_args = 1,
	.max_args = 32,
	.run = policy_main,
};

const struct cli_command cmd_events = {
	.name = "events",
	.args = "[OPTIONS]",
	.summary = "show the card's events as they come",
	.options = "sjct",
	.run = events_main,
};
