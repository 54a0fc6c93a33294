// SPDX-License-Identifier: BSD-2-Clause
#include "capture.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN 65535

struct capture_in {
	pcap_t *pcap;
	const char *path;
	unsigned long number; /* of the packet read last, from 1 */
};

struct capture_out {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	const char *path;
};

int capture_open(const struct cli *cli, const char *path, struct capture_in **out)
{
	char text[PCAP_ERRBUF_SIZE];
	struct capture_in *in;
	int type;

	in = calloc(1, sizeof(*in));
	if (!in)
		return cli_fail(cli, CLI_FAILED, "no memory for %s", path);
	in->path = path;
	/* In timeval's place then stand seconds and nanoseconds. */
	in->pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!in->pcap) {
		free(in);
		return cli_fail(cli, CLI_USAGE, "%s%s%s", strstr(text, path) ? "" : path,
				strstr(text, path) ? "" : ": ", text);
	}
	type = pcap_datalink(in->pcap);
	if (type != DLT_EN10MB) {
		capture_close(in);
		return cli_fail(cli, CLI_USAGE, "%s: link type %d is not Ethernet (1)", path, type);
	}
	*out = in;
	return CLI_OK;
}

void capture_close(struct capture_in *in)
{
	if (!in)
		return;
	pcap_close(in->pcap);
	free(in);
}

int capture_next(const struct cli *cli, struct capture_in *in, const uint8_t **data, uint32_t *len,
		 struct timeval *when)
{
	struct pcap_pkthdr *header;
	int got = pcap_next_ex(in->pcap, &header, data);

	if (got == PCAP_ERROR_BREAK)
		return 0;
	in->number++;
	if (got != 1) {
		cli_fail(cli, CLI_FAILED, "%s: packet %lu: %s", in->path, in->number,
			 pcap_geterr(in->pcap));
		return -1;
	}
	if (header->caplen < header->len) {
		cli_fail(cli, CLI_FAILED, "%s: packet %lu: only %u of its %u bytes were captured",
			 in->path, in->number, header->caplen, header->len);
		return -1;
	}
	*len = header->len;
	*when = header->ts;
	return 1;
}

int capture_create(const struct cli *cli, const char *path, struct capture_out **result)
{
	struct capture_out *out = calloc(1, sizeof(*out));
	int err;

	if (!out)
		return cli_fail(cli, CLI_FAILED, "no memory for %s", path);
	out->path = path;
	out->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAPLEN,
							 PCAP_TSTAMP_PRECISION_NANO);
	out->dumper = out->pcap ? pcap_dump_open(out->pcap, path) : NULL;
	if (!out->dumper) {
		err = cli_fail(cli, CLI_FAILED, "%s",
			       out->pcap ? pcap_geterr(out->pcap) : "no memory");
		if (out->pcap)
			pcap_close(out->pcap);
		free(out);
		return err;
	}
	*result = out;
	return CLI_OK;
}

void capture_write(struct capture_out *out, const uint8_t *data, uint32_t len,
		   const struct timeval *when)
{
	struct pcap_pkthdr header = { .ts = *when, .caplen = len, .len = len };

	pcap_dump((u_char *)out->dumper, &header, data);
}

int capture_finish(const struct cli *cli, struct capture_out *out)
{
	int err = CLI_OK;

	if (!out)
		return CLI_OK;
	if (pcap_dump_flush(out->dumper) || ferror(pcap_dump_file(out->dumper)))
		err = cli_fail(cli, CLI_FAILED, "%s could not be written", out->path);
	pcap_dump_close(out->dumper);
	pcap_close(out->pcap);
	free(out);
	return err;
}
