// SPDX-License-Identifier: BSD-2-Clause
/* vesper info, stats, selftest. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cards.h"
#include "tally.h"

#define CARDS_MAX 64

static const struct {
	uint32_t bit;
	const char *name;
} features[] = {
	{ VESPER_FEAT_ESP_OUT, "esp-out" },
	{ VESPER_FEAT_ESP_IN, "esp-in" },
	{ VESPER_FEAT_LOOKASIDE, "lookaside" },
	{ VESPER_FEAT_TUNNEL, "tunnel" },
	{ VESPER_FEAT_TRANSPORT, "transport" },
	{ VESPER_FEAT_IPV4, "ipv4" },
	{ VESPER_FEAT_AES_GCM, "aes-gcm" },
	{ VESPER_FEAT_IPV6, "ipv6" },
	{ VESPER_FEAT_AES_GMAC, "aes-gmac" },
	{ VESPER_FEAT_ESN, "esn" },
	{ VESPER_FEAT_UDP, "udp" },
	{ VESPER_FEAT_INPLACE, "in-place" },
	{ VESPER_FEAT_POLICY, "policy" },
	{ VESPER_FEAT_LIFETIME, "lifetime" },
	{ VESPER_FEAT_EVENTS, "events" },
	{ VESPER_FEAT_SG, "scatter-gather" },
	{ VESPER_FEAT_TX_CSUM, "tx-checksum" },
	{ VESPER_FEAT_TSO, "tso" },
	{ VESPER_FEAT_RX_CSUM, "rx-checksum" },
	{ VESPER_FEAT_RSS, "rss" },
	{ VESPER_FEAT_FILTER, "filter" },
	{ VESPER_FEAT_MODERATION, "moderation" },
	{ VESPER_FEAT_NUMBERED, "numbered" },
};

/* A card that vfio-pci has can be asked, unless a program uses it. */
static void list_firmware(const struct vesper_pci *card)
{
	struct vesper_opts opts = { .size = sizeof(opts), .card = card->address };
	struct vesper_info info;
	struct vesper *v;
	char text[256];

	if (strcmp(card->driver, VESPER_PCI_DRIVER)) {
		puts("-");
		return;
	}
	if (vesper_open(&opts, &v, text, sizeof(text))) {
		printf("- (%s)\n", text);
		return;
	}
	if (vesper_info(v, &info))
		printf("- (%s)\n", vesper_strerror(v));
	else
		printf("%u.%u.%u\n", info.fw_version >> 24, info.fw_version >> 16 & 255,
		       info.fw_version & 0xffff);
	vesper_close(v);
}

static int list_cards(const struct cli *cli)
{
	struct vesper_pci cards[CARDS_MAX];
	char text[256], group[16];
	int n = cards_find("", cards, CARDS_MAX, text, sizeof(text)), i;

	if (n < 0)
		return cli_fail(cli, CLI_FAILED, "PCI bus: %s", text);
	if (!n)
		return cli_fail(cli, CLI_FAILED,
				"no Vesper card on the PCI bus (ID %04x:%04x); one elsewhere is "
				"named with --card",
				VESPER_PCI_VENDOR, VESPER_PCI_DEVICE);
	printf("%-14s %-12s %-12s %s\n", "card", "driver", "IOMMU group", "firmware");
	for (i = 0; i < n && i < CARDS_MAX; i++) {
		snprintf(group, sizeof(group), "%d", cards[i].group);
		printf("%-14s %-12s %-12s ", cards[i].address,
		       cards[i].driver[0] ? cards[i].driver : "-",
		       cards[i].group >= 0 ? group : "-");
		fflush(stdout);
		list_firmware(&cards[i]);
	}
	return CLI_OK;
}

static int info_main(const struct cli *cli)
{
	struct vesper_info info;
	struct vesper *v;
	size_t i;
	int err;

	if (!cli->software && !cli_card(cli))
		return list_cards(cli);
	err = cli_open(cli, &v);
	if (err)
		return err;
	if (vesper_info(v, &info)) {
		err = cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
		vesper_close(v);
		return err;
	}
	printf("device     %s\n", vesper_on_card(v) ? "Vesper card" : "software");
	printf("abi        %u.%u\n", info.abi_major, info.abi_minor);
	printf("features  ");
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (info.features & features[i].bit)
			printf(" %s", features[i].name);
	printf("\nSAs        %u a direction, replay windows to %u\n", info.sa_entries,
	       info.replay_max);
	printf("policies   %u in %u masks\n", info.policy_entries, info.policy_masks);
	if (vesper_on_card(v)) {
		printf("firmware   %u.%u.%u\n", info.fw_version >> 24, info.fw_version >> 16 & 255,
		       info.fw_version & 0xffff);
		printf("queues     %u pairs\n", info.queues);
		printf("engines    2, %u blocks a cycle\n", info.gcm_blocks);
		printf("self-test  %s\n",
		       info.selftest_passed ? "passed" : "failed: the data path is closed");
		printf("MAC        %02x:%02x:%02x:%02x:%02x:%02x\n", info.mac[0], info.mac[1],
		       info.mac[2], info.mac[3], info.mac[4], info.mac[5]);
	}
	vesper_close(v);
	return CLI_OK;
}

static void stats_text(const char *name, const vesper_le64 *counter)
{
	unsigned int i;

	for (i = 0; i < VESPER_ST_COUNT; i++)
		if (counter[i] || !i)
			printf("%s %-16s %12" PRIu64 "  %s\n", name,
			       vesper_status_name(i) ? vesper_status_name(i) : "?",
			       (uint64_t)counter[i], i ? vesper_status_str(i) : "passed");
}

static int stats_main(const struct cli *cli)
{
	struct vesper_stats stats;
	struct vesper *v;
	FILE *out;
	int err = cli_open(cli, &v);

	if (err)
		return err;
	if (vesper_stats(v, &stats))
		err = cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
	vesper_close(v);
	if (err)
		return err;
	if (!cli->json) {
		stats_text("tx", stats.tx);
		stats_text("rx", stats.rx);
		printf("tx bytes %" PRIu64 ", rx bytes %" PRIu64 ", ignored doorbells tx %" PRIu64
		       " rx %" PRIu64 ", %" PRIu64 " cycles\nevents %" PRIu64
		       ", suppressed %" PRIu64 ", lost %" PRIu64 "\n",
		       (uint64_t)stats.tx_bytes, (uint64_t)stats.rx_bytes,
		       (uint64_t)stats.tx_bad_doorbell, (uint64_t)stats.rx_bad_doorbell,
		       (uint64_t)stats.cycles, (uint64_t)stats.events,
		       (uint64_t)stats.events_suppressed, (uint64_t)stats.events_lost);
		return CLI_OK;
	}
	out = json_open(cli);
	if (!out)
		return CLI_FAILED;
	fputs("{\"tx\": ", out);
	json_counters(out, stats.tx, true);
	fputs(", \"rx\": ", out);
	json_counters(out, stats.rx, true);
	fprintf(out,
		", \"tx_bytes\": %" PRIu64 ", \"rx_bytes\": %" PRIu64
		", \"tx_bad_doorbell\": %" PRIu64 ", \"rx_bad_doorbell\": %" PRIu64
		", \"cycles\": %" PRIu64 ", \"events\": %" PRIu64
		", \"events_suppressed\": %" PRIu64 ", \"events_lost\": %" PRIu64 "}\n",
		(uint64_t)stats.tx_bytes, (uint64_t)stats.rx_bytes, (uint64_t)stats.tx_bad_doorbell,
		(uint64_t)stats.rx_bad_doorbell, (uint64_t)stats.cycles, (uint64_t)stats.events,
		(uint64_t)stats.events_suppressed, (uint64_t)stats.events_lost);
	return json_close(cli, out);
}

static int selftest_main(const struct cli *cli)
{
	struct vesper *v;
	int err = cli_open(cli, &v);

	if (err)
		return err;
	if (vesper_selftest(v))
		err = cli_fail(cli, CLI_FAILED, "%s", vesper_strerror(v));
	else
		puts("known-answer tests passed");
	vesper_close(v);
	return err;
}

const struct cli_command cmd_info = {
	.name = "info",
	.args = "[OPTIONS]",
	.summary = "say what a card is and can do; without one, list those on the PCI bus",
	.options = "sw",
	.run = info_main,
};

const struct cli_command cmd_stats = {
	.name = "stats",
	.args = "[OPTIONS]",
	.summary = "show the card's counters",
	.options = "sj",
	.run = stats_main,
};

const struct cli_command cmd_selftest = {
	.name = "selftest",
	.args = "[OPTIONS]",
	.summary = "run the known-answer tests",
	.options = "sw",
	.run = selftest_main,
};
